"""How thoroughly a plan is searched: two numbers, on ladders whose rungs are a constant factor apart."""

import bisect
from typing import NamedTuple

from leafscan.index.config import Config, SearchParams

__all__ = ["Effort", "ladder", "params_of"]


class Effort(NamedTuple):
    """Leaves that a query visits, and rows that are scored again; 0 where the plan has none."""

    leaves: int
    candidates: int


def ladder(low: int, high: int, factor: float) -> list[int]:
    """Return whole numbers from ``low`` to ``high``, each about ``factor`` times the one before.

    Examples
    --------
    >>> ladder(1, 20, 1.5)
    [1, 2, 3, 4, 6, 9, 14, 20]
    """
    rungs = [low]
    while rungs[-1] < high:
        rungs.append(min(high, max(rungs[-1] + 1, round(rungs[-1] * factor))))
    return rungs


def nearest(rungs: list[int], value: float) -> int:
    """Return the place of the first rung that is at least ``value``, or of the last."""
    return min(bisect.bisect_left(rungs, value), len(rungs) - 1)


def params_of(effort: Effort, config: Config) -> SearchParams:
    """Return what asks a plan for an effort; what it has besides stays as the plan has it."""
    search = config.search
    return SearchParams(
        leaves=effort.leaves or None,
        candidates=effort.candidates or None,
        refined=search.refined,
        upper_leaves=search.upper_leaves,
    )
