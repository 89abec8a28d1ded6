"""How a command ends where something is wrong: one sentence on stderr, no traceback, exit code 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

import leafscan

__all__ = ["CommandError", "failing", "needs"]


class CommandError(Exception):
    """What the user gave cannot be used; the message is the sentence that says why."""


@contextmanager
def failing() -> Iterator[None]:
    """End the command with one sentence where what it was given cannot be used.

    The library's own errors of wrong arguments are such sentences already.

    Raises
    ------
    typer.Exit
        In place of `CommandError`, `OSError`, `ValueError`, `TypeError`, `MemoryError` and
        `leafscan.FileFormatError`.
    """
    try:
        yield
    except (CommandError, leafscan.FileFormatError, ValueError, TypeError) as error:
        sentence = str(error)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        sentence = f"{name}{error.strerror or error}."
    except MemoryError as error:
        sentence = f"There is not enough memory: {error}." if str(error) else "There is not enough memory."
    else:
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        Text.assemble(("Error: ", "bold red"), sentence)
    )
    raise typer.Exit(1)


@contextmanager
def needs(what: str, extra: str) -> Iterator[None]:
    """Say what to install where a library that is imported in here is not there.

    Parameters
    ----------
    what
        What needs it, as the subject of a sentence.
    extra
        The extra of leafscan that has it.

    Raises
    ------
    CommandError
        In place of `ModuleNotFoundError`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise CommandError(
            f'{what} needs {error.name}, which is not installed; pip install "leafscan[{extra}]" has it.'
        ) from error
