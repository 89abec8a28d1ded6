"""The search parameters of an index, tuned while it lives."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import Config
from leafscan.index.living import Living
from leafscan.index.metric import engine_metric
from leafscan.index.progress import Progress
from leafscan.index.tuning.budget import Budget
from leafscan.index.tuning.cheapest import cheapest, explore
from leafscan.index.tuning.effort import params_of
from leafscan.index.tuning.goal import Goal
from leafscan.index.tuning.interval import fewest_queries
from leafscan.index.tuning.judging import Judge, drawn
from leafscan.index.tuning.measuring import Bench, is_exact
from leafscan.index.tuning.outcome import curve_of, too_few, too_slow, trial_of
from leafscan.index.tuning.record import Tuning

__all__ = ["retuned"]

#: So many queries tell the recall, unless more are needed to show it.
QUERIES = 2_000

#: Seconds of looking for the quickest search once one is found that reaches the recall, and of measuring the
#: rest of the curve.
SEARCH_S = 5.0
CURVE_S = 3.0


def retuned(
    living: Living, goal: Goal, *, nbytes: int, seed: int, threads: int, progress: Progress | None
) -> tuple[Config, Tuning]:
    """Find the cheapest search of an index that reaches a recall.

    Parameters
    ----------
    living
        The index; what is measured is the version that is current when it is called.
    goal
        What is to be reached.
    nbytes
        The bytes of the index.
    seed, threads, progress
        As `leafscan.build` takes them.

    Returns
    -------
    Config
        The plan with the search that was found.
    Tuning
        What was measured.

    Raises
    ------
    ValueError
        If the plan keeps no rows, if there are too few queries, or if the recall cannot be reached.
    """
    budget = Budget(math.inf)
    config, metric = living.contents.config, living.contents.metric
    _check(config, goal)
    with living.lock:
        searcher, roster = living.searcher, living.roster
        n, rows = len(roster), roster.by_place()
        ids = roster.all_handles() if roster.strings else roster.ids()
    normalize = engine_metric(metric)[1]
    count = max(QUERIES, 2 * fewest_queries(goal.recall, goal.confidence)) if goal.recall < 1 else QUERIES
    own: NDArray[np.int64] | None = None
    if goal.queries is None:
        chosen = drawn(n, count, seed)
        queries = searcher.read_rows(np.ascontiguousarray(rows[chosen], np.uint32))
        own = np.asarray(ids, np.int64)[chosen]
    else:
        queries = np.ascontiguousarray(goal.queries[drawn(len(goal.queries), count, seed)])
    sentence = None if is_exact(config) else too_few(goal, len(queries))
    if sentence is not None:
        raise ValueError(sentence)
    judge = Judge.of(searcher, queries, own, k=goal.k, normalize=normalize, threads=threads)
    bench = Bench(searcher, config, judge, normalize=normalize, confidence=goal.confidence, threads=threads)

    def looked() -> None:
        if progress is not None:
            progress("tuning the search", min(99, round(100 * budget.spent / (SEARCH_S + CURVE_S))), 100)

    effort = cheapest(bench, goal.recall, n, Budget(SEARCH_S), looked)
    if effort is None:
        raise ValueError(
            f"this index does not reach a recall of {goal.recall:g}: the best that was measured is "
            f"{bench.best():.4g}. Ask for less, or build another: leafscan.build(vectors, recall=...)."
        )
    explore(bench, effort, n, Budget(CURVE_S))
    point = bench.point(effort)
    sentence = too_slow(goal, point.latency_us, bench.points())
    if sentence is not None:
        raise ValueError(sentence)
    config = replace(config, search=params_of(effort, config))
    trial = trial_of(
        bench,
        effort,
        nbytes=nbytes,
        build_seconds=0.0,
        chosen=True,
        verdict=f"the plan of the index: {point.latency_us:.1f} us a query",
    )
    return config, Tuning(
        recall=goal.recall,
        point=point,
        curve=curve_of(bench, goal, metric),
        trials=(trial,),
        seconds=budget.spent,
        notes=_notes(config, goal, len(queries)),
    )


def _check(config: Config, goal: Goal) -> None:
    if config.row_dtype is None:
        raise ValueError(
            "the plan of this index keeps no rows, so that there is nothing to tell its recall by: build it "
            "with reorder=Reorder(), or measure recall against the vectors yourself."
        )
    if goal.recall == 1 and not is_exact(config):
        raise ValueError("a recall of 1 takes exact search: build with recall=1, or ask for less.")


def _notes(config: Config, goal: Goal, count: int) -> tuple[str, ...]:
    of = "of the queries that were given" if goal.queries is not None else "vectors of the index"
    notes = [f"Recall was measured over {count:,} {of}."]
    if config.row_dtype != "float32":
        notes.append(f"It is that of the vectors as the index keeps them, in {config.row_dtype}.")
    return tuple(notes)
