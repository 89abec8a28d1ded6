"""What was measured: how much recall a search finds, and how long it takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from leafscan.index.config import SearchParams
from leafscan.index.config.part import Part
from leafscan.index.numbers import real_number, whole_number

__all__ = ["OperatingPoint", "RecallCurve"]


def check_recall(recall: Any, name: str = "recall") -> float:
    """Check a recall that is asked for: above 0, at most 1.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is out of range.
    """
    asked = real_number(recall, name, low=0)
    if not 0 < asked <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1; received {recall!r:.80}.")
    return asked


def check_confidence(confidence: Any, name: str = "confidence") -> float:
    """Check a confidence: at least 0.5, below 1."""
    asked = real_number(confidence, name, low=0.5)
    if asked >= 1:
        raise ValueError(f"{name} must be at least 0.5 and below 1; received {confidence!r:.80}.")
    return asked


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingPoint(Part):
    """One way to search one index, and what came of it.

    Parameters
    ----------
    params
        How thoroughly it searched.
    recall
        The share of the exact best k that it found, the mean over the queries, from 0 to 1.
    low, high
        What the recall of all such queries lies between: each end holds with the curve's confidence.
    latency_us
        Microseconds that one query takes, alone in its call and on one thread: the mean over the queries.

    Examples
    --------
    >>> point = OperatingPoint(
    ...     params=SearchParams(leaves=30), recall=0.96, low=0.955, high=0.965, latency_us=41.0
    ... )
    >>> OperatingPoint.from_dict(point.to_dict()) == point
    True
    """

    params: SearchParams
    recall: float
    low: float
    high: float
    latency_us: float

    def __post_init__(self) -> None:
        if not isinstance(self.params, SearchParams):
            raise TypeError(f"OperatingPoint's params must be a SearchParams; received {self.params!r:.80}.")
        for name in ("low", "recall", "high", "latency_us"):
            self.set_plain(name, real_number(getattr(self, name), f"OperatingPoint's {name}", low=0))
        if not self.low <= self.recall <= self.high <= 1:
            raise ValueError(
                "OperatingPoint's low, recall and high must rise, up to 1; "
                f"received {self.low}, {self.recall} and {self.high}."
            )

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make the point from what `to_dict` returned."""
        parts = _mapping(parameters, "OperatingPoint")
        if "params" in parts:
            parts["params"] = SearchParams.from_dict(parts["params"])
        return super(OperatingPoint, cls).from_dict(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecallCurve(Part):
    """What recall costs in an index: the points that no other beats, from the quickest to the best.

    Parameters
    ----------
    k
        How many neighbours were asked for.
    queries
        How many queries it was measured over.
    given
        Whether these were the caller's; else they are vectors of the index, each never an answer to itself.
    confidence
        Of ``low`` and ``high`` of each point, each by itself.
    points
        By rising recall and rising latency.
    nearness
        Quantiles, ascending and evenly spaced from the least to the largest, of how near these queries have
        their k-th neighbour, which tells whether others are like them (`leafscan.index.tuning.likeness`).

    Examples
    --------
    >>> quick = OperatingPoint(params=SearchParams(leaves=5), recall=0.9, low=0.88, high=0.92, latency_us=10)
    >>> good = OperatingPoint(params=SearchParams(leaves=20), recall=0.98, low=0.97, high=0.99, latency_us=30)
    >>> curve = RecallCurve(k=10, queries=1_000, given=False, confidence=0.95, points=(quick, good))
    >>> curve.at(0.9).params.leaves
    20
    >>> curve.at(0.99)
    Traceback (most recent call last):
    ValueError: recall of 0.99 was not reached: the best that was measured is 0.98 (at least 0.97 ...
    """

    k: int
    queries: int
    given: bool
    confidence: float
    points: tuple[OperatingPoint, ...]
    nearness: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        whole_number(self.k, "RecallCurve's k", low=1, high=2**31 - 1)
        whole_number(self.queries, "RecallCurve's queries", low=1, high=2**63 - 1)
        if not isinstance(self.given, bool):
            raise TypeError(f"RecallCurve's given must be True or False; received {self.given!r:.80}.")
        self.set_plain("confidence", check_confidence(self.confidence, "RecallCurve's confidence"))
        for name in ("points", "nearness"):
            if not isinstance(getattr(self, name), tuple):
                raise TypeError(
                    f"RecallCurve's {name} must be a tuple; received {getattr(self, name)!r:.80}."
                )
        if not self.points or not all(isinstance(point, OperatingPoint) for point in self.points):
            raise ValueError("RecallCurve's points must be at least one OperatingPoint.")
        for name in ("recall", "latency_us"):
            values = [getattr(point, name) for point in self.points]
            if any(after < before for before, after in pairwise(values)):
                raise ValueError(f"RecallCurve's points must rise in {name}.")
        numbers = [isinstance(one, (int, float)) and math.isfinite(one) for one in self.nearness]
        if not all(numbers) or list(self.nearness) != sorted(self.nearness):
            raise ValueError("RecallCurve's nearness must be finite numbers that ascend.")

    def at(self, recall: float) -> OperatingPoint:
        """Return the cheapest point that reaches a recall with the curve's confidence.

        Parameters
        ----------
        recall
            Above 0, at most 1.

        Raises
        ------
        ValueError
            If none does; it says what the best is.
        """
        asked = check_recall(recall)
        for point in self.points:
            if point.low >= asked:
                return point
        best = self.points[-1]
        raise ValueError(
            f"recall of {asked:g} was not reached: the best that was measured is {best.recall:.4g} (at least "
            f"{best.low:.4g} with confidence {self.confidence:g}, over {self.queries:,} queries); "
            "index.tune(recall=...) looks for more."
        )

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make the curve from what `to_dict` returned."""
        parts = _mapping(parameters, "RecallCurve")
        parts["points"] = tuple(map(OperatingPoint.from_dict, _list(parts.get("points"), "points")))
        parts["nearness"] = tuple(_list(parts.get("nearness", ()), "nearness"))
        return super(RecallCurve, cls).from_dict(parts)


def _mapping(parameters: Any, name: str) -> dict[str, Any]:
    if not isinstance(parameters, Mapping):
        raise TypeError(f"{name}.from_dict takes a mapping of parameters; received {parameters!r:.80}.")
    return dict(parameters)


def _list(values: Any, name: str) -> list[Any]:
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name} must be a list; received {values!r:.80}.")
    return list(values)
