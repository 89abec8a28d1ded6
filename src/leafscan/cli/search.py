"""``leafscan search``: what an index answers to the queries of a file."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import leafscan
from leafscan.cli.answers import check_answers_file, write_answers
from leafscan.cli.bars import Bars
from leafscan.cli.failing import CommandError, failing
from leafscan.cli.files import IndexFile
from leafscan.cli.options import Count, Key, Recall, Threads
from leafscan.cli.vectors import read_vectors

__all__ = ["search"]

#: So many queries are shown, and so many searched between two looks at Ctrl-C.
SHOWN = 5
BATCH = 2_048


def search(
    file: IndexFile,
    queries: Annotated[
        Path,
        typer.Argument(
            metavar="QUERIES",
            help="A .npy, .npz, Parquet, Arrow or safetensors file with a query in each row.",
            show_default=False,
        ),
    ],
    key: Key = None,
    k: Count = 10,
    recall: Recall = None,
    leaves: Annotated[
        int | None, typer.Option(min=1, help="How many leaves a query visits.", show_default=False)
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(min=1, help="How many rows are scored again.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write all answers to this file: .parquet, .arrow, .npz or .jsonl.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all answers, a line of JSON each.")] = False,
    threads: Threads = None,
) -> None:
    """Search an index for the queries of a file: print the answers of a few, write those of many."""
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    with failing(), Bars(err) as bars:
        if recall is not None and (leaves is not None or candidates is not None):
            raise CommandError("--recall chooses --leaves and --candidates itself; give it, or these.")
        if output is not None:
            check_answers_file(output)
        index = leafscan.load(file)
        rows = read_vectors(queries, key=key, progress=bars).rows
        how: dict[str, Any] = {}
        if recall is not None:
            how["recall"] = recall
        elif leaves is not None or candidates is not None:
            how["params"] = leafscan.SearchParams(leaves=leaves, candidates=candidates)
        begin = time.perf_counter()
        found = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for start in range(0, len(rows), BATCH):
                found.append(index.search(rows[start : start + BATCH], k=k, threads=threads, **how))
                bars("Searching", min(start + BATCH, len(rows)), len(rows))
        seconds = time.perf_counter() - begin
        ids = np.concatenate([batch.ids for batch in found])
        scores = np.concatenate([batch.scores for batch in found])
        if output is not None:
            write_answers(output, ids, scores)
    for warning in caught[:1]:
        # Later batches say the same with other shares.
        err.print(Text(f"Note: {warning.message}"), soft_wrap=True)
    if as_json:
        for place, (names, values) in enumerate(zip(ids.tolist(), scores.tolist(), strict=True)):
            typer.echo(json.dumps({"query": place, "ids": names, "scores": values}))
        return
    told = f"{len(rows):,} {'query' if len(rows) == 1 else 'queries'} in {seconds:.3g} s"
    if output is None:
        out.print(_table(ids[:SHOWN], scores[:SHOWN]))
        if len(rows) > SHOWN:
            told += f"; the first {SHOWN} are shown, --output FILE writes them all"
    else:
        told += f"; {output} has the answers"
    err.print(Text(f"{told}."), soft_wrap=True)


def _table(ids: NDArray[Any], scores: NDArray[np.float32]) -> Table:
    table = Table("query", "rank", "id", "score", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (0, 1, 3):
        table.columns[column].justify = "right"
    table.columns[2].overflow = "fold"
    for place, (names, values) in enumerate(zip(ids.tolist(), scores.tolist(), strict=True)):
        there = [(name, value) for name, value in zip(names, values, strict=True) if name not in (-1, "")]
        for rank, (name, value) in enumerate(there, 1):
            table.add_row(str(place) if rank == 1 else "", str(rank), Text(str(name)), f"{value:.6g}")
        table.add_section()
    return table
