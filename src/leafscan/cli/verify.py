"""``leafscan verify``: whether an index file is what was written, to the last byte."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

import leafscan
from leafscan.cli.bars import Bars
from leafscan.cli.files import IndexFile, told

__all__ = ["verify"]


def verify(file: IndexFile) -> None:
    """Check an index file to the last byte; where it is damaged, name the section and exit with 1."""
    with told(file):
        with Bars(Console(stderr=True)) as bars:
            leafscan.verify(file, progress=bars)
        summary = leafscan.inspect(file)
    Console(highlight=False, soft_wrap=True).print(
        Text(f"{file} is whole: {len(summary.sections)} sections, {summary.nbytes:,} bytes.")
    )
