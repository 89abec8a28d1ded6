"""Where the time of one search went."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExplainedResult", "SearchExplanation", "told"]

#: What each stage is, in the order in which a query goes through them. "call" is what none of them is.
STAGES = {
    "prepare": "check the queries, and scale them to length 1 for cosine",
    "filter": "find what the filter and the query's own lists allow",
    "route": "choose the leaves by their centroids",
    "tables": "make the table of what each code adds, and look up where the leaves' codes are",
    "scan": "add up codes, and keep the better points",
    "select": "take the candidates out of what the scan kept",
    "first_rows": "score the candidates by the smaller rows",
    "rows": "score by the rows",
    "merge": "put the best k in order",
    "call": "all else: the call itself, waiting for threads, names of ids",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchExplanation:
    """What a search did, and how long each stage of it took: measured in that call alone.

    Numbers are sums over the queries of the call. So are times, and where several threads search they are
    sums over the threads, which come to more than ``total_us``.

    Attributes
    ----------
    queries
        How many there were.
    k, threads
        What was asked for, or the default.
    total_us
        Microseconds from the checked queries to the result, by the clock.
    microseconds
        By stage, in order: "prepare", "filter", "route", "tables", "scan", "select", "first_rows", "rows",
        "merge" and "call", which is what is left of ``total_us`` (0 with several threads). A stage that
        there was not took 0.
    leaves
        Leaves that were visited.
    points
        Points whose codes were scanned; with SOAR a row may be two of them.
    survivors
        Candidates that the scans left.
    first_rows
        Candidates that were scored by the smaller rows of the first stage of reordering.
    rows
        Rows that were scored by themselves: reordered or, without codes, gone through.
    listed
        Queries whose allowed rows were so few that all of them were scored in place of a scan.
    repeated
        Queries that were searched once more, since what they deny left fewer than k.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
    >>> how = index.search([0.0, 3.0, 2.0, 1.0], k=2, explain=True).explanation
    >>> how.queries, how.leaves, how.points, how.rows
    (1, 0, 0, 4)
    >>> str(how).splitlines()[0]  # doctest: +ELLIPSIS
    '1 query, k = 2, on 1 thread: ... us'
    """

    queries: int
    k: int
    threads: int
    total_us: float
    microseconds: Mapping[str, float]
    leaves: int
    points: int
    survivors: int
    first_rows: int
    rows: int
    listed: int
    repeated: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dictionary that JSON can hold."""
        return {
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
            "microseconds": dict(self.microseconds),
        }

    def __str__(self) -> str:
        """Tell it as a table: the stages that took time, the longest first."""
        queries = "1 query" if self.queries == 1 else f"{self.queries:,} queries"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        whole = sum(self.microseconds.values()) or 1.0
        lines = [f"{queries}, k = {self.k}, on {threads}: {self.total_us:,.1f} us"]
        for stage, taken in sorted(self.microseconds.items(), key=lambda item: -item[1]):
            if taken > 0:
                counted = self._counted(stage)
                said = STAGES[stage] + (f": {counted}" if counted else "")
                lines.append(f"  {stage:<10} {taken:>10,.1f} us {100 * taken / whole:>4.0f} %  {said}")
        if self.listed:
            lines.append(f"  of {self.listed:,} queries all that is allowed was scored, it being so little")
        if self.repeated:
            lines.append(f"  {self.repeated:,} queries were searched again: what they deny left fewer than k")
        return "\n".join(lines)

    def _counted(self, stage: str) -> str:
        counted = {
            "route": (self.leaves, "leaves to visit"),
            "scan": (self.points, "points"),
            "select": (self.survivors, "candidates"),
            "first_rows": (self.first_rows, "rows"),
            "rows": (self.rows, "rows"),
        }
        count, what = counted.get(stage, (0, ""))
        return f"{count:,} {what}" if count else ""


class ExplainedResult(NamedTuple):
    """What a search with ``explain=True`` found, and how: ``ids, scores, explanation = ...``.

    Attributes
    ----------
    ids, scores
        As of a `leafscan.SearchResult`: equal to what the same search without ``explain`` gives.
    explanation
        A `SearchExplanation`.
    """

    ids: NDArray[Any]
    scores: NDArray[np.float32]
    explanation: SearchExplanation


def told(
    trace: Mapping[str, Any], *, queries: int, k: int, threads: int, filter_ns: int, total_ns: int
) -> SearchExplanation:
    """Put together what the engine told.

    Parameters
    ----------
    trace
        As ``leafscan._engine.Searcher.search_traced`` gives it.
    queries, k, threads
        Of the call.
    filter_ns
        How long it took before the engine was called to bring a filter up to date and to read lists.
    total_ns
        How long the whole took.
    """
    nanoseconds = dict(trace["nanoseconds"])
    nanoseconds["filter"] += filter_ns
    microseconds = {stage: taken / 1e3 for stage, taken in nanoseconds.items()}
    # Threads do their stages at once, so that there is no telling what of the clock's time was none.
    left = total_ns / 1e3 - sum(microseconds.values())
    microseconds["call"] = max(0.0, left) if threads == 1 else 0.0
    return SearchExplanation(
        queries=queries,
        k=k,
        threads=threads,
        total_us=total_ns / 1e3,
        microseconds=microseconds,
        **{name: value for name, value in trace.items() if name != "nanoseconds"},
    )
