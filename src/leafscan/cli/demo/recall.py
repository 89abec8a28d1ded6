"""Recall against exact search in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.demo.methods import Method
from leafscan.recommend import Progress

__all__ = ["find_all", "kth_best_scores", "recall"]

# So many queries at a time, so that a batch's scores against all candidates stay below 200 MB.
_BATCH = 64
_TIE = 1e-6


def kth_best_scores(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], *, k: int, progress: Progress
) -> NDArray[np.float64]:
    """Search exactly, in float64.

    Parameters
    ----------
    queries, candidates
        Float32 of shapes (q, d) and (n, d).
    k
        At most n.
    progress
        Where to show how far it is.

    Returns
    -------
    ndarray of float64
        The k-th best inner product of each query, of shape (q,).
    """
    table = candidates.astype(np.float64).T
    found = np.empty(len(queries))
    for start in range(0, len(queries), _BATCH):
        progress("Exact search, in float64", start, len(queries))
        scores = queries[start : start + _BATCH].astype(np.float64) @ table
        scores.partition(scores.shape[1] - k, axis=1)
        found[start : start + _BATCH] = scores[:, -k]
    return found


def find_all(method: Method, queries: NDArray[np.float32], *, progress: Progress) -> NDArray[np.int64]:
    """Retrieve for all queries, in batches.

    Parameters
    ----------
    method
        What retrieves.
    queries
        Float32 of shape (q, d).
    progress
        Where to show how far it is.

    Returns
    -------
    ndarray of int64
        Ids of shape (q, k).
    """
    parts = []
    for start in range(0, len(queries), _BATCH):
        progress(f"All users by {method.name}", start, len(queries))
        parts.append(method.search(method.prepare(queries[start : start + _BATCH])))
    return np.concatenate(parts).astype(np.int64)


def recall(
    ids: NDArray[np.int64],
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    kth_best: NDArray[np.float64],
) -> float:
    """Measure which part of the best k was found.

    Parameters
    ----------
    ids
        Of shape (q, k), -1 where nothing was found.
    queries, candidates
        Float32 of shapes (q, d) and (n, d).
    kth_best
        The k-th best score of each query, of shape (q,).

    Returns
    -------
    float
        In 0..1. A candidate counts, once, if its exact score is no worse than the k-th best by more than 1e-6
        of it, so that float32 may break near ties either way.
    """
    hits = 0
    for found, query, worst in zip(ids, queries.astype(np.float64), kth_best.tolist(), strict=True):
        rows = np.unique(found[found >= 0])
        hits += int((candidates[rows] @ query >= worst - _TIE * abs(worst)).sum())
    return hits / ids.size
