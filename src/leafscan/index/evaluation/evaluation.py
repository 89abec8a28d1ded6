"""What an evaluation found."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscan.index.leaves import Leaves
from leafscan.index.tuning.points import OperatingPoint

__all__ = ["Evaluation", "Missed", "ScoreErrors", "WorstQuery", "frontier_of"]


def frontier_of(points: Iterable[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    """Return the points that no other one beats in both recall and latency, by rising latency."""
    kept: list[OperatingPoint] = []
    for point in sorted(points, key=lambda point: (point.latency_us, -point.recall)):
        if not kept or point.recall > kept[-1].recall:
            kept.append(point)
    return tuple(kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """A row that belongs to the best k of a query and was not found.

    Attributes
    ----------
    id
        Its id.
    rank
        Its rank by exact score, from 1.
    visited
        Whether a leaf that lists it was visited: if so its code was not good enough to be among the
        candidates, if not the leaves that were visited were not the right ones. True where there is no tree.
    """

    id: int | str
    rank: int
    visited: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WorstQuery:
    """A query that found little.

    Attributes
    ----------
    query
        The id of the row that it is, or its place among the queries that were given.
    recall
        The share of its exact best k that it found, from 0 to 1.
    missed
        What it did not find, best first.
    best
        The exact score of its best answer.
    """

    query: int | str
    recall: float
    missed: tuple[Missed, ...]
    best: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ScoreErrors:
    """How much the scores by codes differ from the exact ones, over the exact best k of each query.

    Attributes
    ----------
    errors
        (m,) score by codes less exact score, in the units of the metric.
    spread
        The standard deviation of the exact scores of random rows for the same queries: against this an error
        is small or large.
    """

    errors: NDArray[np.float64]
    spread: float


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Evaluation:
    """What `leafscan.evaluate` found.

    Attributes
    ----------
    k
        How many answers a query had.
    queries
        How many queries there were.
    given
        Whether they were the caller's; else they are rows of the index, each never its own answer.
    confidence
        Of the intervals of recall.
    default
        What a search with ``index.config.search`` comes to.
    points
        The same of other parameters, by rising latency, the default among them.
    recalls
        (q,) the recall of each query with the default, from 0 to 1.
    worst
        The queries with the lowest recall, the worst first; none that found everything.
    unvisited, outscored
        How many of all answers that were missed lay in leaves that were not visited, and how many in leaves
        that were but had codes that did not make them candidates.
    leaves
        The sizes of the leaves; None without a tree.
    score_errors
        The errors of codes; None without codes.
    farther
        The share of the given queries that are farther from their k-th neighbour than all but a twentieth of
        those that the index was tuned for: much more than .05 tells queries of another kind. None where no
        queries were given, or the index was not tuned for this ``k``.
    """

    k: int
    queries: int
    given: bool
    confidence: float
    default: OperatingPoint
    points: tuple[OperatingPoint, ...]
    recalls: NDArray[np.float64]
    worst: tuple[WorstQuery, ...]
    unvisited: int
    outscored: int
    leaves: Leaves | None
    score_errors: ScoreErrors | None
    farther: float | None

    @property
    def frontier(self) -> tuple[OperatingPoint, ...]:
        """The points that no other one beats in both recall and latency, by rising latency."""
        return frontier_of(self.points)

    def __repr__(self) -> str:
        """Tell the figures in one line."""
        of = "given queries" if self.given else "rows as queries"
        return (
            f"<leafscan.Evaluation: recall@{self.k} {self.default.recall:.3f} "
            f"({self.default.low:.3f} to {self.default.high:.3f}) over {self.queries:,} {of}>"
        )
