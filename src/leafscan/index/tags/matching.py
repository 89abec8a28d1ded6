"""Which rows a condition holds for.

Each comparison is one statement over the index by value, which gives the handles it holds for; how they are
combined is a matter of masks. So a nested condition costs the sum of its parts.
"""

import sqlite3
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from leafscan.index.tags.columns import Value
from leafscan.index.tags.schema import Tag, wrong
from leafscan.index.tags.where import All, AnyOf, Bounds, Condition, Equal, Exists, Not

__all__ = ["Places", "holds"]

#: Values that one statement looks for; every SQLite takes as many.
VALUES_AT_ONCE = 500


class Places:
    """Where handles stand in an ascending list of them.

    Examples
    --------
    >>> places = Places(np.array([3, 5, 8]))
    >>> places.mask(np.array([8, 4, 3])).tolist()
    [True, False, True]
    """

    __slots__ = ("_first", "_handles")

    def __init__(self, handles: NDArray[np.int64]) -> None:
        self._handles = handles
        n = len(handles)
        # Of an index that was never updated, handles are the positions.
        gapless = n > 0 and int(handles[-1]) - int(handles[0]) == n - 1
        self._first = int(handles[0]) if gapless else None

    def __len__(self) -> int:
        """Return how many handles there are."""
        return len(self._handles)

    def find(self, handles: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the place of each handle, and whether it is there at all."""
        n = len(self._handles)
        if self._first is not None:
            at = handles - self._first
            there = (at >= 0) & (at < n)
        else:
            at = np.searchsorted(self._handles, handles)
            there = at < n
            there[there] = self._handles[at[there]] == handles[there]
        return at.astype(np.intp), there

    def mask(self, handles: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (n,) whether each of the list is among ``handles``."""
        at, there = self.find(handles)
        mask = np.zeros(len(self._handles), np.bool_)
        mask[at[there]] = True
        return mask


def holds(
    condition: Condition, connection: sqlite3.Connection, tags: Mapping[str, Tag], places: Places
) -> NDArray[np.bool_]:
    """Return (n,) whether ``condition`` holds for each row of ``places``."""
    if isinstance(condition, Not):
        return ~holds(condition.part, connection, tags, places)
    if isinstance(condition, (All, AnyOf)):
        join = np.logical_and if isinstance(condition, All) else np.logical_or
        mask = holds(condition.parts[0], connection, tags, places)
        for part in condition.parts[1:]:
            join(mask, holds(part, connection, tags, places), out=mask)
        return mask
    tag = tags[condition.tag]
    if isinstance(condition, Equal):
        mask = np.zeros(len(places), np.bool_)
        for first in range(0, len(condition.values), VALUES_AT_ONCE):
            some = condition.values[first : first + VALUES_AT_ONCE]
            marks = ", ".join("?" * len(some))
            mask |= places.mask(_handles(connection, tag, f"value IN ({marks})", some))
        return mask
    if isinstance(condition, Exists):
        return places.mask(_handles(connection, tag, "TRUE", ()))
    if tag.many and condition.low and condition.high:
        # One value may be above the one, another below the other.
        parts = (Bounds(condition.tag, condition.low, None), Bounds(condition.tag, None, condition.high))
        return holds(All(parts), connection, tags, places)
    return places.mask(_handles(connection, tag, *_within(condition)))


def _within(bounds: Bounds) -> tuple[str, list[Value]]:
    # In SQLite's order numbers come before strings, and "" is the first of those.
    tests, values = [], []
    for bound in (bounds.low, bounds.high):
        if bound is not None:
            tests.append(f"value {bound[0]} ?")
            values.append(bound[1])
    text = isinstance(values[0], str)
    if text and bounds.low is None:
        tests.append("value >= ''")
    elif not text and bounds.high is None:
        tests.append("value < ''")
    return " AND ".join(tests), values


def _handles(
    connection: sqlite3.Connection, tag: Tag, test: str, values: Sequence[Value]
) -> NDArray[np.int64]:
    # One string of all is five times as quick as to fetch row by row, and other threads run meanwhile.
    count, text = connection.execute(
        f"SELECT count(*), group_concat(handle) FROM tag_{tag.number} WHERE {test}", values
    ).fetchone()
    if count == 0:
        return np.empty(0, np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            handles = np.fromstring(text, np.int64, sep=",")
        except (DeprecationWarning, ValueError) as error:
            raise wrong("it holds a handle that is no number") from error
    if len(handles) != count:
        raise wrong("it holds a handle that is no number")
    return handles
