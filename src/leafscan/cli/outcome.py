"""What a tuning found, as tables."""

from __future__ import annotations

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from leafscan.cli.plans import params_in_words, plan_in_words, size_in_words, time_in_words
from leafscan.index.tuning.points import OperatingPoint
from leafscan.index.tuning.record import Tuning

__all__ = ["curve_table", "print_tuning", "telling_point", "trials_table"]


def print_tuning(console: Console, tuning: Tuning, *, curve: bool) -> None:
    """Print the plans that were tried or the curve of the one that is, what was chosen, and the notes.

    Parameters
    ----------
    console
        Where to.
    tuning
        What was found.
    curve
        Whether to print the curve; else it is the plans.
    """
    table: RenderableType = curve_table(tuning) if curve else trials_table(tuning)
    console.print(table)
    point = tuning.point
    asked = f"asked for {tuning.recall:g}"
    console.print(
        Text(
            f"recall@{tuning.k} {point.recall:.4f} ({point.low:.4f} to {point.high:.4f}), {asked}; "
            f"{time_in_words(point.latency_us)} a query with {params_in_words(point.params)}; over "
            f"{tuning.curve.queries:,} "
            f"{'queries' if tuning.curve.given else 'vectors of the index, each never its own answer'}."
        ),
        soft_wrap=True,
    )
    for note in tuning.notes:
        console.print(Text(f"Note: {note}"), soft_wrap=True)


def trials_table(tuning: Tuning) -> Table:
    """Return the plans that were tried, each with the point that tells most of it."""
    table = Table(
        "",
        "plan",
        "size",
        "built in",
        f"recall@{tuning.k}",
        "a query",
        "verdict",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in (2, 3, 4, 5):
        table.columns[column].justify = "right"
        table.columns[column].no_wrap = True
    for trial in tuning.trials:
        point = telling_point(trial.points, tuning.recall)
        table.add_row(
            "*" if trial.chosen else "",
            Text(plan_in_words(trial.config)),
            size_in_words(trial.nbytes),
            f"{trial.build_seconds:.3g} s",
            "-" if point is None else f"{point.recall:.4f}",
            "-" if point is None else time_in_words(point.latency_us),
            Text(trial.verdict),
            style="bold" if trial.chosen else None,
        )
    return table


def curve_table(tuning: Tuning) -> Table:
    """Return what each recall costs."""
    table = Table(
        "", "search", f"recall@{tuning.k}", "interval", "a query", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column in (2, 3, 4):
        table.columns[column].justify = "right"
        table.columns[column].no_wrap = True
    for point in tuning.curve.points:
        chosen = point.params == tuning.point.params
        table.add_row(
            "*" if chosen else "",
            params_in_words(point.params),
            f"{point.recall:.4f}",
            f"{point.low:.4f} to {point.high:.4f}",
            time_in_words(point.latency_us),
            style="bold" if chosen else None,
        )
    return table


def telling_point(points: tuple[OperatingPoint, ...], recall: float) -> OperatingPoint | None:
    """Return the point of a plan that tells most: the quickest that reaches a recall, or else its best."""
    reached = [point for point in points if point.low >= recall]
    if reached:
        return min(reached, key=lambda point: point.latency_us)
    return max(points, key=lambda point: point.recall, default=None)
