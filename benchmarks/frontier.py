"""The best speed at a recall, read between measured points.

A *curve* is the points of one ladder of one index: between two of its rungs lie others that could be
set. So speed is interpolated along each curve, and the frontier is the best curve at each recall. To
join points of different curves would invent settings, or drag a good curve down to a worse neighbour.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import exp, log
from typing import NamedTuple

TARGETS = (0.90, 0.95, 0.99)


class Point(NamedTuple):
    """One operating point: a recall, and queries a second at it."""

    recall: float
    qps: float


Curve = Sequence[Point]


def unbeaten(curve: Iterable[Point]) -> list[Point]:
    """Return the points that no other beats in recall and speed at once, by rising recall.

    Examples
    --------
    >>> unbeaten([Point(0.9, 100.0), Point(0.95, 120.0), Point(0.99, 50.0)])
    [Point(recall=0.95, qps=120.0), Point(recall=0.99, qps=50.0)]
    """
    kept: list[Point] = []
    for point in sorted(curve, key=lambda p: (-p.recall, -p.qps)):
        if not kept or point.qps > kept[-1].qps:
            kept.append(point)
    return kept[::-1]


def along(curve: Curve, recall: float) -> float | None:
    """Return queries a second of one curve at a recall: log(QPS) is interpolated over the recall.

    Below the curve's lowest recall its fastest point counts, which does reach that recall; above its
    highest recall there is no answer.

    Examples
    --------
    >>> round(along([Point(0.9, 1000.0), Point(1.0, 10.0)], 0.95))
    100
    >>> along([Point(0.9, 1000.0)], 0.95) is None
    True
    """
    points = unbeaten(curve)
    if not points or recall > points[-1].recall:
        return None
    if recall <= points[0].recall:
        return points[0].qps
    low, high = next(pair for pair in pairwise(points) if recall <= pair[1].recall)
    share = (recall - low.recall) / (high.recall - low.recall)
    return exp(log(low.qps) * (1 - share) + log(high.qps) * share)


def qps_at(curves: Iterable[Curve], recall: float) -> float | None:
    """Return queries a second of the best curve at a recall, or None where no curve reaches it.

    Examples
    --------
    >>> qps_at([[Point(0.9, 50.0)], [Point(0.95, 40.0)]], 0.92)
    40.0
    """
    return max((qps for curve in curves if (qps := along(curve, recall)) is not None), default=None)


def near_frontier(point: Point, curves: Iterable[Curve], share: float) -> bool:
    """Return whether a point's speed is at least ``share`` of the frontier's at the point's recall."""
    best = qps_at(curves, point.recall)
    return best is not None and point.qps >= share * best
