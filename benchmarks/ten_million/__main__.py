"""The command line: ``python -m benchmarks.ten_million --help``."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.places import folder
from benchmarks.ten_million.bounds import ROWS
from benchmarks.ten_million.trial import Trial

WIDE = 170

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    rows: Annotated[int, typer.Option(min=20_000, help="Base vectors; fewer for a quick look.")] = ROWS,
    queries: Annotated[int, typer.Option(min=200, help="Held-out queries, half of them judged.")] = 4_000,
    recall: Annotated[float, typer.Option(min=0.5, max=0.999, help="Recall@10 to reach.")] = 0.95,
    threads: Annotated[int, typer.Option(min=1, help="For all but the timed queries.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="Of the vectors and of the build.")] = 7,
) -> None:
    """Build an index of 10,000,000 x 96 vectors within 24 GiB and 20 minutes, and answer in under 2 ms."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    outcome, record = Trial(rows, queries, recall, threads, seed).run(console)
    broken = outcome.broken()
    record["broken"] = broken
    name = "ten-million" if rows == ROWS else f"ten-million-{rows}"
    file = folder("raw") / f"{name}.json"
    content = {"machine": describe_machine(), "results": {name: record}}
    file.write_text(json.dumps(content, indent=1))
    console.print(f"peak memory of all: {outcome.peak_gib:.2f} GiB; written to {file}", highlight=False)
    if broken:
        Console(stderr=True).print("\n".join(["[bold red]Not kept:[/]", *broken]))
        raise typer.Exit(1)
    console.print("[green]Every bound was kept.[/]")


if __name__ == "__main__":
    app()
