"""Which ids an index has now: the row and the handle of each."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.ids import StringIds
from leafscan.index.lookup import NO_ROW, Lookup, integer_ids, read_ids

__all__ = ["Roster"]

#: So many updates are remembered by the rows that they wrote.
REMEMBERED = 1024


class Roster:
    """The ids of the version that is current. Not for several threads at once: `Living` has the lock.

    A handle is a number that no other vector of the index has or had: the position, for the vectors that the
    index was built with, and for each one that came since the next number. Whatever is said to be in the
    order of the ids goes by ascending handle.

    Parameters
    ----------
    ids
        As `leafscan.index.contents.Contents` has them.
    order
        uint32 (n,): row r is the vector that was given at position ``order[r]``.

    Examples
    --------
    >>> roster = Roster(np.array([30, 10, 20]), np.array([2, 0, 1], np.uint32))
    >>> roster.ids().tolist(), roster.rows([20, 30], "ids").tolist()
    ([10, 20, 30], [2, 0])
    >>> roster.update([10, 11], removed=roster.rows([10], "ids"), rows=np.array([3, 4]))
    >>> roster.ids().tolist(), roster.handles([11], "ids").tolist()
    ([20, 30, 10, 11], [4])
    >>> len(roster), roster.find(np.array([10, 12]), "ids").tolist() == [3, NO_ROW]
    (4, True)
    """

    __slots__ = (
        "_base",
        "_by_handle",
        "_by_place",
        "_fresh",
        "_gone",
        "_ids",
        "_known",
        "_order",
        "_removed",
        "_written",
        "gone",
        "next_handle",
        "version",
    )

    def __init__(self, ids: NDArray[np.int64] | StringIds | None, order: NDArray[np.uint32]) -> None:
        self._ids = ids
        self._order = order
        self._base: Lookup | None = None  # takes time to make, and who only searches needs none
        self._gone: NDArray[np.bool_] | None = None  # by row
        self._fresh: dict[Any, int] = {}  # id -> row, by ascending handle
        self._known: dict[int, tuple[Any, int]] = {}  # row -> id and handle, likewise
        self._by_handle: dict[int, Any] | None = None
        self._by_place: NDArray[np.uint32] | None = None
        self._written: deque[NDArray[np.int64]] = deque(maxlen=REMEMBERED)
        self._removed: deque[NDArray[np.int64]] = deque(maxlen=REMEMBERED)  # handles
        #: How many of the vectors that the index was built with are not there any more.
        self.gone = 0
        #: The handle of the next vector that comes.
        self.next_handle = len(order)
        #: How many updates there were.
        self.version = 0

    @property
    def strings(self) -> bool:
        """Whether ids are strings."""
        return isinstance(self._ids, StringIds)

    @property
    def fresh(self) -> int:
        """How many vectors came since and are there."""
        return len(self._fresh)

    def __len__(self) -> int:
        """Return how many ids there are."""
        return len(self._order) - self.gone + len(self._fresh)

    def by_place(self) -> NDArray[np.uint32]:
        """Return uint32 (n,), the rows in the order of the ids."""
        rows = self._by_place
        if rows is None:
            rows = self._lookup().by_place()
            if self._gone is not None:
                rows = rows[~self._gone[rows]]
            if self._fresh:
                rows = np.concatenate([rows, np.fromiter(self._fresh.values(), np.uint32, len(self._fresh))])
            self._by_place = rows
        return rows

    def ids(self) -> NDArray[Any]:
        """Return (n,), the ids in their order."""
        base: NDArray[Any]
        if self._ids is None:
            base = np.arange(len(self._order), dtype=np.int64)
        elif isinstance(self._ids, StringIds):
            base = self._ids.take(np.arange(len(self._order), dtype=np.int64))
        else:
            base = self._ids[self._lookup().by_place()]
        if self._gone is not None:
            base = base[~self._gone[self._lookup().by_place()]]
        if not self._fresh:
            return base
        return np.concatenate([base, np.array(list(self._fresh), np.str_ if self.strings else np.int64)])

    def all_handles(self) -> NDArray[np.int64]:
        """Return int64 (n,), the handles of all, ascending."""
        base = np.arange(len(self._order), dtype=np.int64)
        if self._gone is not None:
            base = base[~self._gone[self._lookup().by_place()]]
        fresh = np.fromiter((handle for _, handle in self._known.values()), np.int64, len(self._known))
        return np.concatenate([base, fresh])

    def handles_of(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Return the handle of each of ``rows``, which are there."""
        n = len(self._order)
        built = rows < n
        handles = np.empty(len(rows), np.int64)
        handles[built] = self._order[rows[built]]
        handles[~built] = [self._known[row][1] for row in rows[~built].tolist()]
        return handles

    def named(self, handle: int) -> Any:
        """Return the id of a vector that came since, by its handle, or None."""
        if self._by_handle is None:
            self._by_handle = {known: one for one, known in self._known.values()}
        return self._by_handle.get(handle)

    def handles(self, ids: ArrayLike | Iterable[Any], name: str) -> NDArray[np.int64]:
        """Return the handles of ``ids``, in their order, or of a mask, ascending; as `rows` takes them."""
        values = read_ids(ids, name)
        handles = self.handles_of(self.rows(values, name))
        mask = isinstance(values, np.ndarray) and values.dtype == np.bool_
        return np.sort(handles) if mask else handles

    def find(self, ids: NDArray[Any], name: str) -> NDArray[np.uint32]:
        """Return the row of each of ``ids``, in their shape; `NO_ROW` where the index has no such id.

        Raises
        ------
        TypeError
            If they are of another kind than the index' ids.
        """
        rows = self._lookup().find(ids, name)
        if not self.version:
            return rows
        rows = rows.copy()
        if self._gone is not None:
            built = rows != NO_ROW
            rows[built] = np.where(self._gone[rows[built]], np.uint32(NO_ROW), rows[built])
        if self._fresh:
            row_of = self._fresh.get
            fresh = np.fromiter((row_of(one, -1) for one in ids.reshape(-1).tolist()), np.int64, ids.size)
            there = fresh >= 0
            rows.reshape(-1)[there] = fresh[there]
        return rows

    def has(self, one: Any) -> bool:
        """Return whether there is such an id, of the kind that ids are."""
        asked = np.array([one], object if self.strings else np.int64)
        return bool(self.find(asked, "id")[0] != NO_ROW)

    def rows(self, ids: ArrayLike | Iterable[Any], name: str) -> NDArray[np.int64]:
        """Return the rows of ``ids``, in their order, or of a mask.

        Parameters
        ----------
        ids
            Ids of the index' kind, or booleans (n,) in the order of the ids.
        name
            The argument, as the caller knows it.

        Raises
        ------
        TypeError
            If they are of another kind than the index' ids.
        ValueError
            If the index has no such id, which is named, or a mask has another length.
        """
        values = read_ids(ids, name)
        if isinstance(values, np.ndarray) and values.dtype == np.bool_:
            if len(values) != len(self):
                raise ValueError(
                    f"{name} as a mask must hold one boolean for each of the {len(self)} rows; "
                    f"received {len(values)}."
                )
            masked: NDArray[np.int64] = self.by_place()[values].astype(np.int64)
            return masked
        asked = self._of_kind(values, name)
        rows = self.find(asked, name)
        unknown = np.flatnonzero(rows == NO_ROW)
        if len(unknown):
            one = asked[unknown[0]]
            raise ValueError(
                f"{name} holds the id {one if isinstance(one, str) else int(one)!r:.80}, "
                "which this index does not have."
            )
        return rows.astype(np.int64)

    def update(self, ids: Sequence[Any], *, removed: NDArray[Any], rows: NDArray[Any]) -> None:
        """Take note of an update.

        Parameters
        ----------
        ids
            Of the vectors that came; none, where vectors only went.
        removed
            The rows that went, of ids that are replaced, too.
        rows
            (m,), the rows of those that came.
        """
        n = len(self._order)
        self._removed.append(self.handles_of(removed))
        built = removed[removed < n]
        if len(built):
            if self._gone is None:
                self._gone = np.zeros(n, np.bool_)
            self._gone[built] = True
            self.gone += len(built)
        for row in removed[removed >= n].tolist():
            del self._fresh[self._known.pop(row)[0]]
        for one, row in zip(ids, rows.tolist(), strict=True):
            self._fresh[one] = row
            self._known[row] = (one, self.next_handle)
            self.next_handle += 1
        self._by_handle = None
        self._by_place = None
        self._written.append(np.asarray(rows, np.int64))
        self.version += 1

    def written_since(self, version: int) -> dict[int, tuple[Any, int]] | None:
        """Return id and handle of every row that came after ``version`` and is there.

        None where that is too long ago to be known.
        """
        count = self.version - version
        if count > len(self._written):
            return None
        known = self._known
        return {
            row: known[row]
            for rows in list(self._written)[len(self._written) - count :]
            for row in rows.tolist()
            if row in known
        }

    def removed_since(self, version: int) -> NDArray[np.int64] | None:
        """Return the handles of what went after ``version``, also of what came after it.

        None where that is too long ago to be known.
        """
        count = self.version - version
        if count > len(self._removed):
            return None
        recent = list(self._removed)[len(self._removed) - count :]
        return np.concatenate([np.zeros(0, np.int64), *recent])

    def _lookup(self) -> Lookup:
        if self._base is None:
            self._base = Lookup(self._ids, self._order)
        return self._base

    def _of_kind(self, values: NDArray[Any] | list[Any], name: str) -> NDArray[Any]:
        if not self.strings:
            return integer_ids(values, name)
        for one in values:
            if not isinstance(one, str):
                raise TypeError(
                    f"{name} must hold strings, as the ids of this index are; "
                    f"received {one!r:.80} ({type(one).__name__})."
                )
        return np.array(list(values), object)
