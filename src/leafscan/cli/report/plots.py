"""What an evaluation found, as plots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from leafscan.cli.report.pictures import INK, MUTED, PAPER, SERIES, Picture, draw
from leafscan.index.evaluation import Evaluation, ScoreErrors, frontier_of
from leafscan.index.leaves import Leaves
from leafscan.index.tuning.points import OperatingPoint
from leafscan.index.tuning.record import Trial

__all__ = ["TARGETS", "plot_curve", "plot_errors", "plot_leaves", "plot_recalls", "plot_trials"]

TARGETS = (0.8, 0.9, 0.95, 0.99)

#: Recall is drawn by what is missing, on a logarithmic scale, and from here on as if it were all.
_ALL = 0.9995
_TICKS = (0.0, 0.5, *TARGETS, 0.999)
_MARKERS = "os^DvP"


def plot_curve(found: Evaluation, tuned: Sequence[OperatingPoint]) -> Picture:
    """Draw recall against time: what was measured, the frontier, the default, and the curve of a tuning.

    Parameters
    ----------
    found
        The evaluation.
    tuned
        The points that the index goes by in ``search(recall=...)``; none where it was never tuned.

    Returns
    -------
    Picture
        Up and left is better.
    """
    frontier = found.frontier

    def plot(axes: Axes, narrow: bool) -> None:
        _recall_axis(axes, [point.recall for point in (*found.points, *tuned)], found.k)
        _latency_axis(axes, [point.latency_us for point in (*found.points, *tuned)], narrow)
        _target_lines(axes)
        rest = [point for point in found.points if point not in frontier]
        axes.scatter(*_places(rest), s=24, color=MUTED, linewidths=0, label="others", zorder=3)
        if tuned:
            axes.plot(
                *_places(tuned),
                color=SERIES[2],
                linewidth=1.5,
                linestyle=(0, (4, 2)),
                marker="x",
                markersize=6,
                label="when it was tuned",
                zorder=3,
            )
        times, recalls = _places(frontier)
        lows = [recall - _shown(point.low) for recall, point in zip(recalls, frontier, strict=True)]
        highs = [_shown(point.high) - recall for recall, point in zip(recalls, frontier, strict=True)]
        axes.errorbar(
            times,
            recalls,
            yerr=np.maximum([lows, highs], 0.0),
            color=SERIES[0],
            linewidth=2,
            elinewidth=1.2,
            capsize=3,
            marker="o",
            markersize=5,
            label="best of each time",
            zorder=4,
        )
        axes.scatter(
            *_places([found.default]),
            s=170,
            facecolor=PAPER,
            edgecolor=SERIES[1],
            linewidths=2.5,
            marker="D",
            label="default",
            zorder=5,
        )
        _legend(axes, narrow)

    default = found.default
    description = (
        f"Recall at {found.k} against microseconds a query. The default reaches {default.recall:.3f} in "
        f"{default.latency_us:.3g} microseconds; the points that nothing beats run from "
        f"{frontier[0].recall:.3f} in {frontier[0].latency_us:.3g} to {frontier[-1].recall:.3f} in "
        f"{frontier[-1].latency_us:.3g} microseconds."
    )
    return draw("curve", "Recall against the time of a query", description, plot)


def plot_trials(trials: Sequence[Trial], k: int) -> Picture:
    """Draw the points of each plan that was tried; the first few have a colour of their own."""
    others = iter([*zip(SERIES[1:], _MARKERS[1:], strict=True), *[(MUTED, ".")] * len(trials)])
    looks = [(SERIES[0], _MARKERS[0]) if trial.chosen else next(others) for trial in trials]

    def plot(axes: Axes, narrow: bool) -> None:
        points = [point for trial in trials for point in trial.points]
        _recall_axis(axes, [point.recall for point in points], k)
        _latency_axis(axes, [point.latency_us for point in points], narrow)
        _target_lines(axes)
        for number, (trial, (colour, marker)) in enumerate(zip(trials, looks, strict=True), 1):
            if not trial.points:
                continue
            best = frontier_of(trial.points)
            rest = [point for point in trial.points if point not in best]
            axes.scatter(*_places(rest), s=10, color=colour, alpha=0.6, linewidths=0, zorder=3)
            axes.plot(
                *_places(best),
                color=colour,
                marker=marker,
                markersize=6,
                linewidth=2 if trial.chosen else 1.2,
                label=f"plan {number}, chosen" if trial.chosen else f"plan {number}",
                zorder=4 if trial.chosen else 3,
            )
        _legend(axes, narrow)

    description = (
        f"Recall at {k} against microseconds a query, for each of {len(trials)} plans; the table has the "
        "figures."
    )
    return draw("trials", "The points of each plan that was tried", description, plot)


def plot_recalls(found: Evaluation) -> Picture:
    """Draw how many queries have which recall."""
    steps = min(found.k, 20)
    counts = np.bincount(np.floor(found.recalls * steps + 1e-9).astype(np.int64), minlength=steps + 1)

    def plot(axes: Axes, narrow: bool) -> None:
        axes.bar(np.arange(steps + 1) / steps, counts, width=0.8 / steps, color=SERIES[0])
        axes.set(
            xlabel=f"recall@{found.k} of a query", ylabel="queries", xlim=(-0.5 / steps, 1 + 0.5 / steps)
        )
        axes.set_yscale("symlog", linthresh=10)
        axes.yaxis.set_major_locator(FixedLocator([0, 10, *[10**e for e in range(2, 8)]]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0, max(10, counts.max()) * 1.15)
        axes.grid(axis="y")

    full = int((found.recalls == 1).sum())
    description = (
        f"{full:,} of {found.queries:,} queries found all of their exact best {found.k}; the lowest "
        f"recall is {found.recalls.min():.2f}."
    )
    return draw("recalls", "How many queries have which recall", description, plot)


def plot_leaves(leaves: Leaves) -> Picture:
    """Draw how many leaves are how large."""
    sizes = leaves.sizes

    def plot(axes: Axes, narrow: bool) -> None:
        axes.hist(
            sizes,
            bins=min(60, max(10, int(sizes.max() - sizes.min()) + 1)),
            color=SERIES[0],
            histtype="stepfilled",
        )
        axes.axvline(float(sizes.mean()), color=SERIES[1], linewidth=2, label=f"mean, {sizes.mean():,.0f}")
        axes.set(xlabel="vectors in a leaf", ylabel="leaves")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_locator(MaxNLocator(4 if narrow else 8, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.grid(axis="y")
        _legend(axes, narrow)

    description = (
        f"{len(sizes):,} leaves of {sizes.min():,} to {sizes.max():,} vectors, "
        f"{np.median(sizes):,.0f} in the middle."
    )
    return draw("leaves", "How many leaves are how large", description, plot)


def plot_errors(errors: ScoreErrors) -> Picture:
    """Draw the distribution of what codes add to scores."""
    values = errors.errors
    reach = float(np.quantile(np.abs(values), 0.999)) or 1.0

    def plot(axes: Axes, narrow: bool) -> None:
        axes.hist(values, bins=61, range=(-reach, reach), color=SERIES[0], histtype="stepfilled")
        axes.axvline(0.0, color=INK, linewidth=1)
        axes.axvline(float(values.mean()), color=SERIES[1], linewidth=2, label=f"mean, {values.mean():.3g}")
        axes.set(xlabel="score by codes less exact score", ylabel="answers")
        axes.xaxis.set_major_locator(MaxNLocator(5 if narrow else 9))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
        _legend(axes, narrow)

    description = (
        f"Over {len(values):,} answers the error has the mean {values.mean():.3g} and the standard deviation "
        f"{values.std():.3g}; the scores of random rows have the standard deviation {errors.spread:.3g}."
    )
    return draw("errors", "What codes add to exact scores", description, plot)


def _legend(axes: Axes, narrow: bool) -> None:
    """Put it above what is drawn, where it hides nothing."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        ncols=2 if narrow else 4,
        markerscale=0.7,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def _shown(recall: float) -> float:
    return min(recall, _ALL)


def _places(points: Sequence[OperatingPoint]) -> tuple[list[float], list[float]]:
    return [point.latency_us for point in points], [_shown(point.recall) for point in points]


def _recall_axis(axes: Axes, recalls: Sequence[float], k: int) -> None:
    axes.set_yscale(
        "function",
        functions=(
            lambda recall: -np.log10(np.maximum(1 - np.asarray(recall), 1e-6)),
            lambda height: 1 - 10 ** -np.asarray(height),
        ),
    )
    low = min(recalls, default=0.0)
    floor = max([tick for tick in _TICKS if tick <= low], default=0.0)
    axes.set_ylim(max(0.0, floor - 0.25 * (1 - floor)), 0.9997)
    axes.yaxis.set_major_locator(FixedLocator([*[tick for tick in _TICKS if tick >= floor], _ALL]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: "1" if tick >= _ALL else f"{tick:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(f"recall@{k}")


def _latency_axis(axes: Axes, latencies: Sequence[float], narrow: bool) -> None:
    axes.set_xscale("log")
    low, high = min(latencies, default=1.0), max(latencies, default=10.0)
    room = max(0.06, 0.5 - math.log10(high / low) / 2)
    axes.set_xlim(low * 10**-room, high * 10**room)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if narrow else (1, 2, 5)))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("microseconds a query" if narrow else "microseconds a query, alone and on one thread")
    axes.grid(axis="x")


def _target_lines(axes: Axes) -> None:
    for target in TARGETS:
        axes.axhline(target, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
