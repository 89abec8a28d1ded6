"""Which rungs of a ladder to measure: those whose recalls are spread where the comparison is read."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import exp, log

# Just above the recalls that are read, where speeds are compared; then the ends.
ANCHORS = (0.952, 0.991, 0.902, 0.975, 0.87, 0.9955)


def wanted_recalls(count: int) -> list[float]:
    """Return recalls to aim at: near those that are read first, then halving the widest gaps.

    Gaps are counted in log-odds, since the last hundredths cost the most.

    Examples
    --------
    >>> wanted_recalls(4)
    [0.902, 0.952, 0.975, 0.991]
    """
    wanted = sorted(ANCHORS[:count])
    while len(wanted) < count:
        low, high = max(pairwise(wanted), key=lambda pair: _odds(pair[1]) - _odds(pair[0]))
        wanted.append(1 / (1 + exp(-(_odds(low) + _odds(high)) / 2)))
        wanted.sort()
    return wanted


def _odds(recall: float) -> float:
    return log(recall / (1 - recall))


def choose_rungs(rungs: int, recall_of: Callable[[int], float], recalls: Sequence[float]) -> list[int]:
    """Return the lowest rung that reaches each recall, found by bisection, then filled to equal number.

    Parameters
    ----------
    rungs
        Length of the ladder, on which recall rises.
    recall_of
        Measures the recall of a rung; asked once a rung.
    recalls
        What to aim at, rising. A recall that no rung reaches gives the last rung.

    Returns
    -------
    list of int
        As many different rungs as there are recalls, if the ladder has them, rising. Where two recalls
        fall on one rung, the nearest free one is taken too, so that every peer has equally many points.
    """
    known: dict[int, float] = {}

    def ask(rung: int) -> float:
        if rung not in known:
            known[rung] = recall_of(rung)
        return known[rung]

    chosen: set[int] = set()
    low = 0
    for recall in recalls:
        high = rungs - 1
        while low < high:
            middle = (low + high) // 2
            if ask(middle) >= recall:
                high = middle
            else:
                low = middle + 1
        free = [rung for rung in range(rungs) if rung not in chosen]
        if free:
            chosen.add(min(free, key=lambda rung: (abs(rung - low), rung)))
    return sorted(chosen)
