"""``leafscan tune``: other search parameters for an index that is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

import leafscan
from leafscan.cli.bars import Bars
from leafscan.cli.failing import CommandError, failing
from leafscan.cli.files import IndexFile
from leafscan.cli.options import Confidence, Count, MaxLatency, Queries, QueriesKey, Recall, Threads
from leafscan.cli.outcome import print_tuning
from leafscan.cli.outputs import check_output
from leafscan.cli.vectors import read_vectors

__all__ = ["tune"]


def tune(
    file: IndexFile,
    recall: Recall = None,
    k: Count = 10,
    queries: Queries = None,
    queries_key: QueriesKey = None,
    confidence: Confidence = 0.95,
    max_latency_us: MaxLatency = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what it finds, and save nothing.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Save to this file instead of the same one.", show_default=False),
    ] = None,
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Measure what each recall costs, and make the cheapest search that reaches one the index' default."""
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    target = output or file
    with failing(), Bars(err) as bars:
        if recall is None:
            raise CommandError("leafscan tune needs --recall, as --recall .95.")
        check_output(target)
        # In memory: what is saved may take the place of what it was loaded from, on Windows as well.
        index = leafscan.load(file, memory=True)
        asked = None
        if queries is not None:
            asked = read_vectors(queries, key=queries_key, progress=bars).rows
        tuning = index.tune(
            asked,
            recall=recall,
            k=k,
            confidence=confidence,
            max_latency_us=max_latency_us,
            threads=threads,
            progress=bars,
        )
        if not dry_run:
            bars(f"Writing {target.name}", 0, 0)
            index.save(target)
    if as_json:
        typer.echo(json.dumps(tuning.to_dict(), indent=2))
        return
    print_tuning(out, tuning, curve=True)
    said = "Nothing was saved." if dry_run else f"{target} searches so by default."
    out.print(Text(said), soft_wrap=True)
