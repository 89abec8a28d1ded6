"""What a search costs, step by step."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from leafscan.index.config import AsymmetricHash
from leafscan.index.config.part import Part
from leafscan.index.config.row_dtype import BYTES
from leafscan.index.contents import Contents
from leafscan.index.knobs import Knobs
from leafscan.index.living import Living
from leafscan.index.metric import engine_metric
from leafscan.index.sections import GROUP

__all__ = ["Measured", "Step", "steps_of"]

#: A search is measured with so many of the vectors, or as many as this many seconds allow.
QUERIES = 64
SECONDS = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Step(Part):
    """One step of a search, as it is to be expected of the mean query.

    Attributes
    ----------
    name
        "route", "scan", "select", "reorder first", "reorder" or "score".
    count
        How much it goes through.
    what
        Of what, in words.
    nbytes
        How many bytes it reads for that.
    microseconds
        What it took the vectors of the index that were searched for, on one thread, a query; None where the
        index keeps no vectors to search for.
    """

    name: str
    count: int
    what: str
    nbytes: int
    microseconds: float | None


class Measured:
    """Searches for some of the vectors, one by one."""

    def __init__(self, living: Living) -> None:
        self.queries = 0
        self.latency_us: float | None = None
        self._stages: dict[str, float] = {}
        self._points = 0
        contents, searcher = living.contents, living.searcher
        if contents.config.row_dtype is None or not searcher.count:
            return
        rows = searcher.live_rows()
        queries = searcher.read_rows(rows[:: -(-len(rows) // QUERIES)][:QUERIES])
        leaves, candidates, refined, upper, stop = living.knobs
        normalize = engine_metric(contents.metric)[1]

        def search(query: Any) -> dict[str, Any]:
            found: dict[str, Any] = searcher.search_traced(
                query, 10, leaves, candidates, 1, normalize, None, refined, upper, stop
            )[2]
            return found

        # The quicker of two passes: the first finds cold caches, and what else the machine does passes by.
        for _ in range(2):
            began = perf_counter()
            traces = []
            for query in queries:
                traces.append(search(query))
                if perf_counter() - began > SECONDS:
                    break
            taken = (perf_counter() - began) * 1e6 / len(traces)
            if self.latency_us is None or taken < self.latency_us:
                self.latency_us, self.queries = taken, len(traces)
                self._points = sum(trace["points"] for trace in traces)
                self._stages = {
                    stage: sum(trace["nanoseconds"][stage] for trace in traces) / 1e3
                    for stage in traces[0]["nanoseconds"]
                }

    def mean(self, *stages: str) -> float | None:
        """Return microseconds a query."""
        if not self.queries:
            return None
        return sum(self._stages[stage] for stage in stages) / self.queries

    def points(self, expected: float) -> int:
        """Return points a query; what is expected where nothing was measured."""
        return round(self._points / self.queries if self.queries else expected)


def steps_of(contents: Contents, knobs: Knobs, n: int, measured: Measured) -> tuple[Step, ...]:
    """Return the steps of a search among ``n`` vectors, with what they were measured to take."""
    config, dim = contents.config, contents.dim
    leaves, candidates, refined, upper, stop = knobs
    tree, score, reorder = config.tree, config.score, config.reorder
    codes = score if isinstance(score, AsymmetricHash) else None
    seen = codes.pca_dimensions if codes is not None and codes.pca_dimensions is not None else dim
    steps = []
    passed = n
    if tree is not None:
        looked = tree.num_leaves
        most = "" if stop is None else "at most "
        if tree.upper_leaves is not None and upper:
            looked = round(looked * upper / tree.upper_leaves) + tree.upper_leaves
        steps.append(
            Step(
                name="route",
                count=looked,
                what=f"centroids, for {most}the {leaves:,} best of {tree.num_leaves:,} leaves",
                nbytes=looked * seen,
                microseconds=measured.mean("prepare", "route"),
            )
        )
        passed = max(1, round(n * leaves / tree.num_leaves))
    if codes is None:
        width = BYTES[config.row_dtype or "float32"]
        steps.append(
            Step(
                name="score",
                count=passed,
                what="rows",
                nbytes=passed * width * dim,
                microseconds=measured.mean("rows", "merge"),
            )
        )
        return tuple(steps)
    listings = 2 if "spill_codes" in contents.sections else 1
    group_bytes = int(np.prod(contents.sections["codes"].shape[1:]))
    points = measured.points(passed * listings)
    kept = max(candidates, 10) if reorder is not None else 10
    steps.append(
        Step(
            name="scan",
            count=points,
            what="points by their codes" + (", rows listed twice" if listings == 2 else ""),
            nbytes=points * group_bytes // GROUP,
            microseconds=measured.mean("tables", "scan"),
        )
    )
    steps.append(
        Step(
            name="select",
            count=min(kept, n),
            what="candidates",
            nbytes=0,
            microseconds=measured.mean("select") if reorder is not None else measured.mean("select", "merge"),
        )
    )
    if reorder is not None:
        if reorder.first_dtype is not None:
            steps.append(
                Step(
                    name="reorder first",
                    count=min(kept, n),
                    what=f"{reorder.first_dtype} rows",
                    nbytes=min(kept, n) * BYTES[reorder.first_dtype] * dim,
                    microseconds=measured.mean("first_rows"),
                )
            )
            kept = min(kept, max(refined, 10) if refined else 20)
        steps.append(
            Step(
                name="reorder",
                count=min(kept, n),
                what=f"{reorder.dtype} rows",
                nbytes=min(kept, n) * BYTES[reorder.dtype] * dim,
                microseconds=measured.mean("rows", "merge"),
            )
        )
    return tuple(steps)
