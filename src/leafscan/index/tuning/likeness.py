"""Whether queries are like those that an index was tuned for.

A promise of recall is one for queries of the same kind. What tells most of it is how near a query has its
neighbours: recall falls where they are farther off, since they lie in more leaves, and more rows are as far.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from leafscan.index.metric import Metric

__all__ = ["OutOfDistributionWarning", "farther", "nearness", "quantiles", "warn_if_unlike"]

#: So many quantiles keep the distribution.
QUANTILES = 33

#: Queries are unlike if this share of them is farther from its neighbours than `RARE` of those of the tuning
#: were; of fewer than `FEW`, if all are farther than any.
RARE = 0.05
UNLIKE = 0.25
FEW = 20


class OutOfDistributionWarning(UserWarning):
    """Queries are not of the kind that an index was tuned for, so that their recall may be another."""


def nearness(queries: NDArray[np.float32], last: NDArray[np.float32], metric: Metric) -> NDArray[np.float64]:
    """Return how near queries have their k-th neighbour, whatever their length: more is nearer.

    Parameters
    ----------
    queries
        (m, d).
    last
        (m,) the score of the k-th neighbour of each.
    metric
        "dot_product", "cosine" or "squared_l2".

    Returns
    -------
    NDArray[np.float64]
        (m,) cosines; dot products with the query scaled to length 1; distances, negated. Queries that have
        no k-th neighbour, or no length, are left out.
    """
    score = last.astype(np.float64)
    if metric == "squared_l2":
        near = -np.sqrt(np.maximum(score, 0))
    elif metric == "dot_product":
        with np.errstate(divide="ignore", invalid="ignore"):
            near = score / np.linalg.norm(queries.astype(np.float64), axis=1)
    else:
        near = score
    return near[np.isfinite(near)]


def quantiles(near: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the quantiles that a curve keeps; none of nothing."""
    if not len(near):
        return ()
    return tuple(np.quantile(near, np.linspace(0, 1, QUANTILES)).tolist())


def farther(near: NDArray[np.float64], known: tuple[float, ...]) -> float:
    """Return the share of queries that are farther from their neighbours than `RARE` of the known ones.

    Examples
    --------
    >>> known = quantiles(np.linspace(0.5, 0.9, 1_000))
    >>> farther(np.array([0.4, 0.45, 0.7, 0.8]), known)
    0.5
    """
    if not len(near) or not known:
        return 0.0
    limit = np.interp(RARE, np.linspace(0, 1, len(known)), known)
    return float((near < limit).mean())


def warn_if_unlike(near: NDArray[np.float64], known: tuple[float, ...], *, stacklevel: int) -> None:
    """Warn where queries are not of the kind that an index was tuned for."""
    if not len(near) or not known:
        return
    if len(near) < FEW:
        share = 1.0 if bool((near < known[0]).all()) else 0.0
        than = "any of the queries"
    else:
        share = farther(near, known)
        than = f"{100 * (1 - RARE):.0f} % of those"
    if share > UNLIKE:
        warnings.warn(
            f"{100 * share:.0f} % of these queries are farther from their neighbours than {than} that the "
            "index was tuned for: they are of another kind, and may have less recall than was asked for. "
            "Tune for them: index.tune(queries, recall=...).",
            OutOfDistributionWarning,
            stacklevel=stacklevel + 1,
        )
