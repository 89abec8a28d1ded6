"""Exact neighbours in a base too large for a matrix of scores: leafscan's exact search, part by part."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

import leafscan
from benchmarks.data.dataset import Matrix
from benchmarks.data.ground_truth import exact_scores

PART = 1_000_000


def neighbours_by_parts(
    base: Matrix,
    queries: Matrix,
    metric: str,
    k: int,
    threads: int,
    part: int = PART,
    tell: Callable[[int], object] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the ids and float64 scores of the ``k`` best base rows of every query.

    A part of the base is indexed and searched exactly in float32, then the next one; what all parts found is
    ranked in float64. Within the rounding of float32 the last of the ``k`` may be another row than the exact
    one, so ask for more than are needed.

    Parameters
    ----------
    base, queries
        Rows of equal width; unit vectors for ``cosine``.
    metric
        ``dot_product``, ``cosine`` or ``squared_l2``.
    k
        Neighbours wanted, at most the rows of the smallest part.
    threads
        How many to use.
    part
        Rows that are indexed, and so copied, at a time.
    tell
        Told how many rows have been searched, part after part.

    Returns
    -------
    ids, scores
        Both (queries, k), best first; greater is better in all metrics. Of rows that tie for the
        last place any may come.
    """
    ids = np.empty((len(queries), 0), dtype=np.int64)
    ranks = np.empty((len(queries), 0), dtype=np.float32)
    exact = leafscan.Config(score=leafscan.BruteForce())
    for first in range(0, len(base), part):
        rows = base[first : first + part]
        index = leafscan.build(rows, metric=metric, config=exact, threads=threads, progress=False)
        found = index.search(queries, k=min(k, len(rows)), threads=threads)
        better = -found.scores if metric == "squared_l2" else found.scores
        ids = np.concatenate([ids, found.ids + first], axis=1)
        ranks = np.concatenate([ranks, better], axis=1)
        if ranks.shape[1] > k:
            best = np.argpartition(ranks, ranks.shape[1] - k, axis=1)[:, ranks.shape[1] - k :]
            ids, ranks = np.take_along_axis(ids, best, axis=1), np.take_along_axis(ranks, best, axis=1)
        if tell is not None:
            tell(len(rows))
    scores = np.empty(ids.shape, dtype=np.float64)
    for i, query in enumerate(queries):
        exactly = exact_scores(base[ids[i]], query, metric)
        order = np.lexsort((ids[i], -exactly))
        ids[i], scores[i] = ids[i][order], exactly[order]
    return ids, scores


def best_scores(base: Matrix, queries: Matrix, metric: str, k: int, part: int = PART) -> NDArray[np.float64]:
    """Return the ``k`` best float64 scores of every query, over all rows, in NumPy alone; (queries, k).

    It is the proof of :func:`neighbours_by_parts` for some queries, and slow.
    """
    best = np.empty((len(queries), 0), dtype=np.float64)
    for first in range(0, len(base), part):
        rows = base[first : first + part]
        scores = np.stack([exact_scores(rows, query, metric) for query in queries])
        best = np.sort(np.concatenate([best, scores], axis=1), axis=1)[:, ::-1][:, :k]
    return best
