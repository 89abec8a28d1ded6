"""The search of an index."""

import weakref
from collections.abc import Iterable, Mapping
from time import perf_counter_ns
from typing import Any, Literal, NamedTuple, SupportsIndex, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan import _engine
from leafscan.index.arrays import FLOAT32, as_queries
from leafscan.index.config import Config, SearchParams
from leafscan.index.contents import Contents
from leafscan.index.filter import Filter
from leafscan.index.knobs import Knobs, check_stop, knobs_for
from leafscan.index.living import Living
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.numbers import whole_number
from leafscan.index.query_rows import read_query_rows
from leafscan.index.search_explanation import ExplainedResult, told
from leafscan.index.threads import MAX_THREADS, default_threads
from leafscan.index.tuning.by_recall import check_kind, params_for
from leafscan.index.tuning.record import Tuning

__all__ = ["MAX_K", "SearchResult", "SearchableIndex"]

#: The engine counts results in 32 bits.
MAX_K = 2**31 - 1


class SearchResult(NamedTuple):
    """What a search found, best first: ``ids, scores = index.search(...)``.

    Attributes
    ----------
    ids
        int64 or strings, (k,) for one query and (q, k) for a batch; -1 or "" where fewer than k can be had.
    scores
        float32, of the same shape. Dot products and cosines descend, squared distances ascend; -inf
        (squared_l2: +inf) where there is no id.
    """

    ids: NDArray[Any]
    scores: NDArray[np.float32]


class SearchableIndex:
    """What an index is searched by; `ReadableIndex` adds what else it can be asked."""

    __slots__ = ("__weakref__", "_followers", "_lent", "_living", "_normalize", "_one", "_recent")

    def __init__(self, contents: Contents) -> None:
        self._normalize = engine_metric(contents.metric)[1]
        self._one = (contents.dim,)
        # Slots that serve this index, which are told of each version that it publishes.
        self._followers: weakref.WeakSet[Any] = weakref.WeakSet()
        # The one that frameworks search this index through, once they do (`leafscan.index.slots.slot_of`).
        self._lent: Any = None
        # The latest `params` that a search gave, the plan they were for, and what they come to: who searches
        # in a loop gives the same object every time, so it is checked once.
        self._recent: tuple[SearchParams | None, Config | None, Knobs] = (None, None, (0, 0, 0, 0, None))
        self._live(Living(contents))

    def _tell(self) -> None:
        """Tell who serves this index that it has another version; whoever publishes one calls it."""
        for slot in list(self._followers):
            slot._follow(self)

    def _lent_slot(self) -> tuple[int, int, Metric, Literal["integers", "strings"]]:
        """Tell number, dimensions, metric and kind of ids of the slot that frameworks search this through."""
        from leafscan.index.slots import slot_of  # which knows indexes

        slot = slot_of(self)  # type: ignore[arg-type]
        return slot.number, slot.dim, slot.metric, slot.id_kind

    def _live(self, living: Living) -> None:
        """Go on with this one."""
        self._living = living

    @overload
    def search(
        self,
        queries: ArrayLike,
        *,
        k: SupportsIndex = 10,
        params: SearchParams | None = None,
        filter: Filter | None = None,
        allow: ArrayLike | Iterable[Any] | None = None,
        deny: ArrayLike | Iterable[Any] | None = None,
        threads: SupportsIndex | None = None,
        recall: float | None = None,
        explain: Literal[False] = False,
    ) -> SearchResult: ...

    @overload
    def search(
        self,
        queries: ArrayLike,
        *,
        k: SupportsIndex = 10,
        params: SearchParams | None = None,
        filter: Filter | None = None,
        allow: ArrayLike | Iterable[Any] | None = None,
        deny: ArrayLike | Iterable[Any] | None = None,
        threads: SupportsIndex | None = None,
        recall: float | None = None,
        explain: Literal[True],
    ) -> ExplainedResult: ...

    def search(
        self,
        queries: ArrayLike,
        *,
        k: SupportsIndex = 10,
        params: SearchParams | None = None,
        filter: Filter | None = None,
        allow: ArrayLike | Iterable[Any] | None = None,
        deny: ArrayLike | Iterable[Any] | None = None,
        threads: SupportsIndex | None = None,
        recall: float | None = None,
        explain: bool = False,
    ) -> SearchResult | ExplainedResult:
        """Find the best ``k`` rows for one query or for each of a batch.

        Parameters
        ----------
        queries
            (d,) or (q, d) real numbers, in the range of those of the rows: a NumPy array (float32 in C order
            is the quickest), anything that NumPy or DLPack can read on the CPU, or lists.
        k
            How many, at least 1.
        params
            How thoroughly; what is None in it, and None itself, means the index's own ``config.search``.
        filter
            Which rows may be returned, from this index' own `filter`; None allows every row. Leaves and
            groups of codes without an allowed row are passed over. What is nearest among few lies farther
            off: where a share s of the rows of a leaf is allowed, ``params.leaves / s ** 0.5`` leaves that
            hold any are visited, yet no more than make about twice the work of a search without a filter.
            Where it costs less, all allowed rows are scored exactly.
        allow, deny
            What each query for itself may have, and may not: (m,) ids for one query; for a batch (q, m),
            padded with -1 (strings: ""), or q lists of any lengths. Or masks: booleans (n,) or (q, n) in the
            order of `ids`. What a history names may have left the index: ids that it does not have are passed
            over, in both, where `filter` raises. What both name is denied, and ``filter`` holds as well. Few
            denied rows (n / 64 and less) cost next to nothing; many of them, or masks, are compiled for each
            query.
        threads
            How many to use; by default one for a single query, and for a batch ``LEAFSCAN_NUM_THREADS``, else
            all that this process may have. Results do not depend on it.
        recall
            The share of the exact best k that is to be found, in place of ``params``: the quickest search of
            the measured curve that reaches it (`tuning`; of an index that was built with a recall, or tuned).
            For k up to that of the curve. Queries that are of another kind than those that were measured make
            a warning, `leafscan.OutOfDistributionWarning`.
        explain
            Tell as well where the time of this very search went, stage by stage, and how much it went
            through. Looking at the clock costs such a search some .3 us a query; others nothing.

        Returns
        -------
        SearchResult or, with ``explain=True``, ExplainedResult
            ``ids`` and ``scores``, best first: (k,) for (d,) and (q, k) for (q, d). Ties go to the row that
            comes first in the index. Where fewer than k can be had: id -1 (strings: ""), score -inf
            (squared_l2: +inf). An ExplainedResult has an ``explanation`` besides.

        Raises
        ------
        TypeError
            If an argument is of the wrong kind, or ``queries`` lie on a GPU.
        ValueError
            If a shape or a value is wrong, ``params`` ask for what the index does not have, or ``filter`` was
            compiled for another index.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
        >>> index.search([0.0, 3.0, 2.0, 1.0], k=2).ids.tolist()
        [1, 2]
        >>> index.search([[0.0, 3.0, 2.0, 1.0]] * 2, k=2, deny=[[1], [2, 3, 17]]).ids.tolist()
        [[2, 3], [1, 0]]
        """
        # One query at a time is the common call, and all of this is on its way: what is right is told by few
        # cheap looks, and only what is not goes on to be read or refused. (The engine sees for itself whether
        # the numbers lie side by side, and copies them if not.)
        if type(queries) is not np.ndarray or queries.dtype is not FLOAT32 or queries.shape != self._one:
            queries = as_queries(queries, self.dim)
        if type(k) is not int or not 0 < k <= MAX_K:
            k = whole_number(k, "k", low=1, high=MAX_K)
        if threads is None:
            threads = 1 if queries.ndim == 1 else default_threads()
        elif type(threads) is not int or not 0 < threads <= MAX_THREADS:
            threads = whole_number(threads, "threads", low=1, high=MAX_THREADS)
        # What is searched, how, and what its ids stand for are of one version, though an update or a rebuild
        # may come at any moment. As long as `searcher` is held, nobody else gets its rows, or their names.
        if explain is not False:
            return self._explained(queries, k, params, recall, filter, allow, deny, threads, explain)
        rows = compiled = None
        if allow is not None or deny is not None:
            count = None if queries.ndim == 1 else len(queries)
            living, searcher, compiled, rows = self._among(filter, allow, deny, count)
        elif filter is None:
            living = self._living
            searcher = living.searcher
        else:
            living, searcher, compiled = self._filtered(filter)
        if recall is not None:
            params = params_for(living.contents.tuning, recall, k, params)
        knobs = living.knobs if params is None else self._resolve(params, living)
        leaves, candidates, refined, upper, stop = knobs
        if rows is None:
            found = searcher.search(
                queries, k, leaves, candidates, threads, self._normalize, compiled, refined, upper, stop
            )
        else:
            found = searcher.search_among(
                queries,
                k,
                leaves,
                candidates,
                threads,
                self._normalize,
                compiled,
                refined,
                upper,
                stop,
                **rows,
            )
        if recall is not None and filter is None and allow is None:
            check_kind(living.contents.tuning, queries, found[1], living.contents.metric, stacklevel=2)
        if living.strings:
            return SearchResult(living.names(found[0]), found[1])
        return SearchResult._make(found)

    def filter(
        self,
        *,
        allow: ArrayLike | Iterable[Any] | None = None,
        deny: ArrayLike | Iterable[Any] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Filter:
        """Compile which rows a search may return: once, to be used many times.

        A filter goes with the index: after an update the next search that uses it brings it up to date. An id
        that comes later is allowed if ``allow`` or ``where`` name it and ``deny`` does not.

        Parameters
        ----------
        allow
            The ids that may be returned, in any order; an id that is there twice counts once. Or a mask:
            booleans (n,) in the order of `ids`. None allows all that ``deny`` does not name.
        deny
            The ids that may not be returned, or a mask of them. What both name is denied.
        where
            What the tags of a row must be, as ``{"genre": "Comedy", "year": {"$gte": 1990, "$lt": 2000}}``:
            all of it. A value is to be equal, of a list one is; ``$eq``, ``$ne``, ``$in``, ``$nin``, ``$gt``,
            ``$gte``, ``$lt``, ``$lte`` and ``$exists`` compare, ``$and`` and ``$or`` join lists of such
            mappings, ``$not`` negates one. Of several values of a row it is enough that one is as asked;
            numbers compare with numbers, strings with strings, and ``$ne``, ``$nin`` and ``$not`` hold also
            where a row has no such tag. With ``allow`` or ``deny``, both must allow a row. docs/filters.md
            has examples.

        Returns
        -------
        Filter
            For this index alone: ``index.search(queries, filter=f)``.

        Raises
        ------
        TypeError
            If nothing is given, the ids are of another kind than the index', or a part of ``where`` is of the
            wrong kind.
        ValueError
            If the index has no such id, tag or operator; the first one is named. If a mask has another length
            than the index.
        FileFormatError
            If ``where`` is the first to read the tags of a file, and they are damaged.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="cosine", ids=["n", "e", "s", "w"])
        >>> query = [0.9, 0.3, 0.2, 0.1]
        >>> f = index.filter(allow=["w", "s", "n"], deny=["n"])
        >>> len(f), index.search(query, k=3, filter=f).ids.tolist()
        (2, ['s', 'w', ''])
        >>> starts_late = index.filter(allow=index.ids > "o")
        >>> index.search(query, k=3, filter=starts_late).ids.tolist()
        ['s', 'w', '']
        >>> index.filter(deny=["x"])
        Traceback (most recent call last):
        ValueError: deny holds the id 'x', which this index does not have.
        """
        return Filter._of(self, allow=allow, deny=deny, where=where)

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return self._living.contents.dim

    @property
    def metric(self) -> Metric:
        """The metric: "dot_product", "cosine" or "squared_l2"."""
        return self._living.contents.metric

    @property
    def config(self) -> Config:
        """The resolved plan: building with it and `seed` gives the same index to the byte."""
        return self._living.contents.config

    @property
    def tuning(self) -> Tuning | None:
        """What was measured of its searches, where it was built with a recall or tuned; else None."""
        return self._living.contents.tuning

    def _explained(
        self,
        queries: NDArray[np.float32],
        k: int,
        params: SearchParams | None,
        recall: float | None,
        filter: Filter | None,
        allow: Any,
        deny: Any,
        threads: int,
        explain: Any,
    ) -> ExplainedResult:
        """Search as `search` does, checked arguments given, and tell where the time goes."""
        if explain is not True:
            raise TypeError(
                f"explain must be True or False; received {explain!r:.80} ({type(explain).__name__})."
            )
        began = perf_counter_ns()
        count = None if queries.ndim == 1 else len(queries)
        living, searcher, compiled, rows = self._among(filter, allow, deny, count)
        if recall is not None:
            params = params_for(living.contents.tuning, recall, k, params)
        knobs = living.knobs if params is None else self._resolve(params, living)
        leaves, candidates, refined, upper, stop = knobs
        known = perf_counter_ns()
        ids, scores, trace = searcher.search_traced(
            queries, k, leaves, candidates, threads, self._normalize, compiled, refined, upper, stop, **rows
        )
        named = living.names(ids) if living.strings else ids
        explanation = told(
            trace,
            queries=1 if count is None else count,
            k=k,
            threads=threads,
            filter_ns=known - began,
            total_ns=perf_counter_ns() - began,
        )
        return ExplainedResult(named, scores, explanation)

    def _filtered(self, filter: Filter) -> tuple[Living, _engine.Searcher, _engine.Filter]:
        if not isinstance(filter, Filter):
            raise TypeError(
                "filter must be a Filter, as index.filter(...) gives it, or None; "
                f"received {filter!r:.80} ({type(filter).__name__})."
            )
        return filter._current(self)

    def _among(
        self, filter: Filter | None, allow: Any, deny: Any, count: int | None
    ) -> tuple[Living, _engine.Searcher, _engine.Filter | None, dict[str, Any]]:
        """Return what to search, with which filter and rows, all of one version."""
        while True:
            living = self._living
            searcher, compiled = living.searcher, None
            if filter is not None:
                living, searcher, compiled = self._filtered(filter)
            with living.lock:
                if living.searcher is searcher:
                    rows = read_query_rows(allow, deny, queries=count, lookup=living.roster)
                    return living, searcher, compiled, rows
            # An update came between; the next look sees it.

    def _resolve(self, params: SearchParams, living: Living) -> Knobs:
        recent, config = self._recent, living.contents.config
        if recent[0] is not params or recent[1] is not config:
            if not isinstance(params, SearchParams):
                kind = type(params).__name__
                raise TypeError(f"params must be a SearchParams or None; received {params!r:.80} ({kind}).")
            config.check_search(params, "params")
            if params.stop is not None:
                check_stop(living.contents, "params.stop")
            asked = knobs_for(params, living.knobs)
            self._recent = recent = (params, config, asked)
        return recent[2]
