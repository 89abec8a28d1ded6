"""Retrieval as a module."""

from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn

from leafscan.index.config import SearchParams
from leafscan.index.index import Index, SearchResult
from leafscan.index.slots import Slot
from leafscan.torch.operation import search, slot_tensor

__all__ = ["Retrieval"]


class Retrieval(nn.Module):
    """Find the best candidates for each query, as a module that can be compiled.

    The index is no parameter and not in the ``state_dict``: save it beside (``index.save``), and publish it
    again where the module is loaded. A deep copy of a module has a slot of its own.

    Parameters
    ----------
    index
        The candidates.
    k
        How many each query gets, by default.
    query_tower
        What makes queries of inputs, or None: the inputs are queries.
    params, threads
        As of `leafscan.Slot`.
    positions
        Return positions instead of ids; `decode` turns them into ids. None does so for strings alone.

    Examples
    --------
    >>> import leafscan, torch
    >>> import leafscan.torch
    >>> index = leafscan.build(torch.eye(4).numpy(), metric="dot_product", ids=["n", "e", "s", "w"])
    >>> retrieval = leafscan.torch.Retrieval(index, k=2)
    >>> ids, scores = retrieval(torch.tensor([[0.0, 3.0, 2.0, 1.0]]))
    >>> retrieval.decode(ids).tolist(), scores.tolist()
    ([['e', 's']], [[3.0, 2.0]])
    """

    def __init__(
        self,
        index: Index,
        k: int = 10,
        *,
        query_tower: nn.Module | None = None,
        params: SearchParams | None = None,
        threads: SupportsIndex | None = None,
        positions: bool | None = None,
    ) -> None:
        super().__init__()
        self.k = k
        self.query_tower = query_tower
        self.slot = Slot(index, params=params, threads=threads)
        slot_tensor(self.slot)  # is there before anything is compiled
        self.positions = self.slot.id_kind == "strings" if positions is None else positions

    def forward(
        self, inputs: Any, k: int | None = None, *, deny: Tensor | None = None, allow: Tensor | None = None
    ) -> SearchResult:
        """Retrieve.

        Parameters
        ----------
        inputs
            Queries (..., d), or what the query tower makes them of.
        k
            How many; None is the module's own.
        deny, allow
            As of `leafscan.torch.search`.

        Returns
        -------
        SearchResult
            ``ids`` (int64) and ``scores`` (float32), (..., k), as tensors.
        """
        queries = inputs if self.query_tower is None else self.query_tower(inputs)
        return search(
            self.slot,
            queries,
            self.k if k is None else k,
            positions=self.positions,
            deny=deny,
            allow=allow,
        )

    def publish(self, index: Index) -> None:
        """Retrieve from ``index`` from now on; compiled modules too, without being compiled again."""
        self.slot.publish(index)

    def decode(self, positions: Tensor) -> Any:
        """Turn positions into ids, int64 or strings, as NumPy has them.

        Parameters
        ----------
        positions
            Integers of any shape, on any device.

        Returns
        -------
        NDArray
            Of the same shape.
        """
        return self.slot.decode(torch.as_tensor(positions).cpu().numpy())

    def extra_repr(self) -> str:
        """Tell k and the index."""
        return f"k={self.k}, index={self.slot.index!r}"
