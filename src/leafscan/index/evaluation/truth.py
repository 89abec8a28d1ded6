"""Queries, and their exact answers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_queries
from leafscan.index.config import SearchParams
from leafscan.index.evaluation.still import Still
from leafscan.index.progress import Progress
from leafscan.index.tuning.judging import without

__all__ = ["Truth", "learn_truth", "search_others"]

#: So many queries are searched exactly between two looks at the progress, and at Ctrl-C.
BATCH = 64

#: Scores that differ by less than this share are taken for equal.
TIE = 1e-6

#: With this beside the seed, rows are drawn that have nothing to do with those that a tuning drew.
APART = 0xE7A1

#: So many pairs of answers are compared at a time.
CELLS = 4_000_000

Found = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Truth:
    """What the answers should be.

    Attributes
    ----------
    queries
        (q, d) float32.
    itself
        (q,) the name of the row that each query is, which is no answer; -1 where it is none.
    names, scores
        (q, k) the exact best, by the engine's names; -1 where there are fewer than k.
    """

    queries: NDArray[np.float32]
    itself: NDArray[np.int64]
    names: NDArray[np.int64]
    scores: NDArray[np.float32]

    @property
    def k(self) -> int:
        """How many answers each query has at most."""
        return int(self.names.shape[1])

    @property
    def asked(self) -> int:
        """How many a search is asked for: one more where it will find the query itself."""
        return self.k + 1 if (self.itself >= 0).any() else self.k

    def hits(self, names: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return (q, k) which of the exact best were found; equal scores stand for one another.

        Parameters
        ----------
        names, scores
            (q, k) what a search found.
        """
        step = max(1, CELLS // self.k**2)
        parts = [slice(start, start + step) for start in range(0, len(names), step)]
        return np.concatenate([self._hits(part, names[part], scores[part]) for part in parts])

    def _hits(self, part: slice, names: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        best, values = self.names[part], self.scores[part]
        same = best[:, :, None] == names[:, None, :]
        there = best >= 0
        hits = same.any(axis=2)
        # Rows that tie with the last of the best are as good as these: as many as were found count.
        last = np.take_along_axis(values, np.maximum(there.sum(axis=1), 1)[:, None] - 1, axis=1)
        spare = (_equal(scores, last) & ~same.any(axis=1) & (names >= 0)).sum(axis=1)
        waiting = ~hits & there & _equal(values, last)
        made_up = waiting & (np.cumsum(waiting, axis=1) <= spare[:, None])
        found: NDArray[np.bool_] = there & (hits | made_up)
        return found

    def recalls(self, hits: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return (q,) the share of the answers that there are which were hit; 1 where there are none."""
        there = (self.names >= 0).sum(axis=1)
        recalls: NDArray[np.float64] = np.where(there > 0, hits.sum(axis=1) / np.maximum(there, 1), 1.0)
        return recalls


def _equal(scores: NDArray[np.float32], last: NDArray[np.float32]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        equal: NDArray[np.bool_] = np.abs(scores - last) <= TIE * np.abs(last)
    return equal


def learn_truth(
    held: Still,
    queries: ArrayLike | None,
    *,
    k: int,
    count: int,
    seed: int,
    threads: int,
    report: Progress | None,
) -> Truth:
    """Find the exact answers.

    Parameters
    ----------
    held
        What is searched; it keeps rows.
    queries
        (q, d), all or, where there are more than ``count``, so many of them, evenly spread; None takes rows.
    k, count, seed, threads
        As `leafscan.evaluate` takes them.
    report
        Receives (stage, done, total).

    Returns
    -------
    Truth
        Queries and answers.

    Raises
    ------
    ValueError
        If ``queries`` have the wrong shape, or one is not finite.
    """
    if queries is None:
        rows = np.arange(len(held.names))
        if len(rows) > count:
            rows = np.sort(np.random.default_rng((seed, APART)).choice(len(rows), count, replace=False))
        asked, itself = held.searcher.read_rows(rows.astype(np.uint32)), held.names[rows]
    else:
        asked = np.atleast_2d(as_queries(queries, held.contents.dim))
        if not len(asked):
            raise ValueError(f"queries must hold at least one query; received the shape {asked.shape}.")
        if len(asked) > count:
            asked = np.ascontiguousarray(asked[np.linspace(0, len(asked) - 1, count).astype(np.int64)])
        itself = np.full(len(asked), -1, np.int64)

    def exactly(some: NDArray[np.float32], wanted: int) -> Found:
        return held.searcher.search_exactly(some, wanted, threads, held.normalize)

    names = np.empty((len(asked), k), np.int64)
    scores = np.empty((len(asked), k), np.float32)
    for start in range(0, len(asked), BATCH):
        part = slice(start, start + BATCH)
        names[part], scores[part] = _without_itself(exactly, asked[part], itself[part], k)
        if report is not None:
            report("finding exact answers", min(start + BATCH, len(asked)), len(asked))
    return Truth(queries=asked, itself=itself, names=names, scores=scores)


def search_others(held: Still, truth: Truth, params: SearchParams, threads: int) -> Found:
    """Search for what `Truth` has, by the index' own means: (q, k) names and scores."""
    knobs = held.knobs(params)

    def search(some: NDArray[np.float32], wanted: int) -> Found:
        leaves, candidates, refined, upper, stop = knobs
        return held.searcher.search(
            some, wanted, leaves, candidates, threads, held.normalize, None, refined, upper, stop
        )

    return _without_itself(search, truth.queries, truth.itself, truth.k)


def _without_itself(
    search: Callable[[NDArray[np.float32], int], Found],
    queries: NDArray[np.float32],
    itself: NDArray[np.int64],
    k: int,
) -> Found:
    """Search for one more where queries are rows, and drop the row itself, or the last one."""
    if (itself < 0).all():
        return search(queries, k)
    return without(itself, *search(queries, k + 1))
