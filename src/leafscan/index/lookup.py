"""Which row an id names."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import read_array
from leafscan.index.ids import StringIds

__all__ = ["NO_ROW", "Lookup", "integer_ids", "read_ids"]

#: What the engine takes for no row.
NO_ROW = 2**32 - 1


class Lookup:
    """Finds the rows of ids; what that takes is made once.

    Parameters
    ----------
    ids
        The ids as an index holds them: integers by row, strings in the order they were given in, or None,
        which stands for the positions.
    order
        uint32 (n,): row r is the one that was given at position ``order[r]``.

    Examples
    --------
    >>> lookup = Lookup(np.array([30, 10, 20]), order=np.array([2, 0, 1], np.uint32))
    >>> lookup.find(np.array([20, 30, 7]), "allow").tolist() == [2, 0, NO_ROW]
    True
    """

    __slots__ = ("_by_place", "_integers", "_order", "_rows", "_strings")

    def __init__(self, ids: NDArray[np.int64] | StringIds | None, order: NDArray[np.uint32]) -> None:
        self._order = order
        self._by_place: NDArray[np.uint32] | None = None
        self._integers: NDArray[np.int64] | None = None  # ascending
        self._strings: dict[bytes, int] | None = None
        if isinstance(ids, np.ndarray):
            self._rows = np.argsort(ids)
            self._integers = ids[self._rows]
        elif ids is not None:
            data, offsets = bytes(ids.data), ids.offsets.tolist()
            self._strings = {data[start:end]: place for place, (start, end) in enumerate(pairwise(offsets))}

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._order)

    def by_place(self) -> NDArray[np.uint32]:
        """Return uint32 (n,), the rows in the order in which the vectors were given."""
        rows = self._by_place
        if rows is None:
            rows = np.empty(len(self._order), np.uint32)
            rows[self._order] = np.arange(len(self._order), dtype=np.uint32)
            self._by_place = rows
        return rows

    def find(self, ids: NDArray[Any], name: str) -> NDArray[np.uint32]:
        """Return the row of each of ``ids``, in their shape; `NO_ROW` where the index has no such id.

        Raises
        ------
        TypeError
            If they are of another kind than the index' ids.
        """
        if not ids.size:
            return np.full(ids.shape, NO_ROW, np.uint32)
        if self._strings is not None:
            return self._find_strings(ids, name)
        if ids.dtype.kind not in "iu":
            raise TypeError(
                f"{name} must hold integers, as the ids of this index are; received the dtype {ids.dtype}."
            )
        if ids.dtype == np.uint64:  # Beside integers with a sign NumPy makes floats of them.
            beyond = ids > np.iinfo(np.int64).max
            ids = ids.astype(np.int64)
            ids[beyond] = -1
        if self._integers is None:
            rows = self.by_place()
            known = (ids >= 0) & (ids < len(rows))
            return np.where(known, rows[np.where(known, ids, 0)], np.uint32(NO_ROW))
        at = np.minimum(np.searchsorted(self._integers, ids), len(self._integers) - 1)
        known = self._integers[at] == ids
        return np.where(known, self._rows[at], NO_ROW).astype(np.uint32)

    def _find_strings(self, ids: NDArray[Any], name: str) -> NDArray[np.uint32]:
        assert self._strings is not None
        if ids.dtype.kind not in "OUT":
            raise TypeError(
                f"{name} must hold strings, as the ids of this index are; received the dtype {ids.dtype}."
            )
        position = self._strings.get
        try:
            found = [position(value.encode(errors="surrogatepass"), -1) for value in ids.reshape(-1).tolist()]
        except AttributeError:
            raise TypeError(f"{name} must hold strings, as the ids of this index are.") from None
        positions = np.array(found, np.intp)
        return np.where(positions >= 0, self.by_place()[positions], np.uint32(NO_ROW)).reshape(ids.shape)


def read_ids(ids: ArrayLike | Iterable[Any], name: str) -> NDArray[Any] | list[Any]:
    """Return ids, or a mask as an array of booleans, as they were given, (m,)."""
    if hasattr(ids, "__array__") or hasattr(ids, "__dlpack__"):
        array = read_array(ids, name)
        if array.ndim != 1:
            raise ValueError(
                f"{name} must have the shape (m,), one id each; received the shape {array.shape}."
            )
        # Strings, and objects of any kind, are looked at one by one.
        return array.tolist() if array.dtype.kind in "OUT" else array
    if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
        raise TypeError(
            f"{name} must be ids or a mask, not one value; received {_told(ids)}. Put it in a list."
        )
    values = list(ids)
    if values and all(isinstance(value, (bool, np.bool_)) for value in values):
        return np.array(values, np.bool_)
    return values


def integer_ids(values: NDArray[Any] | list[Any], name: str) -> NDArray[np.int64]:
    """Return what `read_ids` read as int64, if all of it can be ids of an index."""
    if isinstance(values, list):
        for value in values:
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
                raise TypeError(
                    f"{name} must hold integers, as the ids of this index are; received {_told(value)}."
                )
            if not 0 <= value < 2**63:
                raise ValueError(f"{name} holds the id {value}, which this index does not have.")
        return np.array(values, np.int64)
    if not len(values):
        return np.empty(0, np.int64)  # NumPy makes an empty list float64.
    if values.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must hold integers, as the ids of this index are, or booleans; "
            f"received the dtype {values.dtype}."
        )
    beyond = values > np.iinfo(np.int64).max
    if beyond.any():
        raise ValueError(f"{name} holds the id {values[np.argmax(beyond)]}, which this index does not have.")
    checked: NDArray[np.int64] = values.astype(np.int64)
    return checked


def _told(value: Any) -> str:
    return f"{value!r:.80} ({type(value).__name__})"
