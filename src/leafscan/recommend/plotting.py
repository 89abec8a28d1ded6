"""Plot training histories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from leafscan.recommend.extras import require

if TYPE_CHECKING:
    from leafscan.recommend.training import TrainingHistory

__all__ = ["plot_history"]

_TRAINING, _VALIDATION = "#1f6f8b", "#e07a1f"


def plot_history(history: TrainingHistory | Sequence[TrainingHistory], path: str | Path) -> Path:
    """Draw the losses of one or several runs, side by side, into a picture.

    Parameters
    ----------
    history
        One history or several.
    path
        Where to write; the ending chooses the format, for example ``.png`` or ``.svg``.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ValueError
        If there is no history, or one without an epoch.
    ModuleNotFoundError
        If matplotlib is not installed.

    Notes
    -----
    The figure is drawn without pyplot, so that no window, backend or global style of the caller is touched.
    """
    histories = list(history) if isinstance(history, Sequence) else [history]
    if not histories or not all(run.loss for run in histories):
        raise ValueError("history must hold one or more runs of at least one epoch; train first.")
    figures = require("matplotlib.figure", purpose="Plotting a history")
    ticker = require("matplotlib.ticker", purpose="Plotting a history")
    figure = figures.Figure(figsize=(5.2 * len(histories), 3.6), layout="constrained")
    for place, run in enumerate(histories, start=1):
        axes = figure.add_subplot(1, len(histories), place)
        epochs = range(1, len(run.loss) + 1)
        marker = "o" if len(run.loss) < 15 else ""
        axes.plot(
            epochs, run.loss, color=_TRAINING, linewidth=2, marker=marker, markersize=4, label="training"
        )
        if run.validation_loss:
            axes.plot(
                run.validation_epochs,
                run.validation_loss,
                color=_VALIDATION,
                linewidth=1.5,
                marker="o",
                markersize=4,
                label="validation",
            )
        axes.set_title(f"{run.name}, {run.seconds:.0f} s", loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
