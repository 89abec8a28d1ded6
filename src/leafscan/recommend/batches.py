"""Batches of arrays in a seeded order that depends on nothing global."""

from __future__ import annotations

from typing import Any

import keras  # type: ignore[import-untyped, import-not-found, unused-ignore]
import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "Batches"]

#: One array, or several by name, of one length.
Arrays = NDArray[Any] | dict[str, NDArray[Any]]


class Batches(keras.utils.PyDataset):  # type: ignore[misc, unused-ignore]
    """Arrays cut into batches, which every Keras backend trains on in the same order.

    Parameters
    ----------
    inputs, targets
        Arrays, or dicts of arrays, of one length n.
    batch_size
        Rows a batch, at least 1; the last batch may have fewer.
    seed
        Seeds a new order for every epoch; None keeps the order of the arrays.

    Raises
    ------
    ValueError
        If lengths differ, there are no rows, or the batch size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> batches = Batches(np.arange(5), np.arange(5), batch_size=2)
    >>> [batches[place][0].tolist() for place in range(len(batches))]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, inputs: Arrays, targets: Arrays, *, batch_size: int, seed: int | None = None) -> None:
        super().__init__()
        lengths = {len(array) for part in (inputs, targets) for array in _arrays(part)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                f"inputs and targets must have one length above 0, received lengths {sorted(lengths)}."
            )
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size}.")
        self.rows = lengths.pop()
        self.batch_size = batch_size
        self._inputs, self._targets = inputs, targets
        self._rng = None if seed is None else np.random.default_rng(seed)
        self._order: NDArray[np.int64] | None = None
        self.on_epoch_end()

    def __len__(self) -> int:
        """Count the batches."""
        return -(-self.rows // self.batch_size)

    def __getitem__(self, place: int) -> tuple[Any, Any]:
        """Cut one batch: its inputs and its targets."""
        span = slice(place * self.batch_size, (place + 1) * self.batch_size)
        rows: Any = span if self._order is None else self._order[span]
        return _cut(self._inputs, rows), _cut(self._targets, rows)

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order."""
        if self._rng is not None:
            self._order = self._rng.permutation(self.rows)


def _arrays(part: Arrays) -> list[NDArray[Any]]:
    return list(part.values()) if isinstance(part, dict) else [part]


def _cut(part: Arrays, rows: Any) -> Any:
    return {name: array[rows] for name, array in part.items()} if isinstance(part, dict) else part[rows]
