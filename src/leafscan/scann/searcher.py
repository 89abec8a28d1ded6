"""ScaNN's searcher over leafscan's index."""

import os
import threading
from typing import Any, NoReturn, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan import Index
from leafscan.index.numbers import whole_number
from leafscan.index.threads import MAX_THREADS
from leafscan.scann import health
from leafscan.scann.asked import listed_docids, number_asked_for, read_queries, read_updates
from leafscan.scann.config_text import ConfigText, Settings
from leafscan.scann.docids import Docids, as_docids
from leafscan.scann.errors import ScannError, as_scann_error
from leafscan.scann.living import Living
from leafscan.scann.numbers import count
from leafscan.scann.plan import plan, settings_of
from leafscan.scann.results import BatchResult, QueryResult, padded, there

__all__ = ["ScannSearcher"]

#: A batch is padded to the width that was asked for up to so many cells beyond the rows there are: 800 MB.
MAX_PADDING = 10**8


class ScannSearcher:
    """Searches as ScaNN's searcher does, as ``builder(...).build()`` or `load_searcher` gives it.

    Any number of threads may search while one of them changes the searcher; each search sees one state of it.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan import scann
    >>> rows = np.eye(4, dtype=np.float32)
    >>> builder = scann.scann_ops_pybind.builder(rows, 2, "dot_product").score_brute_force()
    >>> searcher = builder.build(docids=["n", "e", "s", "w"])
    >>> searcher.search(np.array([0.0, 3.0, 2.0, 1.0]))
    QueryResult(index=['e', 's'], distance=array([3., 2.], dtype=float32))
    >>> searcher.search_batched(rows[:1], 5).indices
    [['n', 'e', 's', 'w', None]]
    """

    def __init__(self, living: Living, settings: Settings, docids: Docids | None) -> None:
        self._living = living
        self._settings = settings
        self._docids = docids
        self._threads: int | None = None
        self._writing = threading.RLock()

    @property
    def docids(self) -> list[Any] | None:
        """The docids in ScaNN's order, a copy; None where rows have none."""
        return None if self._docids is None else self._docids.listed()

    @property
    def index(self) -> Index | None:
        """Leafscan's own index beneath, for what ScaNN has no call for; None where there are no rows."""
        return self._living.index

    def search(
        self,
        q: ArrayLike,
        final_num_neighbors: SupportsIndex | None = -1,
        pre_reorder_num_neighbors: SupportsIndex | None = -1,
        leaves_to_search: SupportsIndex | None = -1,
    ) -> QueryResult:
        """Find the neighbours of one query, on this thread.

        Parameters
        ----------
        q
            (d,) real numbers, all finite.
        final_num_neighbors
            How many; -1 or None for the builder's ``num_neighbors``, here and below for what was configured.
        pre_reorder_num_neighbors
            How many rows are reordered, at least as many as are returned; without reordering it counts for
            nothing.
        leaves_to_search
            How many leaves are visited; more than there are means all. Without a tree it counts for nothing.

        Returns
        -------
        QueryResult
            Index and distance, best first: (m,), m fewer than asked for where there are no more.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind, shape or range. What ScaNN raises a RuntimeError for is one,
            too.
        """
        k = number_asked_for(final_num_neighbors, "final_num_neighbors")
        wanted = self._living.plan.num_neighbors if k is None else k
        query = read_queries(q, "q", 1, self._living.dim)
        candidates = number_asked_for(pre_reorder_num_neighbors, "pre_reorder_num_neighbors")
        leaves = number_asked_for(leaves_to_search, "leaves_to_search")
        if self._docids is None:
            ids, scores = self._find(query, wanted, candidates, leaves, 1)
            m = there(ids)
            return QueryResult(ids[:m].astype(np.uint32), scores[:m])
        with self._docids.reading():
            ids, scores = self._find(query, wanted, candidates, leaves, 1)
            m = there(ids)
            return QueryResult(self._docids.names(ids[:m]), scores[:m])

    def search_batched(
        self,
        queries: ArrayLike,
        final_num_neighbors: SupportsIndex | None = None,
        pre_reorder_num_neighbors: SupportsIndex | None = None,
        leaves_to_search: SupportsIndex | None = None,
    ) -> BatchResult:
        """Find the neighbours of each of a batch, on this thread.

        Parameters
        ----------
        queries
            (q, d) real numbers, all finite; q from 0.
        final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search
            As for `search`.

        Returns
        -------
        BatchResult
            Indices and distances, best first: (q, k), with `NO_INDEX` (docids: None) and NaN where a query
            has fewer neighbours; by default no wider than the query with the most has.

        Raises
        ------
        TypeError, ValueError
            As for `search`.
        """
        return self._batch(
            queries, final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search, threads=1
        )

    def search_batched_parallel(
        self,
        queries: ArrayLike,
        final_num_neighbors: SupportsIndex | None = None,
        pre_reorder_num_neighbors: SupportsIndex | None = None,
        leaves_to_search: SupportsIndex | None = None,
        batch_size: SupportsIndex = 256,
    ) -> BatchResult:
        """Find the neighbours of each of a batch, on as many threads as `set_num_threads` set.

        Parameters
        ----------
        queries, final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search
            As for `search_batched`, and so are the results.
        batch_size
            At least 1; leafscan shares work out by itself.

        Raises
        ------
        TypeError, ValueError
            As for `search`.
        """
        count(batch_size, "batch_size")
        return self._batch(
            queries, final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search, threads=self._threads
        )

    def set_num_threads(self, num_threads: SupportsIndex) -> None:
        """Set how many threads `search_batched_parallel` uses; by default all that this process may have.

        Raises
        ------
        TypeError, ValueError
            If it is not a whole number from 1.
        """
        self._threads = whole_number(num_threads, "num_threads", low=1, high=MAX_THREADS)

    def upsert(self, docids: Any, database: ArrayLike, batch_size: SupportsIndex = 1) -> None:
        """Insert rows, or replace those whose docids are there; all of them or, with an error, none.

        Parameters
        ----------
        docids
            A list of them, each different, or one.
        database
            (m, d) rows, all finite, or (d,) for one.
        batch_size
            At least 1; leafscan inserts all at once.

        Raises
        ------
        TypeError, ValueError
            If something is wrong with the docids or the rows, or the searcher was built without docids.
        """
        count(batch_size, "batch_size")
        mine = self._named("upsert")
        listed, rows = read_updates(docids, database, self._living.dim)
        if not listed:
            return
        with self._writing:
            keys = mine.keys_for(listed)
            new = [docid for docid in listed if docid not in mine]
            mine.add(listed, keys)
            try:
                with as_scann_error():
                    self._living.upsert(keys, rows)
            except BaseException:
                mine.remove(reversed(new))
                raise

    def delete(self, docids: Any) -> None:
        """Delete rows; all of them or, with an error, none.

        Parameters
        ----------
        docids
            A list of them, each different, or one.

        Raises
        ------
        KeyError
            If there is no such docid; it is named.
        TypeError, ValueError
            If they cannot be docids, or the searcher was built without docids.
        """
        mine = self._named("delete")
        listed = as_docids(listed_docids(docids))
        with self._writing:
            for docid in listed:
                if docid not in mine:
                    raise KeyError(f"Docid not found: {docid!r:.80}")
            self._living.delete(mine.keys_for(listed))
            mine.remove(listed)

    def rebalance(self, config: str | None = None) -> int:
        """Bring the leaves back into shape after updates, or build anew by another configuration.

        Parameters
        ----------
        config
            A text proto, by which everything is trained again; None rearranges what needs it.

        Returns
        -------
        int
            The number of rows.

        Raises
        ------
        TypeError, ValueError
            If ``config`` is none, or the rows were dropped after hashing and cannot be trained on again.
        """
        with self._writing:
            self._check_trainable()
            if config is None or config == "":
                self._living.rebalance()
            else:
                with as_scann_error():
                    settings = settings_of(config)
                    new = plan(settings, self._living.rows(self._living.keys()))
                    if new.measure != self._living.plan.measure:
                        raise ScannError(
                            f"rebalance keeps the distance_measure, {self._living.plan.measure!r}; "
                            f"received a config for {new.measure!r}."
                        )
                    self._living.replan(new)
                self._settings = settings
            return len(self._living)

    def reserve(self, num_datapoints: SupportsIndex) -> None:
        """Say how many rows there will be. leafscan grows as it must, and has no use for it.

        Raises
        ------
        TypeError, ValueError
            If it is not a whole number from 0.
        """
        count(num_datapoints, "num_datapoints", low=0)

    def size(self) -> int:
        """Return the number of rows."""
        return len(self._living)

    def config(self) -> str:
        """Return the configuration, a text proto."""
        return ConfigText.write(self._settings)

    def get_health_stats(self) -> dict[str, float]:
        """Return how well the leaves still serve the rows.

        Returns
        -------
        dict
            ScaNN's four numbers: ``avg_quantization_error``, the root of the mean squared distance of a row
            to the nearest centroid (NaN where codes alone are kept);
            ``partition_weighted_avg_relative_imbalance``, by how much more than its share the leaf of a row
            holds; ``partition_avg_relative_positive_imbalance``, the same of the leaves that hold more;
            ``sum_partition_sizes``, the rows in leaves, each counted once. All 0 without a tree.
        """
        return health.stats(self._living)

    def initialize_health_stats(self) -> None:
        """Do nothing: leafscan's figures of health need no preparation."""

    def serialize(self, artifacts_dir: str | os.PathLike[str], relative_path: bool = False) -> None:
        """Write the searcher to a folder, all or nothing; `load_searcher` reads it, wherever it was moved to.

        Parameters
        ----------
        artifacts_dir
            A folder that is there. What a searcher wrote there before is replaced.
        relative_path
            Counts for nothing: the folder never holds its own path.

        Raises
        ------
        ScannError
            If there is no such folder.
        OSError
            If it cannot be written to.
        TypeError
            If a docid is neither a string nor a whole number.
        """
        from leafscan.scann import serialized

        del relative_path
        with self._writing:
            keyed = None if self._docids is None else self._docids.keyed()
            serialized.write(self._living, self._settings, keyed, artifacts_dir)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied, as ScaNN's searchers do.

        Raises
        ------
        TypeError
            Always; it says what to call.
        """
        raise TypeError(
            "a searcher cannot be pickled or copied: call serialize(folder), and load_searcher(folder) where "
            "it is needed."
        )

    def __repr__(self) -> str:
        """Tell what is beneath."""
        return f"<leafscan.scann.ScannSearcher over {self._living.index or 'no rows'}>"

    def _check_trainable(self) -> None:
        index = self._living.index
        if index is not None and index.config.row_dtype is None:
            raise ScannError(
                "the rows were dropped after hashing and cannot be trained on again: configure reorder(...), "
                "whose rows can be, or build anew."
            )

    def _batch(
        self,
        queries: ArrayLike,
        final_num_neighbors: SupportsIndex | None,
        pre_reorder_num_neighbors: SupportsIndex | None,
        leaves_to_search: SupportsIndex | None,
        threads: int | None,
    ) -> BatchResult:
        k = number_asked_for(final_num_neighbors, "final_num_neighbors")
        candidates = number_asked_for(pre_reorder_num_neighbors, "pre_reorder_num_neighbors")
        leaves = number_asked_for(leaves_to_search, "leaves_to_search")
        batch = read_queries(queries, "queries", 2, self._living.dim)
        n = len(self._living)
        if k is not None and len(batch) * max(0, k - n) > MAX_PADDING:
            raise ValueError(
                f"final_num_neighbors is {k}, but there are {n} rows: {len(batch)} queries would be "
                f"padded by {len(batch) * (k - n):,} cells. Ask for at most {n}."
            )
        # By default a batch is as wide as its longest answer, as in ScaNN; what was asked for is given.
        wanted = self._living.plan.num_neighbors if k is None else k
        if self._docids is None:
            ids, scores = padded(*self._find(batch, wanted, candidates, leaves, threads), k)
            # -1 becomes the largest number of 32 bits: NO_INDEX.
            return BatchResult(ids.astype(np.uint32), scores)
        with self._docids.reading():
            ids, scores = padded(*self._find(batch, wanted, candidates, leaves, threads), k)
            return BatchResult(self._docids.names(ids), scores)

    def _find(
        self, queries: NDArray[Any], k: int, candidates: int | None, leaves: int | None, threads: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        try:
            return self._living.search(queries, k, candidates, leaves, threads)
        except ValueError as error:
            raise ScannError(str(error)) from None

    def _named(self, call: str) -> Docids:
        if self._docids is None:
            raise ValueError(
                f"Cannot {call} because docids have not been specified when initializing: "
                "build(docids=[...]) names the rows, so that they can be updated."
            )
        return self._docids
