"""``leafscan inspect``: what is inside an index file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import leafscan
from leafscan.cli.files import IndexFile, told

__all__ = ["inspect"]


def inspect(
    file: IndexFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, with the checksums.")] = False,
) -> None:
    """Tell what is inside an index file: versions, metric, sizes, plan, and every section."""
    with told(file):
        summary = leafscan.inspect(file)
    if as_json:
        typer.echo(json.dumps(summary.to_dict(), indent=2))
        return
    console = Console(highlight=False)
    console.print(_facts(summary))
    console.print(_sections(summary))


def _facts(summary: leafscan.FileSummary) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    facts = {
        "file": f"{summary.path}, {summary.nbytes:,} bytes",
        "format": f"{summary.format}, written by leafscan {summary.library}",
        "metric": summary.metric,
        "rows": f"{summary.rows:,} of {summary.dim:,} dimensions",
        "ids": summary.ids,
        "seed": str(summary.seed),
        **{part: ", ".join(said) for part, said in _plan(summary.config.to_dict())},
    }
    for name, fact in facts.items():
        # Whatever a file holds, it is text, not markup.
        table.add_row(name, Text(fact))
    return table


def _plan(config: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Give the parts of a plan that are there, each with its parameters that are."""
    for part, parameters in config.items():
        if parameters is None:
            continue
        said = []
        if part == "score":
            kind, parameters = next(iter(parameters.items()))
            said.append(str(kind))
        said += [f"{name} {value}" for name, value in parameters.items() if value is not None]
        if said:
            yield part, said


def _sections(summary: leafscan.FileSummary) -> Table:
    table = Table("section", "dtype", "shape", "bytes", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[2].justify = table.columns[3].justify = "right"
    for section in summary.sections:
        shape = " x ".join(f"{size:,}" for size in section.shape)
        table.add_row(Text(section.name), section.dtype, shape, f"{section.nbytes:,}")
    return table
