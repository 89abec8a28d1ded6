"""What the commands about files share: the argument, and how an error is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.text import Text

import leafscan

__all__ = ["IndexFile", "told"]

IndexFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="An index file, as index.save writes it.", show_default=False)
]


@contextmanager
def told(path: Path) -> Iterator[None]:
    """End the command with one sentence, and exit code 1, where the file is missing, foreign or damaged.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    typer.Exit
        In place of `OSError` and `leafscan.FileFormatError`.
    """
    try:
        yield
    except leafscan.FileFormatError as error:
        sentence = str(error)
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror or error}."
    else:
        return
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        Text.assemble(("Error: ", "bold red"), sentence)
    )
    raise typer.Exit(1)
