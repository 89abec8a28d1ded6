"""Which rows a search may return: compiled once, used many times."""

import time
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan import _engine
from leafscan.index.lookup import Lookup

__all__ = ["Filter"]


class Filter:
    """The rows that searches may return, as `leafscan.Index.filter` compiles them for its index; immutable.

    ``len(f)`` is the number of rows that are allowed. Any number of threads may search with one filter at the
    same time.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
    >>> f = index.filter(deny=[1])
    >>> f
    <leafscan.Filter: 3 of 4 rows>
    >>> index.search([0.0, 3.0, 2.0, 1.0], k=2, filter=f).ids.tolist()
    [2, 3]
    """

    __slots__ = ("__weakref__", "_compiled", "_rows", "_seconds")

    _compiled: _engine.Filter
    _rows: int
    _seconds: float

    def __init__(self) -> None:
        raise TypeError("a Filter belongs to an index: make it with index.filter(allow=...), (deny=...) or (where=...).")

    @classmethod
    def _compile(
        cls,
        searcher: _engine.Searcher,
        lookup: Lookup,
        n: int,
        allow: ArrayLike | Iterable[Any] | None,
        deny: ArrayLike | Iterable[Any] | None,
        begin: float,
        matching: NDArray[np.bool_] | None = None,
    ) -> Self:
        if allow is None and deny is None and matching is None:
            raise TypeError(
                "filter needs allow, deny or where, or several; a search without a filter allows every row."
            )
        allowed = np.full(n, allow is None, np.bool_)
        if allow is not None:
            allowed[lookup.rows(allow, "allow")] = True
        if deny is not None:
            allowed[lookup.rows(deny, "deny")] = False
        if matching is not None:
            allowed[lookup.rows(~matching, "where")] = False
        compiled = cls.__new__(cls)
        compiled._compiled = searcher.compile_filter(allowed.view(np.uint8))
        compiled._rows = n
        compiled._seconds = time.perf_counter() - begin
        return compiled

    def __len__(self) -> int:
        """Return the number of rows that are allowed."""
        return self._compiled.allowed

    def __bool__(self) -> bool:
        """Return True: a filter that allows nothing is a filter still."""
        return True

    @property
    def nbytes(self) -> int:
        """The bytes it takes: two or three bits a row of the index, and four bytes a row of a short list."""
        return self._compiled.nbytes

    @property
    def seconds(self) -> float:
        """How long it took to compile, the look-up of the ids included."""
        return self._seconds

    def __repr__(self) -> str:
        """Tell how many rows are allowed."""
        return f"<leafscan.Filter: {len(self):,} of {self._rows:,} rows>"
