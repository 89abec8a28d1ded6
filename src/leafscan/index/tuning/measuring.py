"""The recall and the time of searches in one index."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import BruteForce, Config
from leafscan.index.tuning.effort import Effort, params_of
from leafscan.index.tuning.interval import recall_interval
from leafscan.index.tuning.judging import Judge
from leafscan.index.tuning.points import OperatingPoint
from leafscan.index.tuning.stopwatch import microseconds

__all__ = ["Bench", "is_exact", "race"]

#: One query in so many says whether a recall is reached, if it does with this confidence.
SCREENED = 5
SCREENED_CONFIDENCE = 0.999


def is_exact(config: Config) -> bool:
    """Whether a plan finds the exact answers, by what it is."""
    return config.tree is None and isinstance(config.score, BruteForce) and config.score.dtype == "float32"


class Bench:
    """One index on the bench: every effort is measured once, and remembered.

    Parameters
    ----------
    searcher
        What is searched.
    config
        Its plan.
    judge
        The queries.
    normalize
        Whether the engine is to normalise queries.
    confidence
        Of intervals.
    threads
        For batches, which tell recall.
    """

    def __init__(
        self,
        searcher: _engine.Searcher,
        config: Config,
        judge: Judge,
        *,
        normalize: bool,
        confidence: float,
        threads: int,
    ) -> None:
        self.searcher = searcher
        self.config = config
        self.judge = judge
        self._normalize = normalize
        self._confidence = confidence
        self._threads = threads
        self._some = judge.first(max(1, len(judge.queries) // SCREENED))
        self._recalls: dict[Effort, tuple[float, float, float]] = {}
        self._reached: dict[tuple[Effort, float], bool] = {}
        self._latencies: dict[Effort, float] = {}

    def recall(self, effort: Effort) -> tuple[float, float, float]:
        """Return the mean recall at an effort, and what it lies between."""
        known = self._recalls.get(effort)
        if known is None and is_exact(self.config):
            known = self._recalls[effort] = 1.0, 1.0, 1.0
        if known is None:
            ids = self._search(self.judge.queries, effort, self._threads)
            known = recall_interval(self.judge.recalls(ids), self.judge.k, self._confidence)
            self._recalls[effort] = known
        return known

    def reaches(self, effort: Effort, target: float) -> bool:
        """Return whether an effort has a recall of at least ``target`` with the bench's confidence.

        One query in `SCREENED` is enough where these leave no doubt.
        """
        if effort in self._recalls:
            return self._recalls[effort][1] >= target
        if is_exact(self.config):
            return True
        known = self._reached.get((effort, target))
        if known is None:
            ids = self._search(self._some.queries, effort, self._threads)
            _, low, high = recall_interval(self._some.recalls(ids), self.judge.k, SCREENED_CONFIDENCE)
            known = low >= target or (high >= target and self.recall(effort)[1] >= target)
            self._reached[effort, target] = known
        return known

    def latency(self, effort: Effort) -> float:
        """Return microseconds of a query alone at an effort."""
        known = self._latencies.get(effort)
        if known is None:
            known = self._latencies[effort] = self.time(effort)
        return known

    def time(self, effort: Effort) -> float:
        """Measure it anew."""
        # A batch is read by leaves, and one by one is what is asked for; the call itself is of the engine.
        leaves, candidates, refined, upper = self._knobs(effort)
        search, k, normalize = self.searcher.search, self.judge.asked, self._normalize
        return microseconds(
            lambda query: search(query, k, leaves, candidates, 1, normalize, None, refined, upper),
            self.judge.queries,
        )

    def settle(self, effort: Effort, latency: float) -> None:
        """Remember a better measurement."""
        self._latencies[effort] = latency

    def point(self, effort: Effort) -> OperatingPoint:
        """Return what is known of an effort, measuring what is not."""
        recall, low, high = self.recall(effort)
        return OperatingPoint(
            params=params_of(effort, self.config),
            recall=recall,
            low=low,
            high=high,
            latency_us=self.latency(effort),
        )

    def points(self) -> list[OperatingPoint]:
        """Return what was both judged and timed."""
        return [self.point(effort) for effort in self._latencies if effort in self._recalls]

    def best(self) -> float:
        """Return the highest recall that was measured; 0 if none was."""
        return max((mean for mean, _, _ in self._recalls.values()), default=0.0)

    def _search(self, queries: NDArray[np.float32], effort: Effort, threads: int) -> NDArray[np.int64]:
        leaves, candidates, refined, upper = self._knobs(effort)
        return self.searcher.search(
            queries, self.judge.asked, leaves, candidates, threads, self._normalize, None, refined, upper
        )[0]

    def _knobs(self, effort: Effort) -> tuple[int, int, int, int]:
        search = self.config.search
        return effort.leaves, effort.candidates, search.refined or 0, search.upper_leaves or 0


def race(runners: Sequence[tuple[Bench, Effort]], rounds: int) -> list[float]:
    """Time several searches in turns, so that what the machine does besides befalls them all alike.

    Parameters
    ----------
    runners
        Which index, at which effort.
    rounds
        How many turns each has.

    Returns
    -------
    list of float
        The least of each, in microseconds a query, which the benches remember as well.
    """
    best = [float("inf")] * len(runners)
    for _ in range(rounds):
        for place, (bench, effort) in enumerate(runners):
            best[place] = min(best[place], bench.time(effort))
    for (bench, effort), latency in zip(runners, best, strict=True):
        bench.settle(effort, latency)
    return best
