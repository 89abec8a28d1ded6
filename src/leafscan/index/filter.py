"""Which rows a search may return: compiled once, used many times, up to date with the index."""

import time
import weakref
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan import _engine
from leafscan.index.forks import Rank, fork_safe
from leafscan.index.living import Living
from leafscan.index.lookup import integer_ids, read_ids
from leafscan.index.roster import Roster

if TYPE_CHECKING:
    from leafscan.index.searchable import SearchableIndex

__all__ = ["Filter"]


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """A filter for one version, which it does not keep: what is not used for long costs no old rows."""

    living: weakref.ref[Living]
    version: int
    count: int
    allowed: NDArray[np.bool_]  # by row
    filter: _engine.Filter


class Filter:
    """The rows that searches may return, as `leafscan.Index.filter` compiles them for its index.

    ``len(f)`` is the number of rows that are allowed, as of its latest use. Any number of threads may search
    with one filter at the same time.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
    >>> f = index.filter(deny=[1])
    >>> f
    <leafscan.Filter: 3 of 4 rows>
    >>> index.search([0.0, 3.0, 2.0, 1.0], k=2, filter=f).ids.tolist()
    [2, 3]
    >>> index.upsert([5], [[0.0, 1.0, 1.0, 0.0]])
    >>> index.search([0.0, 3.0, 2.0, 1.0], k=2, filter=f).ids.tolist()
    [5, 2]
    """

    __slots__ = ("__weakref__", "_allow", "_compiled", "_deny", "_index", "_lock", "_seconds", "_where")

    _allow: "_Ids | None"
    _deny: "_Ids | None"
    _where: Mapping[str, Any] | None
    _index: "weakref.ref[SearchableIndex]"
    _compiled: _Compiled
    _lock: AbstractContextManager[None]
    _seconds: float

    def __init__(self) -> None:
        raise TypeError(
            "a Filter belongs to an index: make it with index.filter(allow=...), (deny=...) or (where=...)."
        )

    @classmethod
    def _of(
        cls,
        index: "SearchableIndex",
        *,
        allow: ArrayLike | Iterable[Any] | None,
        deny: ArrayLike | Iterable[Any] | None,
        where: Mapping[str, Any] | None,
    ) -> Self:
        begin = time.perf_counter()
        if allow is None and deny is None and where is None:
            raise TypeError(
                "filter needs allow, deny or where, or several; a search without a filter allows every row."
            )
        living = index._living
        made = cls.__new__(cls)
        made._index = weakref.ref(index)
        made._lock = fork_safe(Rank.FILTER)
        made._where = where
        with living.agreeing():
            made._allow = None if allow is None else _Ids.read(allow, "allow", living.roster)
            made._deny = None if deny is None else _Ids.read(deny, "deny", living.roster)
            made._compiled = made._compile(living, None)
        made._seconds = time.perf_counter() - begin
        return made

    def _current(self, index: "SearchableIndex") -> tuple[Living, _engine.Searcher, _engine.Filter]:
        """Return the version of the index that is current, what it is of, and the filter for it."""
        if self._index() is not index:
            raise ValueError("filter was compiled for another index; compile one for this index.")
        living = index._living
        searcher, compiled = living.searcher, self._compiled
        if compiled.filter.version != searcher.version:
            with self._lock, living.agreeing():
                searcher, compiled = living.searcher, self._compiled
                if compiled.filter.version != searcher.version:
                    begin = time.perf_counter()
                    compiled = self._compile(living, compiled if compiled.living() is living else None)
                    self._compiled = compiled
                    self._seconds = time.perf_counter() - begin
        return living, searcher, compiled.filter

    def _compile(self, living: Living, before: _Compiled | None) -> _Compiled:
        searcher, roster = living.searcher, living.roster
        written = None if before is None else roster.written_since(before.version)
        allowed = np.zeros(searcher.row_end, np.bool_)
        if before is None or written is None:
            rows = roster.by_place()
            allowed[rows] = self._allows(rows, roster.ids, roster.all_handles, living)
        else:
            allowed[: len(before.allowed)] = before.allowed
            if written:
                kind: Any = object if roster.strings else np.int64
                rows = np.fromiter(written, np.int64, len(written))
                allowed[rows] = self._allows(
                    rows,
                    lambda: np.array([one for one, _ in written.values()], kind),
                    lambda: np.array([handle for _, handle in written.values()], np.int64),
                    living,
                )
        earlier = None if before is None or written is None else before.filter
        compiled = searcher.compile_filter(allowed.view(np.uint8), earlier)
        return _Compiled(weakref.ref(living), roster.version, searcher.count, allowed, compiled)

    def _allows(self, rows: NDArray[Any], ids: Any, handles: Any, living: Living) -> NDArray[np.bool_]:
        """Tell which of the rows are allowed; ``ids`` and ``handles`` give theirs, in their order."""
        allowed = np.ones(len(rows), np.bool_)
        if self._allow is not None or self._deny is not None:
            names = ids()
            if self._allow is not None:
                allowed &= self._allow.hold(names)
            if self._deny is not None:
                allowed &= ~self._deny.hold(names)
        if self._where is not None:
            if living.tags is None:
                raise ValueError(
                    "where asks for tags, and this index has none; give them to leafscan.build(tags=...)."
                )
            asked = handles()
            order = np.argsort(asked)
            matching = np.empty(len(rows), np.bool_)
            matching[order] = living.tags.matching(asked[order], self._where)
            allowed &= matching
        return allowed

    def __len__(self) -> int:
        """Return the number of rows that are allowed."""
        return self._compiled.filter.allowed

    def __bool__(self) -> bool:
        """Return True: a filter that allows nothing is a filter still."""
        return True

    @property
    def nbytes(self) -> int:
        """The bytes it takes: some ten bits a row of the index, and what its ids and a short list take."""
        compiled = self._compiled
        named = sum(ids.nbytes for ids in (self._allow, self._deny) if ids is not None)
        return compiled.filter.nbytes + compiled.allowed.nbytes + named

    @property
    def seconds(self) -> float:
        """How long it took to compile, or to bring up to date, the look-up of the ids included."""
        return self._seconds

    def __repr__(self) -> str:
        """Tell how many rows are allowed."""
        return f"<leafscan.Filter: {len(self):,} of {self._compiled.count:,} rows>"


class _Ids:
    """A set of ids."""

    __slots__ = ("_integers", "_strings")

    def __init__(self, ids: NDArray[Any], *, strings: bool) -> None:
        self._strings = frozenset(ids.tolist()) if strings else None
        self._integers = None if strings else np.unique(ids)

    @classmethod
    def read(cls, ids: ArrayLike | Iterable[Any], name: str, roster: Roster) -> Self:
        """Read ids that the index has, or a mask of its ids."""
        values = read_ids(ids, name)
        roster.rows(values, name)  # raises where they are not of this index
        if isinstance(values, np.ndarray) and values.dtype == np.bool_:
            return cls(roster.ids()[values], strings=roster.strings)
        if roster.strings:
            return cls(np.array(list(values), object), strings=True)
        return cls(integer_ids(values, name), strings=False)

    @property
    def nbytes(self) -> int:
        """The bytes of integers, or of references to strings."""
        return 8 * len(self._strings) if self._integers is None else self._integers.nbytes  # type: ignore[arg-type]

    def hold(self, ids: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which of ``ids`` are in the set."""
        if self._strings is not None:
            return np.fromiter((one in self._strings for one in ids.tolist()), np.bool_, len(ids))
        assert self._integers is not None
        return np.isin(ids, self._integers, assume_unique=True)
