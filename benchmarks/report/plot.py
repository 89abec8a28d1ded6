"""Recall against speed, one picture a data set."""

from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.data.dataset import DataSet
from benchmarks.frontier import TARGETS, qps_at
from benchmarks.measure import MODES, OperatingPoint, curves_of
from benchmarks.report.summary import OURS, WORDS

COLOURS = {
    OURS: "#c1121f",
    "scann-core": "#1d3557",
    "scann": "#6a9bd1",
    "symphonyqg": "#2a9d8f",
    "faiss": "#e9a820",
    "hnswlib": "#7b5ea7",
    "usearch": "#8d8d8d",
}
LOWEST = 0.84


def draw(dataset: DataSet, points: list[OperatingPoint], file: Path) -> None:
    """Write a picture: frontiers as lines, points as dots; up and right is better."""
    figure, panels = plt.subplots(1, len(MODES), figsize=(12, 5), sharey=True, layout="constrained")
    grid = np.linspace(LOWEST, 1.0, 800).tolist()
    for panel, mode in zip(panels, MODES, strict=True):
        for peer, curves in curves_of(points, mode).items():
            colour = COLOURS.get(peer, "black")
            seen = [point for curve in curves for point in curve if point.recall >= LOWEST]
            panel.scatter([p.recall for p in seen], [p.qps for p in seen], s=9, color=colour, alpha=0.4)
            best = [qps_at(curves, recall) or np.nan for recall in grid]
            panel.plot(grid, best, color=colour, label=peer, linewidth=2.4 if peer == OURS else 1.4)
        for target in TARGETS:
            panel.axvline(target, color="black", linewidth=0.5, alpha=0.3)
        panel.set(yscale="log", title=WORDS[mode], xlabel="recall@10", xlim=(LOWEST, 1.0))
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.grid(True, which="both", alpha=0.2)
    panels[0].set_ylabel("queries a second, one thread")
    panels[0].legend(loc="lower left", fontsize=9)
    figure.suptitle(
        f"{dataset.name}: {dataset.rows:,} x {dataset.dimensions}, {dataset.metric}, "
        f"local dimension {dataset.local_dimension:.1f}"
    )
    figure.savefig(file, dpi=120)
    plt.close(figure)
