"""``leafscan evaluate``: how well an index answers, as a page."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

import leafscan
from leafscan.cli.bars import Bars
from leafscan.cli.failing import failing, needs
from leafscan.cli.files import IndexFile
from leafscan.cli.options import Confidence, Count, Queries, QueriesKey, Threads
from leafscan.cli.outputs import check_output
from leafscan.cli.plans import time_in_words
from leafscan.cli.vectors import read_vectors
from leafscan.index.atomic import replacing

__all__ = ["evaluate"]


def evaluate(
    file: IndexFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page to write, one file of HTML.")
    ] = Path("evaluation.html"),
    queries: Queries = None,
    queries_key: QueriesKey = None,
    k: Count = 10,
    count: Annotated[int, typer.Option(min=1, help="How many queries at most.")] = 1_000,
    confidence: Confidence = 0.95,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the rows that are queries.")] = 1,
    threads: Threads = None,
) -> None:
    """Compare an index' answers with exact ones, and write what was found as one page of HTML.

    It has recall against time, the plans that were tried, the worst queries and why they miss answers, the
    sizes of leaves and the errors of codes, and needs nothing besides itself.
    """
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False)
    with failing(), Bars(err) as bars:
        with needs("leafscan evaluate", "cli"):
            from leafscan.cli.report import Subject, render

        check_output(output)
        index = leafscan.load(file)
        asked = None
        if queries is not None:
            asked = read_vectors(queries, key=queries_key, progress=bars).rows
        found = leafscan.evaluate(
            index, asked, k=k, count=count, confidence=confidence, seed=seed, threads=threads, progress=bars
        )
        bars("Looking at its health", 0, 0)
        health = index.health()
        bars("Drawing", 0, 0)
        page = render(
            Subject(
                name=file.name,
                index=index,
                queries=None if queries is None else queries.name,
                nbytes=file.stat().st_size,
            ),
            found,
            health,
            index.tuning,
            when=f"{datetime.date.today():%d %B %Y}".lstrip("0"),
        )
        with replacing(output) as temporary:
            temporary.write_text(page, encoding="utf-8")
    default = found.default
    out.print(
        Text(
            f"recall@{found.k} {default.recall:.4f} ({default.low:.4f} to {default.high:.4f}), "
            f"{time_in_words(default.latency_us)} a query, over {found.queries:,} "
            f"{'queries' if found.given else 'vectors of the index, each never its own answer'}."
        )
    )
    out.print(Text(f"{output} has the rest."))
