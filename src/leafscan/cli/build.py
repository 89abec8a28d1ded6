"""``leafscan build``: an index of the vectors of a file."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

import leafscan
from leafscan.cli.bars import Bars
from leafscan.cli.failing import CommandError, failing
from leafscan.cli.options import (
    Confidence,
    Count,
    Key,
    MaxLatency,
    Queries,
    QueriesKey,
    Recall,
    Threads,
    parse_bytes,
)
from leafscan.cli.outcome import print_tuning
from leafscan.cli.outputs import check_output
from leafscan.cli.plans import params_in_words, plan_in_words, size_in_words
from leafscan.cli.vectors import read_vectors

__all__ = ["MetricName", "build"]


class MetricName(StrEnum):
    """The metrics, as Typer wants choices."""

    cosine = "cosine"
    dot_product = "dot_product"
    squared_l2 = "squared_l2"


def build(
    vectors: Annotated[
        Path,
        typer.Argument(
            metavar="VECTORS",
            help="A .npy, .npz, Parquet, Arrow or safetensors file with a vector in each row.",
            show_default=False,
        ),
    ],
    metric: Annotated[MetricName, typer.Option(help="What makes vectors near.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The index file to write.", show_default=False)
    ],
    key: Key = None,
    ids: Annotated[
        str | None,
        typer.Option(
            help="The array or column of the ids in the same file, or a .npy or text file of them alone. By "
            "default the places from 0 are the ids.",
            show_default=False,
        ),
    ] = None,
    recall: Recall = None,
    k: Count = 10,
    queries: Queries = None,
    queries_key: QueriesKey = None,
    confidence: Confidence = 0.95,
    max_bytes: Annotated[
        int | None,
        typer.Option(
            parser=parse_bytes, metavar="SIZE", help="At most so large, as 500MB.", show_default=False
        ),
    ] = None,
    max_latency_us: MaxLatency = None,
    max_build_s: Annotated[
        float | None, typer.Option(help="At most so many seconds to build and tune.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A plan as JSON, as Config.to_dict() gives it and inspect --json prints it.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seeds everything.")] = 0,
    threads: Threads = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Build an index of the vectors of a file, by a recall that is asked for, by a plan, or by size alone."""
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    limits = {"max_bytes": max_bytes, "max_latency_us": max_latency_us, "max_build_s": max_build_s}
    asked: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    with failing(), Bars(err) as bars:
        if recall is None:
            needless = [*asked, *(["queries"] if queries is not None else [])]
            if needless:
                raise CommandError(
                    f"--{needless[0].replace('_', '-')} is for a build by recall; give --recall, too."
                )
        else:
            asked |= {"recall": recall, "k": k, "confidence": confidence}
            if queries is not None:
                asked["queries"] = read_vectors(queries, key=queries_key, progress=bars).rows
        if config is not None:
            asked["config"] = _plan(config)
        check_output(output)
        read = read_vectors(vectors, key=key, ids=ids, progress=bars)
        begin = time.perf_counter()
        index = leafscan.build(
            read.rows, metric=metric.value, ids=read.ids, seed=seed, threads=threads, progress=bars, **asked
        )
        seconds = time.perf_counter() - begin
        bars(f"Writing {output.name}", 0, 0)
        index.save(output)
        nbytes = output.stat().st_size
        tuning = index.tuning
        if as_json:
            made = {
                "index": leafscan.inspect(output).to_dict(),
                "tuning": None if tuning is None else tuning.to_dict(),
                "seconds": seconds,
            }
            typer.echo(json.dumps(made, indent=2))
            return
    if tuning is not None:
        print_tuning(out, tuning, curve=False)
    out.print(
        Text(
            f"{output}: {len(index):,} x {index.dim:,}, {index.metric}, {plan_in_words(index.config)}; "
            f"searches {params_in_words(index.config.search)}; {size_in_words(nbytes)}, "
            f"built in {seconds:.3g} s."
        ),
        soft_wrap=True,
    )


def _plan(path: Path) -> leafscan.Config:
    try:
        parameters = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CommandError(f"{path} is no JSON: {error}.") from error
    # What `leafscan inspect --json` prints holds a plan, too.
    if isinstance(parameters, dict) and isinstance(parameters.get("config"), dict):
        parameters = parameters["config"]
    try:
        return leafscan.Config.from_dict(parameters)
    except (ValueError, TypeError) as error:
        raise CommandError(f"{path} is no plan: {error}") from error
