"""The index: search it, look at it, save it, load it."""

import os
import time
from collections.abc import Iterable
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan import _engine
from leafscan.index import files, pickling
from leafscan.index.arrays import FLOAT32, as_queries
from leafscan.index.config import AsymmetricHash, Config, SearchParams
from leafscan.index.contents import Contents
from leafscan.index.filter import Filter
from leafscan.index.ids import StringIds
from leafscan.index.lookup import Lookup
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.numbers import whole_number
from leafscan.index.threads import MAX_THREADS, default_threads

__all__ = ["Index", "SearchResult", "load"]

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


class Index:
    """Vectors that can be searched, as `leafscan.build` or `leafscan.load` gives them; read-only.

    Any number of threads may search one index at the same time.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="squared_l2")
    >>> index
    <leafscan.Index: 4 x 4, squared_l2, exact, 96 bytes>
    >>> len(index), index.dim, index.metric
    (4, 4, 'squared_l2')
    """

    __slots__ = (
        "__weakref__",
        "_contents",
        "_default",
        "_find",
        "_lookup",
        "_normalize",
        "_one",
        "_recent",
        "_searcher",
        "_strings",
    )

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        metric, self._normalize = engine_metric(contents.metric)
        ids = contents.ids
        self._strings = ids if isinstance(ids, StringIds) else None
        self._searcher = _engine.Searcher(
            contents.sections,
            metric=metric,
            dim=contents.dim,
            ids=ids if isinstance(ids, np.ndarray) else None,
        )
        self._find = self._searcher.search
        self._lookup: Lookup | None = None
        self._one = (contents.dim,)
        # What (params, (leaves, candidates, refined, upper leaves)) are of the index itself and of the latest
        # search that gave its own: whoever searches in a loop gives the same object every time, so it is
        # checked once.
        search = contents.config.search
        self._default = (
            search.leaves or 0,
            search.candidates or 0,
            search.refined or 0,
            search.upper_leaves or 0,
        )
        self._recent: tuple[SearchParams, tuple[int, int, int, int]] = (search, self._default)

    def search(
        self,
        queries: ArrayLike,
        *,
        k: SupportsIndex = 10,
        params: SearchParams | None = None,
        filter: Filter | None = None,
        threads: SupportsIndex | None = None,
    ) -> SearchResult:
        """Find the best ``k`` rows for one query or for each of a batch.

        Parameters
        ----------
        queries
            (d,) or (q, d) real numbers, all finite: a NumPy array (float32 in C order is the quickest),
            anything that NumPy or DLPack can read on the CPU, or lists.
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
        threads
            How many to use; by default one for a single query, and for a batch ``LEAFSCAN_NUM_THREADS``, else
            all that this process may have. Results do not depend on it.

        Returns
        -------
        SearchResult
            ``ids`` and ``scores``, best first: (k,) for (d,) and (q, k) for (q, d). Ties go to the row that
            comes first in the index. Where fewer than k can be had: id -1 (strings: ""), score -inf
            (squared_l2: +inf).

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
        """
        # One query at a time is the common call, and all of this is on its way: what is right is told by few
        # cheap looks, and only what is not goes on to be read or refused. (The engine sees for itself whether
        # the numbers lie side by side, and copies them if not.)
        if type(queries) is not np.ndarray or queries.dtype is not FLOAT32 or queries.shape != self._one:
            queries = as_queries(queries, self._contents.dim)
        if type(k) is not int or not 0 < k <= MAX_K:
            k = whole_number(k, "k", low=1, high=MAX_K)
        leaves, candidates, refined, upper = self._default if params is None else self._resolve(params)
        if threads is None:
            threads = 1 if queries.ndim == 1 else default_threads()
        elif type(threads) is not int or not 0 < threads <= MAX_THREADS:
            threads = whole_number(threads, "threads", low=1, high=MAX_THREADS)
        if filter is None:
            found = self._find(queries, k, leaves, candidates, threads, self._normalize, None, refined, upper)
        elif isinstance(filter, Filter):
            compiled = filter._compiled
            found = self._find(
                queries, k, leaves, candidates, threads, self._normalize, compiled, refined, upper
            )
        else:
            raise TypeError(
                "filter must be a Filter, as index.filter(...) gives it, or None; "
                f"received {filter!r:.80} ({type(filter).__name__})."
            )
        if self._strings is not None:
            return SearchResult(self._strings.take(found[0]), found[1])
        return SearchResult._make(found)

    def filter(
        self,
        *,
        allow: ArrayLike | Iterable[Any] | None = None,
        deny: ArrayLike | Iterable[Any] | None = None,
    ) -> Filter:
        """Compile which rows a search may return: once, to be used many times.

        Parameters
        ----------
        allow
            The ids that may be returned, in any order; an id that is there twice counts once. Or a mask:
            booleans (n,) in the order of `ids`. None allows all that ``deny`` does not name.
        deny
            The ids that may not be returned, or a mask of them. What both name is denied.

        Returns
        -------
        Filter
            For this index alone: ``index.search(queries, filter=f)``.

        Raises
        ------
        TypeError
            If neither is given, or the ids are of another kind than the index'.
        ValueError
            If the index has no such id; the first one is named. If a mask has another length than the index.

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
        begin = time.perf_counter()
        lookup = self._lookup
        if lookup is None:
            lookup = self._lookup = Lookup(self._contents.ids, self._contents.sections["order"])
        return Filter._compile(self._searcher, lookup, len(self), allow, deny, begin)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to one file, all or nothing.

        The file is written beside ``path`` under another name, brought to the disk, and put in place of what
        was there. An index that was loaded from ``path`` goes on with the old file's bytes; where the system
        does not allow that (Windows), saving over it raises and changes nothing.

        Parameters
        ----------
        path
            Where to; by custom with the ending ``.leafscan``.

        Raises
        ------
        OSError
            If it cannot be written; what was at ``path`` stays as it was.

        Examples
        --------
        >>> import leafscan, numpy as np, os, tempfile
        >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     index.save(os.path.join(folder, "four.leafscan"))
        ...     again = leafscan.load(os.path.join(folder, "four.leafscan"), memory=True)
        >>> again.search([0.0, 1.0, 0.0, 0.0], k=1).ids.tolist()
        [1]
        """
        files.write(self._contents, path)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Pickle the index' bytes, never a path; with protocol 5 they can go out of band."""
        return pickling.reduced(Index, self._contents, protocol)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._contents.sections["order"])

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return self._contents.dim

    @property
    def metric(self) -> Metric:
        """The metric: "dot_product", "cosine" or "squared_l2"."""
        return self._contents.metric

    @property
    def config(self) -> Config:
        """The resolved plan: building with it and `seed` gives the same index to the byte."""
        return self._contents.config

    @property
    def seed(self) -> int:
        """The seed that the index was built with."""
        return self._contents.seed

    @property
    def nbytes(self) -> int:
        """The bytes of everything the index holds, mapped or in memory."""
        ids = self._contents.ids
        return sum(section.nbytes for section in self._contents.sections.values()) + (
            0 if ids is None else ids.nbytes
        )

    @property
    def ids(self) -> NDArray[Any]:
        """The ids, int64 or strings, (n,), in the order in which the vectors were given."""
        ids = self._contents.ids
        if ids is None:
            return np.arange(len(self), dtype=np.int64)
        if isinstance(ids, StringIds):
            return ids.take(np.arange(len(self), dtype=np.int64))
        given = np.empty_like(ids)
        given[self._contents.sections["order"]] = ids
        return given

    def __repr__(self) -> str:
        """Tell size, metric and plan in one line."""
        config = self.config
        parts = [f"{len(self):,} x {self.dim}", self.metric]
        if config.tree is not None:
            parts.append(f"{config.tree.num_leaves:,} leaves")
        if isinstance(config.score, AsymmetricHash):
            parts.append(f"{config.score.lookup_bits}-bit codes")
            if config.reorder is not None:
                first = f"{config.reorder.first_dtype} and " if config.reorder.first_dtype else ""
                parts.append(f"{first}{config.reorder.dtype} reordering")
        else:
            parts.append("exact" if config.row_dtype == "float32" else f"exact in {config.row_dtype}")
        return f"<leafscan.Index: {', '.join(parts)}, {_size(self.nbytes)}>"

    def _resolve(self, params: SearchParams) -> tuple[int, int, int, int]:
        recent = self._recent
        if recent[0] is not params:
            if not isinstance(params, SearchParams):
                kind = type(params).__name__
                raise TypeError(f"params must be a SearchParams or None; received {params!r:.80} ({kind}).")
            self.config.check_search(params, "params")
            leaves, candidates, refined, upper = self._default
            asked = (
                params.leaves or leaves,
                params.candidates or candidates,
                params.refined or refined,
                params.upper_leaves or upper,
            )
            self._recent = recent = (params, asked)
        return recent[1]


def load(path: str | os.PathLike[str], *, memory: bool = False, verify: bool = False) -> Index:
    """Load an index that `Index.save` wrote.

    By default the file is mapped: loading takes milliseconds, pages are read when a search needs them, and
    processes that load the same file share them. The file must not be cut short or written into while it is
    mapped (saving over it with `Index.save` is fine on POSIX: the mapped file lives on until it is let go).

    Parameters
    ----------
    path
        The file.
    memory
        Read the file into memory instead, and let go of it.
    verify
        Check every byte against its checksum, too, as `leafscan.verify` does, which reads the whole file. The
        structure and all that a search uses as an index is always checked.

    Returns
    -------
    Index
        Read-only; it gives the results of the index that was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not an index of leafscan's, is damaged, or comes from a newer version.

    Examples
    --------
    >>> import leafscan, numpy as np, os, tempfile
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="cosine", ids=["n", "e", "s", "w"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index.save(os.path.join(folder, "four.leafscan"))
    ...     again = leafscan.load(os.path.join(folder, "four.leafscan"), memory=True)
    >>> again.ids.tolist()
    ['n', 'e', 's', 'w']
    """
    return Index(files.read(path, memory=memory, checksums=verify))


_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def _size(nbytes: int) -> str:
    if nbytes < 1000:
        return f"{nbytes} bytes"
    unit = next((unit for unit in _UNITS if nbytes < 1000 * _UNITS[unit]), "GB")
    return f"{nbytes / _UNITS[unit]:.3g} {unit}"
