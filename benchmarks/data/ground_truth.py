"""Exact nearest neighbours: found in float32 by blocks, ranked and proved in float64."""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

QUERY_BLOCK = 500
ROW_BLOCK = 65_536
SPARE = 40
UNIT_ROUNDOFF = 2.0**-24


def exact_neighbours(
    base: NDArray[np.float32], queries: NDArray[np.float32], metric: str, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the ids and scores of the ``k`` best base rows of every query.

    A float32 product proposes ``k + 40`` rows; float64 ranks them. The result stands when the worst
    proposed float32 score lies below the ``k``-th float64 score by more than the rounding error of a
    float32 product; a query that cannot be proved that way is searched again wholly in float64.

    Parameters
    ----------
    base, queries
        Rows of equal width. For ``cosine`` they must be unit vectors already.
    metric
        ``dot_product``, ``cosine`` or ``squared_l2``.
    k
        Neighbours wanted.

    Returns
    -------
    ids, scores
        Both ``(queries, k)``, best first, ties to the lower row. Greater is better in all metrics: a
        squared distance is returned negated.
    """
    proposed = min(k + SPARE, base.shape[0])
    squared = metric == "squared_l2"
    half_norms = 0.5 * np.einsum("ij,ij->i", base, base, dtype=np.float64) if squared else None
    longest = float(np.sqrt(np.max(np.einsum("ij,ij->i", base, base, dtype=np.float64))))
    ids = np.empty((len(queries), k), dtype=np.int64)
    scores = np.empty((len(queries), k), dtype=np.float64)
    starts = range(0, len(queries), QUERY_BLOCK)
    for start in tqdm(starts, desc="exact neighbours", leave=False, disable=None):
        block = queries[start : start + QUERY_BLOCK]
        rows, ranks = _propose(base, block, half_norms, proposed)
        for i, query in enumerate(block):
            candidates = rows[i]
            exact = exact_scores(base[candidates], query, metric)
            order = np.lexsort((candidates, -exact))[:k]
            worst = 2.0 * (ranks[i].min() - 0.5 * _square(query)) if squared else ranks[i].min()
            slack = 4.0 * (len(query) + 2) * UNIT_ROUNDOFF * longest * (np.sqrt(_square(query)) + longest)
            if proposed < base.shape[0] and worst + slack >= exact[order[-1]]:
                candidates = np.arange(base.shape[0])
                exact = exact_scores(base, query, metric)
                order = np.lexsort((candidates, -exact))[:k]
            ids[start + i], scores[start + i] = candidates[order], exact[order]
    return ids, scores


def exact_scores(rows: NDArray[np.float32], query: NDArray[np.float32], metric: str) -> NDArray[np.float64]:
    """Return float64 scores of some rows for one query; greater is better."""
    wide, exact = rows.astype(np.float64), query.astype(np.float64)
    if metric == "squared_l2":
        gap = wide - exact
        return np.asarray(-np.einsum("ij,ij->i", gap, gap))
    return np.asarray(wide @ exact)


def _square(query: NDArray[np.float32]) -> float:
    return float(np.dot(query.astype(np.float64), query.astype(np.float64)))


def _propose(
    base: NDArray[np.float32],
    block: NDArray[np.float32],
    half_norms: NDArray[np.float64] | None,
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    best_ids = np.empty((len(block), 0), dtype=np.int64)
    best = np.empty((len(block), 0), dtype=np.float32)
    for first in range(0, base.shape[0], ROW_BLOCK):
        part = base[first : first + ROW_BLOCK]
        score = block @ part.T
        if half_norms is not None:
            score -= half_norms[first : first + len(part)].astype(np.float32)
        keep = min(count, len(part))
        local = np.argpartition(score, len(part) - keep, axis=1)[:, len(part) - keep :]
        best_ids = np.concatenate([best_ids, local + first], axis=1)
        best = np.concatenate([best, np.take_along_axis(score, local, axis=1)], axis=1)
        if best.shape[1] > count:
            top = np.argpartition(best, best.shape[1] - count, axis=1)[:, best.shape[1] - count :]
            best_ids = np.take_along_axis(best_ids, top, axis=1)
            best = np.take_along_axis(best, top, axis=1)
    return best_ids, best
