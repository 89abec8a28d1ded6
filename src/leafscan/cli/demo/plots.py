"""The retrieval as a picture: time against recall."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.retrieval import Retrieval
from leafscan.recommend.extras import require

__all__ = ["plot_retrieval"]

_BRUTE_FORCE, _LEAFSCAN = "#8a8f98", "#1f6f8b"


def plot_retrieval(
    methods: Sequence[Method], results: Sequence[Retrieval], path: Path, *, title: str
) -> Path:
    """Draw every method at its time and its recall.

    Parameters
    ----------
    methods, results
        What `compare_retrieval` gave.
    path
        Where to write; the ending chooses the format.
    title
        What was searched for what.

    Returns
    -------
    Path
        The path.
    """
    figures = require("matplotlib.figure", purpose="Plotting the retrieval")
    ticker = require("matplotlib.ticker", purpose="Plotting the retrieval")
    figure = figures.Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    low, high = _room([math.log10(result.median_ms) for result in results], least=1.0, share=0.24)
    axes.set_xlim(10**low, 10**high)
    low, high = _room([*(result.recall_at_10 for result in results), 1.0], least=0.04, share=0.36)
    axes.set_ylim(low, high)
    ticks = ticker.MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, 1.0)
    axes.set_yticks([tick for tick in ticks if low <= tick <= 1 + 1e-9])
    for place, (method, result) in enumerate(zip(methods, results, strict=True)):
        point = (result.median_ms, result.recall_at_10)
        color = _BRUTE_FORCE if method.exact else _LEAFSCAN
        axes.scatter(*point, s=90, color=color, edgecolor="white", linewidth=1, zorder=3)
        speed = f", {result.speedup_over_keras_rs:,.0f} times faster" if place else ""
        # Neighbours in the list are neighbours on the plot: one label above, the next two below, one above.
        above = place % 4 in (0, 3)
        axes.annotate(
            f"{method.name}\n{result.time}{speed}",
            point,
            xytext=(0, 11 if above else -11),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=9,
            linespacing=1.35,
            color="#333333",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    axes.set_title(title, loc="left", fontsize=11, pad=12)
    axes.set_xlabel("median time of a call, in milliseconds")
    axes.set_ylabel("recall@10")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    return path


def _room(values: Sequence[float], *, least: float, share: float) -> tuple[float, float]:
    """Widen a range, so that labels fit beside its ends."""
    low, high = min(values), max(values)
    margin = share * max(high - low, least)
    return low - margin, high + margin
