"""How good a ranking is: NDCG, recall and reciprocal rank of what was held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["RankingMetrics", "ranking_metrics", "top_items"]


@dataclass(frozen=True)
class RankingMetrics:
    """Means over users, each in 0..1.

    Attributes
    ----------
    ndcg
        Normalised discounted cumulative gain of the first k (Järvelin and Kekäläinen 2002), binary gains.
    recall
        The part of a user's held-out items among the first k; with one item each that is the hit rate.
    mrr
        One over the place of the first held-out item, 0 where none is among the first k.
    k
        How many items count.
    users
        How many users the means are over.
    """

    ndcg: float
    recall: float
    mrr: float
    k: int
    users: int

    def to_dict(self) -> dict[str, float]:
        """Give the means by name, ``ndcg_at_10`` and so on for the k."""
        return {
            f"ndcg_at_{self.k}": self.ndcg,
            f"recall_at_{self.k}": self.recall,
            f"mrr_at_{self.k}": self.mrr,
        }


def top_items(scores: ArrayLike, *, k: int = 10, seen: ArrayLike | None = None) -> NDArray[np.int64]:
    """Rank items by score.

    Parameters
    ----------
    scores
        Shape (users, items), higher is better.
    k
        How many items are kept, at least 1.
    seen
        Shape (users, items), true for what must not be ranked; or None.

    Returns
    -------
    ndarray of int64
        Shape (users, k), best first, ties to the lower item; -1 where there is no further item.

    Raises
    ------
    ValueError
        If shapes differ, k is below 1 or a score is NaN.

    Examples
    --------
    >>> top_items([[0.1, 0.9, 0.5, 0.9]], k=3, seen=[[False, True, False, False]])
    array([[3, 2, 0]])
    """
    values = np.array(scores, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"scores must have shape (users, items), received {values.shape}.")
    if k < 1:
        raise ValueError(f"k must be at least 1, received {k}.")
    if np.isnan(values).any():
        raise ValueError(f"scores must be numbers; row {int(np.argmax(np.isnan(values).any(1)))} holds NaN.")
    if seen is not None:
        hidden = np.asarray(seen, dtype=np.bool_)
        if hidden.shape != values.shape:
            raise ValueError(f"seen must have the shape of scores, {values.shape}, received {hidden.shape}.")
        values[hidden] = -np.inf
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    order[np.take_along_axis(values, order, axis=1) == -np.inf] = -1
    if order.shape[1] < k:
        order = np.pad(order, ((0, 0), (0, k - order.shape[1])), constant_values=-1)
    return order.astype(np.int64)


def ranking_metrics(ids: ArrayLike, relevant: ArrayLike, *, k: int | None = None) -> RankingMetrics:
    """Judge retrieved items.

    Parameters
    ----------
    ids
        Retrieved items of shape (users, n), best first, -1 where there was none: from `top_items`, or the ids
        that an index gave.
    relevant
        What was held out: one item each, integers of shape (users,), or several, a boolean mask of shape
        (users, items).
    k
        How many of the first items count; by default all n.

    Returns
    -------
    RankingMetrics
        Means over the users that have something held out.

    Raises
    ------
    ValueError
        If shapes do not fit, k is not in 1..n, an id is outside the mask, or nothing is held out.

    Examples
    --------
    >>> ranking_metrics([[4, 7], [1, 2]], [7, 9])
    RankingMetrics(ndcg=0.315..., recall=0.5, mrr=0.25, k=2, users=2)
    """
    found = np.asarray(ids)
    held_out = np.asarray(relevant)
    if found.ndim != 2 or held_out.ndim not in (1, 2) or len(found) != len(held_out):
        raise ValueError(
            "ids must have shape (users, n) and relevant (users,) or (users, items), "
            f"received {found.shape} and {held_out.shape}."
        )
    k = found.shape[1] if k is None else k
    if not 1 <= k <= found.shape[1]:
        raise ValueError(f"k must lie in 1..{found.shape[1]}, the number of ids a user, received {k}.")
    hits, totals = _hits(found[:, :k], held_out)
    judged = totals > 0
    if not judged.any():
        raise ValueError(
            "relevant must hold out at least one item of one user; there is nothing to judge by."
        )
    hits, totals = hits[judged], totals[judged]
    discounts = 1 / np.log2(np.arange(k) + 2)
    ideal = np.cumsum(discounts)[np.minimum(totals, k) - 1]
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0)
    return RankingMetrics(
        ndcg=float((hits @ discounts / ideal).mean()),
        recall=float((hits.sum(axis=1) / totals).mean()),
        mrr=float(first.mean()),
        k=k,
        users=int(judged.sum()),
    )


def _hits(found: NDArray[Any], held_out: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    if held_out.ndim == 1:
        return (found == held_out[:, None]) & (found >= 0), np.ones(len(found), np.int64)
    if found.size and found.max() >= held_out.shape[1]:
        raise ValueError(
            f"ids must be below {held_out.shape[1]}, the number of items, received {found.max()}."
        )
    mask = held_out.astype(np.bool_)
    return np.take_along_axis(mask, np.maximum(found, 0), axis=1) & (found >= 0), mask.sum(axis=1)
