"""What tuning is to reach."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscan.index.tuning.limits import Limits

__all__ = ["Goal"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Goal:
    """What tuning is to reach.

    Parameters
    ----------
    recall
        Above 0, at most 1.
    k
        Of how many neighbours.
    queries
        (m, d) float32 of the caller's, or None.
    confidence
        At least 0.5, below 1.
    limits
        What it may cost.
    """

    recall: float
    k: int
    queries: NDArray[np.float32] | None
    confidence: float
    limits: Limits
