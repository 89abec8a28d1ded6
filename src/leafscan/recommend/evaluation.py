"""Judge scores on held-out events, with what a user has seen taken out of the ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from leafscan.recommend.interactions import Interactions
from leafscan.recommend.metrics import RankingMetrics, ranking_metrics, top_items

__all__ = ["evaluate"]


def evaluate(
    scores: ArrayLike, history: Interactions, held_out: Interactions, *, k: int = 10
) -> RankingMetrics:
    """Judge scores on held-out events.

    Parameters
    ----------
    scores
        Shape (num_users, num_items), higher is better.
    history
        What the users had seen; it is taken out of the ranking.
    held_out
        What they touched next; users without an event in it do not count.
    k
        How many items are retrieved, at least 1.

    Returns
    -------
    RankingMetrics
        Means over the users of ``held_out``.

    Examples
    --------
    >>> from leafscan.recommend import Popularity, leave_last_out, synthetic_movielens
    >>> split = leave_last_out(synthetic_movielens())
    >>> evaluate(Popularity().scores(split.refit), split.refit, split.test).users
    40
    """
    users, places = np.unique(held_out.users, return_inverse=True)
    relevant = np.zeros((len(users), held_out.num_items), dtype=np.bool_)
    relevant[places, held_out.items] = True
    ids = top_items(np.asarray(scores)[users], k=k, seen=history.seen()[users])
    return ranking_metrics(ids, relevant, k=k)
