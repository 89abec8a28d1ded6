"""Progress bars of one look, for whatever reports (what, done, total)."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

__all__ = ["Bars"]


class Bars:
    """One bar at a time on stderr, which is gone when the work is done.

    It is a context manager, and callable as `leafscan.recommend` and `leafscan.build` ask of a display: with
    what is going on, how much of it is done, of how much (0: nobody knows), and a note.

    Parameters
    ----------
    console
        Where to draw; nothing is drawn where that is no terminal.

    Examples
    --------
    >>> from rich.console import Console
    >>> with Bars(Console(stderr=True)) as bars:
    ...     for done in range(3):
    ...         bars("Counting", done, 2, "so far so good")
    """

    def __init__(self, console: Console) -> None:
        narrow = console.width < 90
        note = TextColumn(
            "[dim]{task.fields[note]}",
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        )
        columns = [
            SpinnerColumn(style="cyan"),
            TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=2)),
            BarColumn(bar_width=16 if narrow else 24, complete_style="cyan", finished_style="cyan"),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        ]
        self._progress = Progress(
            *(columns if narrow else [*columns, note]), console=console, transient=True, expand=True
        )
        self._shown = console.is_interactive
        self._task: TaskID | None = None
        self._what = ""

    def __enter__(self) -> Bars:
        """Begin to draw."""
        # Elsewhere Rich would leave an empty line.
        if self._shown:
            self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._shown:
            self._progress.stop()

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        """Show how far it is.

        Parameters
        ----------
        what
            What is going on. Something else than before begins a new bar.
        done, total
            How much is done, and of how much; a total of 0 shows that something goes on, not how far.
        note
            How it goes; shown where there is room.
        """
        what = what[:1].upper() + what[1:]
        if self._task is None or what != self._what:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(what, total=None, note="")
            self._what = what
        self._progress.update(self._task, completed=done, total=total or None, note=note)
