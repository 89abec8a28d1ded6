"""Show how far a long call is: a bar of tqdm's, the caller's own display, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from leafscan.recommend.extras import require

__all__ = ["Progress", "steps"]


class Progress(Protocol):
    """A display of the caller's. Any function of three or four arguments of these kinds will do."""

    def __call__(self, what: str, done: int, total: int, note: str = "", /) -> None:
        """Take what is going on, how much of it is done, of how much (0: nobody knows), and how it goes."""
        ...


@contextmanager
def steps(what: str, total: int, *, unit: str, progress: bool | Progress) -> Iterator[Callable[[str], None]]:
    """Count steps on a display.

    Parameters
    ----------
    what
        What is going on, for example ``"Training tutorial"``.
    total
        How many steps there will be.
    unit
        What a step is.
    progress
        True for a bar on stderr, False for nothing, or a display of the caller's.

    Yields
    ------
    callable
        To be called after every step, with a note on how it goes.

    Examples
    --------
    >>> with steps("Counting", 2, unit="number", progress=print) as step:
    ...     for note in ("one", "two"):
    ...         step(note)
    Counting 0 2
    Counting 1 2 one
    Counting 2 2 two
    """
    if callable(progress):
        done = 0

        def report(note: str) -> None:
            nonlocal done
            done += 1
            progress(what, done, total, note)

        progress(what, 0, total, "")
        yield report
        return
    tqdm: Any = require("tqdm", purpose=f"{what} with a progress bar").tqdm if progress else None
    if tqdm is None:
        yield lambda note: None
        return
    with tqdm(total=total, desc=what, unit=unit) as bar:

        def advance(note: str) -> None:
            bar.set_postfix_str(note, refresh=False)
            bar.update()

        yield advance
