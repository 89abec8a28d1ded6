"""How well a mean recall over some queries is known."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["fewest_queries", "recall_interval"]


def recall_interval(recalls: NDArray[np.float64], k: int, confidence: float) -> tuple[float, float, float]:
    """Return a mean recall and what it lies between.

    Parameters
    ----------
    recalls
        (m,) the recall of each query, from 0 to 1.
    k
        How many neighbours each of them is a share of.
    confidence
        Of each end by itself, between 0.5 and 1: at 0.95 one sample in twenty has a ``low`` that is too high.

    Returns
    -------
    mean, low, high : float
        Wilson's score interval (1927) for the share of neighbours found. Those of one query are found or
        missed together, so that they count for fewer than m k independent ones: for as many as the spread of
        the queries' recalls tells (Kish's design effect, 1965), and never for more than m where they tell of
        no spread at all.

    Examples
    --------
    >>> mean, low, high = recall_interval(np.repeat([1.0, 0.9, 0.8], 300), 10, 0.95)
    >>> round(mean, 3), round(low, 3), round(high, 3)
    (0.9, 0.895, 0.905)
    """
    m = len(recalls)
    mean = float(recalls.mean())
    spread = float(recalls.var(ddof=1)) if m > 1 else 0.0
    count = float(m)
    if spread > 0:
        count = min(mean * (1 - mean) * m / spread, float(m * k))
    z = _z(confidence)
    middle = (mean + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (mean * (1 - mean) / count + z * z / (4 * count * count)) ** 0.5
    return mean, max(0.0, min(mean, middle - half)), min(1.0, max(mean, middle + half))


def fewest_queries(recall: float, confidence: float) -> int:
    """Return how many queries it takes to show a recall, if they miss nothing.

    Examples
    --------
    >>> fewest_queries(0.95, 0.95), fewest_queries(0.99, 0.95)
    (52, 268)
    """
    return int(np.ceil(_z(confidence) ** 2 * recall / (1 - recall)))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(confidence)
