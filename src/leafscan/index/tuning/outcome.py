"""What came of tuning, as it is recorded or refused."""

from collections.abc import Iterable
from dataclasses import replace

from leafscan.index.metric import Metric
from leafscan.index.tuning.cheapest import unbeaten
from leafscan.index.tuning.effort import Effort, params_of
from leafscan.index.tuning.goal import Goal
from leafscan.index.tuning.interval import fewest_queries
from leafscan.index.tuning.likeness import nearness, quantiles
from leafscan.index.tuning.measuring import Bench
from leafscan.index.tuning.points import OperatingPoint, RecallCurve
from leafscan.index.tuning.record import Trial

__all__ = ["curve_of", "too_few", "too_slow", "trial_of"]


def curve_of(bench: Bench, goal: Goal, metric: Metric) -> RecallCurve:
    """Return what recall costs, by all that was measured of an index."""
    judge = bench.judge
    return RecallCurve(
        k=goal.k,
        queries=len(judge.queries),
        given=goal.queries is not None,
        confidence=goal.confidence,
        points=unbeaten(bench.points()),
        nearness=quantiles(nearness(judge.queries, judge.last, metric)),
    )


def trial_of(
    bench: Bench, effort: Effort | None, *, nbytes: int, build_seconds: float, chosen: bool, verdict: str
) -> Trial:
    """Return a record of one plan, with the search that reached the goal where one did."""
    config = bench.config
    if effort is not None:
        config = replace(config, search=params_of(effort, config))
    return Trial(
        config=config,
        nbytes=nbytes,
        build_seconds=build_seconds,
        points=tuple(sorted(bench.points(), key=lambda point: (point.recall, point.latency_us))),
        chosen=chosen,
        verdict=verdict,
    )


def too_few(goal: Goal, there: int) -> str | None:
    """Tell that so many queries cannot show the recall; None if they can."""
    fewest = fewest_queries(goal.recall, goal.confidence)
    if there >= fewest:
        return None
    return (
        f"it takes {fewest:,} queries to show a recall of {goal.recall:g} with confidence "
        f"{goal.confidence:g}; there are {there:,}. Give more queries, or ask for less recall."
    )


def too_slow(goal: Goal, latency_us: float, measured: Iterable[OperatingPoint]) -> str | None:
    """Tell that a search takes longer than it may, and what can be had in time; None if it does not."""
    if goal.limits.quick(latency_us):
        return None
    quick = [point.low for point in measured if goal.limits.quick(point.latency_us)]
    most = (
        f"within that time a recall of {max(quick):.4g} is to be had"
        if quick
        else "nothing that was measured is as quick"
    )
    return (
        f"a recall of {goal.recall:g} takes {latency_us:.1f} us a query here, and max_latency_us is "
        f"{goal.limits.max_latency_us:g}; {most}. Ask for less recall, or allow more time."
    )
