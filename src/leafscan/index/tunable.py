"""An index whose searches can be tuned."""

from typing import SupportsIndex

from numpy.typing import ArrayLike

from leafscan.index.config import Config
from leafscan.index.contents import Contents
from leafscan.index.forks import Rank, fork_safe
from leafscan.index.living import Living
from leafscan.index.numbers import whole_number
from leafscan.index.progress import Progress, reporting
from leafscan.index.readable import ReadableIndex
from leafscan.index.searchable import MAX_K
from leafscan.index.threads import check_threads
from leafscan.index.tuning.goal import Goal
from leafscan.index.tuning.limits import Limits
from leafscan.index.tuning.points import check_confidence, check_recall
from leafscan.index.tuning.queries import as_query_rows
from leafscan.index.tuning.record import Tuning
from leafscan.index.tuning.retune import retuned

__all__ = ["TunableIndex"]


class TunableIndex(ReadableIndex):
    """What an index can be asked, and how well it answers; `Index` adds what changes its vectors."""

    __slots__ = ("_writing",)

    def __init__(self, contents: Contents) -> None:
        super().__init__(contents)
        # Held by whoever publishes a version, or another way to search it.
        self._writing = fork_safe(Rank.WRITING)

    def tune(
        self,
        queries: ArrayLike | None = None,
        *,
        recall: float,
        k: SupportsIndex = 10,
        confidence: float = 0.95,
        max_latency_us: float | None = None,
        threads: SupportsIndex | None = None,
        progress: Progress | bool | None = None,
    ) -> Tuning:
        """Find the quickest search that reaches a recall, and make it the index's default.

        Leaves and codes stay as they are; it takes seconds. Searches go on meanwhile, with what they had.

        Parameters
        ----------
        queries
            (m, d) queries like those to come; None takes vectors of the index, each never an answer to
            itself.
        recall
            The share of the exact best ``k`` that a search is to find, above 0, at most 1.
        k
            For how many neighbours.
        confidence
            How sure that is to be, at least 0.5 and below 1.
        max_latency_us
            Microseconds that a query alone may take on one thread.
        threads, progress
            As `leafscan.build` takes them.

        Returns
        -------
        Tuning
            What was measured, which `tuning` returns from then on, and the index keeps in its file.

        Raises
        ------
        ValueError
            If the plan keeps no rows, there are too few queries to show the recall, or it is not reached;
            nothing has changed then.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> vectors = np.random.default_rng(0).normal(size=(2_000, 16)).astype(np.float32)
        >>> plan = leafscan.Config(
        ...     tree=leafscan.Tree(num_leaves=40), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
        ... )
        >>> index = leafscan.build(vectors, metric="cosine", config=plan)
        >>> index.tune(recall=0.9).point.low >= 0.9
        True
        >>> index.search(vectors[0], recall=0.8).ids.shape
        (10,)
        """
        goal = Goal(
            recall=check_recall(recall),
            k=whole_number(k, "k", low=1, high=MAX_K),
            queries=None if queries is None else as_query_rows(queries, self.dim),
            confidence=check_confidence(confidence),
            limits=Limits.checked(max_bytes=None, max_latency_us=max_latency_us, max_build_s=None),
        )
        threads = check_threads(threads)
        living = self._living
        with reporting(progress) as report:
            config, tuning = retuned(
                living, goal, nbytes=self.nbytes, seed=self.seed, threads=threads, progress=report
            )
        with self._writing:
            self._tuned(living, config, tuning)
        return tuning

    def _tuned(self, living: Living, config: Config, tuning: Tuning) -> None:
        if living is not self._living:
            raise RuntimeError("the index was rebalanced while it was tuned; tune it again.")
        living.retune(config, tuning)
        self._tell()
