"""What the demo says on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leafscan.cli.demo.retrieval import Retrieval
from leafscan.recommend import Movie, Recommendation

__all__ = ["Display"]

# Terminals at least this wide get two tables side by side, and those narrower than that fewer columns.
_WIDE, _NARROW = 120, 72


class Display:
    """Facts line by line, and tables that fit the terminal.

    Parameters
    ----------
    console
        Where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def heading(self, text: str) -> None:
        """Begin a part."""
        self._console.print()
        self._console.print(Text(text, style="bold cyan"))

    def fact(self, name: str, text: str) -> None:
        """Say one thing."""
        line = Table.grid(padding=(0, 1))
        line.add_column(width=12, style="dim", no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(name, Text(text))
        self._console.print(line)

    def retrieval(self, results: Sequence[Retrieval]) -> None:
        """Show who retrieved how fast."""
        if self._console.width < _NARROW:
            for result in results:
                self._console.print(Text(result.method, style=_style(result.method)))
                self._console.print(
                    f"  {result.time}, {_times(result.speedup_over_keras_rs)} KerasRS, "
                    f"{_times(result.speedup_over_jit)} jit, recall {result.recall_at_10:.4f}",
                    style="dim",
                )
            return
        table = _table("method", "median", "vs KerasRS", "vs jit", "recall@10")
        for result in results:
            table.add_row(
                Text(result.method),
                result.time,
                _times(result.speedup_over_keras_rs),
                _times(result.speedup_over_jit),
                f"{result.recall_at_10:.4f}",
                style=_style(result.method),
            )
        self._console.print(table)

    def quality(self, report: Sequence[dict[str, Any]]) -> None:
        """Show which model recommends how well."""
        narrow = self._console.width < _NARROW
        table = _table("model", "NDCG@10", "recall@10", *(() if narrow else ("over popularity", "seconds")))
        base = report[0]
        for row in report:
            gains = [
                f"{100 * (row[metric] / base[metric] - 1):+.0f} %" if base[metric] > 0 else ""
                for metric in ("ndcg_at_10", "recall_at_10")
            ]
            more = ("" if row is base else ", ".join(gains), f"{row['seconds']:.1f}")
            table.add_row(
                row["model"],
                f"{row['ndcg_at_10']:.4f}",
                f"{row['recall_at_10']:.4f}",
                *(() if narrow else more),
                style=_style(row["model"]),
            )
        self._console.print(table)

    def recommendation(self, answer: Recommendation) -> None:
        """Show what a user is recommended, next to what the user rated highest."""
        tables = [
            _movies(f"User {answer.user_id} rated highest", "stars", "{:.0f}", answer.liked),
            _movies("Recommended next", "score", "{:.2f}", answer.recommended),
        ]
        width = self._console.width
        for table in tables:
            table.width = (width - 2) // 2 if width >= _WIDE else min(width, 100)
        if width >= _WIDE:
            self._console.print(Columns(tables, padding=(0, 2)))
        else:
            self._console.print(*tables, sep="\n")

    def files(self, paths: Sequence[Path]) -> None:
        """Say what was written."""
        for name, path in zip(("Report", "Plots", *[""] * len(paths)), paths, strict=False):
            self.fact(name, str(path))


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, overflow="fold")
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    return table


def _movies(title: str, what: str, form: str, movies: Sequence[Movie]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("movie", ratio=3)
    table.add_column("genres", ratio=2, style="dim")
    table.add_column(what, justify="right", no_wrap=True)
    for movie in movies:
        table.add_row(Text(movie.title), ", ".join(movie.genres), form.format(movie.value))
    return table


def _style(name: str) -> str:
    return "bold" if name.startswith(("leafscan", "quality")) else ""


def _times(speedup: float) -> str:
    return f"{speedup:,.{0 if speedup >= 20 else 1}f} x"
