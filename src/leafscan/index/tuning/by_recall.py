"""A search that is asked for a recall in place of parameters."""

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import SearchParams
from leafscan.index.metric import Metric
from leafscan.index.tuning.likeness import nearness, warn_if_unlike
from leafscan.index.tuning.record import Tuning

__all__ = ["check_kind", "params_for"]


def params_for(tuning: Tuning | None, recall: float, k: int, params: SearchParams | None) -> SearchParams:
    """Return the quickest measured search that reaches a recall.

    Parameters
    ----------
    tuning
        What was measured of the index.
    recall
        What is asked for.
    k
        For how many neighbours.
    params
        What was given besides, which must be nothing.

    Raises
    ------
    TypeError, ValueError
        If ``recall`` is no such number, was not reached or not measured, or ``params`` are given as well.
    """
    if params is not None:
        raise ValueError("recall says how thoroughly to search, and so do params; give one of them.")
    if tuning is None:
        raise ValueError(
            "recall goes by a measured curve, which this index does not have: index.tune(recall=...) makes "
            "one, and so does leafscan.build(..., recall=...)."
        )
    if k > tuning.k:
        raise ValueError(
            f"recall was measured for k up to {tuning.k}; received k = {k}. "
            f"index.tune(recall=..., k={k}) measures it."
        )
    return tuning.curve.at(recall).params


def check_kind(
    tuning: Tuning | None,
    queries: NDArray[np.float32],
    scores: NDArray[np.float32],
    metric: Metric,
    *,
    stacklevel: int,
) -> None:
    """Warn where what a search found is farther off than the queries of the tuning had it.

    Parameters
    ----------
    tuning
        What was measured of the index.
    queries
        (d,) or (q, d).
    scores
        (k,) or (q, k), as a search without a filter gave them; for another k than that of the tuning nothing
        can be said.
    metric
        "dot_product", "cosine" or "squared_l2".
    stacklevel
        As `warnings.warn` takes it.
    """
    if tuning is not None and scores.shape[-1] == tuning.k:
        near = nearness(np.atleast_2d(queries), np.atleast_2d(scores)[:, -1], metric)
        warn_if_unlike(near, tuning.curve.nearness, stacklevel=stacklevel + 1)
