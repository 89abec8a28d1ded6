"""Positions, which tensors can hold, and the ids that they stand for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.ids import StringIds
from leafscan.index.living import Living
from leafscan.index.lookup import NO_ROW

__all__ = ["Places"]


class Places:
    """Ids by position and positions by id, of an index as it is now.

    The position of a vector that the index was built with is its place among these. Of one that came since:
    with strings for ids its handle, which no other vector has or had; with integers its row, which another
    vector may have once it is gone.

    Parameters
    ----------
    living
        The index' versions.

    Examples
    --------
    >>> import leafscan
    >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="cosine", ids=[50, 70, 60])
    >>> places = Places(index._living)
    >>> places.decode(np.array([[1, -1]])).tolist(), places.encode(np.array([60, 61])).tolist()
    ([[70, -1]], [2, -1])
    """

    __slots__ = ("_living",)

    def __init__(self, living: Living) -> None:
        self._living = living

    def decode(self, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Return the ids, int64 or strings, in the shape of ``positions``; -1 or "" where these are negative.

        Raises
        ------
        ValueError
            If there is no such position, which is named.
        """
        living = self._living
        ids = living.contents.ids
        flat = positions.reshape(-1)
        built = len(living.contents.sections["order"])
        came = flat >= built
        fresh: list[Any] = []
        if came.any():
            with living.lock:
                fresh = [self._fresh(place) for place in flat[came].tolist()]
        if isinstance(ids, StringIds):
            names = ids.take(np.where(came, -1, flat)).astype(object)
            names[came] = fresh
            return names.astype(np.str_).reshape(positions.shape)
        numbers = flat.copy()
        if isinstance(ids, np.ndarray) and flat.size:
            given = np.empty(built + 1, np.int64)
            given[living.contents.sections["order"]] = ids
            given[built] = -1
            numbers = given[np.where(came | (flat < 0), built, flat)]
        numbers[came] = fresh
        numbers[flat < 0] = -1
        return numbers.reshape(positions.shape)

    def encode(self, ids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the positions in the shape of ``ids``; -1 for what the index does not have.

        Raises
        ------
        TypeError
            If the ids are of another kind than the index'.
        """
        living = self._living
        asked = ids.astype(object) if living.roster.strings else ids
        places = np.full(ids.size, -1, np.int64)
        if not ids.size:
            return places.reshape(ids.shape)
        with living.lock:
            rows = living.roster.find(asked.reshape(-1), "ids")
            there = rows != NO_ROW
            order = living.contents.sections["order"]
            if living.roster.strings:
                places[there] = living.roster.handles_of(rows[there])
            else:
                built = there & (rows < len(order))
                places[built] = order[rows[built]]
                places[there & ~built] = rows[there & ~built]
        return places.reshape(ids.shape)

    def _fresh(self, place: int) -> Any:
        living = self._living
        known = living._names.get(place) if living.roster.strings else living.roster.came(place)
        if known is None:
            raise ValueError(f"positions must be of vectors that are there, or -1; received {place}.")
        return known
