"""An index in the shape of a large one, made of copies of a small one: what a search of the large one takes.

Leaves are as many and as full, rows and codes take as many bytes and lie as far apart, a query visits as many
leaves and reorders as many rows; only that they say the same things over and over. So a search takes the time
that it will take, whatever caches and memory this machine has, and nothing of the large index is there yet.
Where copies would take too much memory, there are fewer of them, and what grows with their number is
reckoned from there.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.sections import GROUP

__all__ = ["Latency", "copied", "measured_latency", "ragged"]

#: Copies take at most so many bytes: more than caches hold several times over.
MOST_BYTES = 384 << 20

#: What is there once, however many copies there are.
SHARED = frozenset(
    {"row_scales", "first_row_scales", "center", "projection", "codebooks", "term_scale", "stop_scales"}
)
#: What holds places, which go on from copy to copy.
OFFSETS = {"leaf_offsets", "spill_offsets", "upper_offsets"}

#: A pass is of so many queries, for so many seconds at most; the quickest of so many passes counts.
QUERIES, SECONDS, PASSES = 512, 0.12, 3


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds of the mean query, alone on one thread."""

    total: float
    stages: dict[str, float]


def copied(sections: dict[str, NDArray[Any]], copies: int) -> dict[str, NDArray[Any]]:
    """Put copies of an index side by side as one.

    Raises
    ------
    ValueError
        If they would not be one leaf without a gap, where there is no tree (see `ragged`).

    Examples
    --------
    >>> small = {"order": np.array([1, 0], np.uint32), "leaf_offsets": np.array([0, 2], np.uint64)}
    >>> large = copied(small, 2)
    >>> large["order"].tolist(), large["leaf_offsets"].tolist()
    ([1, 0, 3, 2], [0, 4])
    """
    if copies == 1:
        return sections
    if ragged(sections):
        raise ValueError("without a tree, copies of codes must fill up their groups of 32.")
    n = len(sections["order"])
    made = {}
    for name, section in sections.items():
        if name in SHARED:
            made[name] = section
        elif name in OFFSETS:
            steps = np.tile(np.diff(section), copies)
            if "centroids" not in sections:
                steps = steps.sum(keepdims=True, dtype=section.dtype)  # one leaf, as large as all of them
            made[name] = np.concatenate([section[:1], np.cumsum(steps, dtype=section.dtype)])
        else:
            made[name] = np.tile(section, (copies, *(1,) * (section.ndim - 1)))
            if name in ("order", "spill_rows"):
                shift = np.arange(copies, dtype=np.uint32).repeat(len(section)) * np.uint32(n)
                made[name] += shift.reshape(-1, *(1,) * (section.ndim - 1))
    return made


def ragged(sections: dict[str, NDArray[Any]]) -> bool:
    """Return whether codes of one leaf end within a group of 32, so that a copy could not follow them."""
    return "codes" in sections and "centroids" not in sections and len(sections["order"]) % GROUP != 0


def measured_latency(
    sections: dict[str, NDArray[Any]],
    copies: int,
    queries: NDArray[np.float32],
    metric: Metric,
    config: Config,
    k: int,
) -> Latency:
    """Measure what a query takes in so many copies of an index.

    Parameters
    ----------
    sections
        Of the small index.
    copies
        How many of it are as large as the large one.
    queries
        (m, d) float32, C-ordered.
    metric, config
        Of the large index: the search parameters are the plan's.
    k
        How many results are asked for.
    """
    size = sum(section.nbytes for name, section in sections.items() if name not in SHARED)
    fewer = 1 if ragged(sections) else max(1, min(copies, MOST_BYTES // max(size, 1)))
    engines, normalize = engine_metric(metric)
    searcher = _engine.Searcher(copied(sections, fewer), metric=engines, dim=queries.shape[1])
    search = config.search
    knobs = (
        k,
        search.leaves or 0,
        search.candidates or 0,
        1,
        normalize,
        None,
        search.refined or 0,
        _share_of_upper(search.upper_leaves or 0, copies, fewer),
        search.stop,
    )
    queries = queries[:QUERIES]
    traced, count = _traced(searcher, queries, knobs)
    best = min(_pass(searcher, queries, knobs) for _ in range(PASSES))
    told = sum(traced.values()) / count
    # Looking at the clock takes time as well: the stages share what the search takes without.
    stages = {stage: best * taken / count / told for stage, taken in traced.items()} if told else {}
    # What grows with the number of copies, where there are fewer.
    grown = copies / fewer
    if grown > 1:
        more = ("route",) if config.tree is not None else ("scan", "tables") if _coded(config) else ("rows",)
        for stage in more:
            stages[stage] = stages.get(stage, 0.0) * grown
        best = sum(stages.values())
    return Latency(best, stages)


def _coded(config: Config) -> bool:
    return isinstance(config.score, AsymmetricHash)


def _share_of_upper(upper: int, copies: int, fewer: int) -> int:
    return max(1, round(upper * fewer / copies)) if upper else 0


def _traced(
    searcher: _engine.Searcher, queries: NDArray[np.float32], knobs: tuple[Any, ...]
) -> tuple[dict[str, float], int]:
    """Return microseconds by stage, summed over as many queries as there was time for."""
    stages: dict[str, float] = {}
    began = time.perf_counter()
    count = 0
    for query in queries:
        count += 1
        for stage, taken in searcher.search_traced(query, *knobs)[2]["nanoseconds"].items():
            stages[stage] = stages.get(stage, 0.0) + taken / 1e3
        if time.perf_counter() - began > SECONDS:
            break
    return stages, count


def _pass(searcher: _engine.Searcher, queries: NDArray[np.float32], knobs: tuple[Any, ...]) -> float:
    """Return microseconds a query."""
    began = time.perf_counter()
    count = 0
    for query in queries:
        searcher.search(query, *knobs)
        count += 1
        if not count % 16 and time.perf_counter() - began > SECONDS:
            break
    return (time.perf_counter() - began) * 1e6 / count
