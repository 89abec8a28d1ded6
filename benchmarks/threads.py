"""Do threads scale? A batch over all cores beside as many processes: ``python -m benchmarks.threads``."""

import json
import multiprocessing
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import leafscan
from benchmarks.data.dataset import Matrix
from benchmarks.data.embeddings import BLOCK, Embeddings
from benchmarks.machine import describe_machine
from benchmarks.places import folder
from benchmarks.report.table import Table, figure

DIMENSIONS, SEED, K = 96, 11, 10
QUERIES_FROM = BLOCK * 2**20
GOAL = 0.95
WIDE = 170

app = typer.Typer(add_completion=False, help=__doc__)


@dataclass
class Race:
    """Queries a second, round by round.

    Attributes
    ----------
    threads
        Of the batch, and number of the processes.
    together
        One call over all threads.
    apart
        The processes' own speeds, added up.
    alone
        One process while the others wait: what a thread does with the machine to itself.
    """

    threads: int
    together: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The batch's speed over that of the processes: the median of the rounds' ratios."""
        return median(a / b for a, b in zip(self.together, self.apart, strict=True))


def race(index: leafscan.Index, file: Path, queries: Matrix, threads: int, rounds: int) -> Race:
    """Measure a batch and the processes in turn, round after round.

    Parameters
    ----------
    index, file
        The index, mapped from the file; each process maps it too.
    queries
        What is asked each time, in one call.
    threads, rounds
        How many.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(threads)
    pipes = []
    processes = []
    for _ in range(threads):
        ours, theirs = context.Pipe()
        process = context.Process(target=solo, args=(str(file), queries, barrier, theirs), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    outcome = Race(threads)
    try:
        for pipe in pipes:
            pipe.recv()
        index.search(queries, k=K, threads=threads)
        for _ in range(rounds):
            outcome.together.append(speed(index, queries, threads))
            for pipe in pipes:
                pipe.send("together")
            outcome.apart.append(sum(pipe.recv() for pipe in pipes))
            pipes[0].send("alone")
            outcome.alone.append(pipes[0].recv())
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
    return outcome


def solo(file: str, queries: Matrix, barrier: Barrier, pipe: Connection) -> None:
    """Answer with one thread when told to, all processes at once where told so; tell the speed."""
    index = leafscan.load(file)
    index.search(queries, k=K, threads=1)
    pipe.send("ready")
    while True:
        try:
            told = pipe.recv()
        except EOFError:
            return
        if told == "together":
            barrier.wait()
        pipe.send(speed(index, queries, 1))


def speed(index: leafscan.Index, queries: Matrix, threads: int) -> float:
    """Return queries a second of one call."""
    start = time.perf_counter()
    index.search(queries, k=K, threads=threads)
    return len(queries) / (time.perf_counter() - start)


@app.command()
def main(
    rows: Annotated[int, typer.Option(min=1000, help="Base vectors.")] = 500_000,
    queries: Annotated[int, typer.Option(min=100, help="Queries of each call.")] = 20_000,
    threads: Annotated[int, typer.Option(min=0, help="0: as many as there are cores for this process.")] = 0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the median counts.")] = 9,
) -> None:
    """Print the batch's speed over that of as many processes of one thread; at least .95 is wanted."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    threads = threads or int(describe_machine()["cores"])
    source = Embeddings(DIMENSIONS, SEED)
    file = folder("scratch") / "threads.leafscan"
    leafscan.build(source.rows(0, rows, threads), metric="cosine", threads=threads).save(file)
    index = leafscan.load(file)
    try:
        outcome = race(index, file, source.rows(QUERIES_FROM, queries), threads, rounds)
    finally:
        del index
        file.unlink()
    record: dict[str, Any] = {
        "threads": threads,
        "rows": rows,
        "queries": queries,
        "together": outcome.together,
        "apart": outcome.apart,
        "alone": outcome.alone,
        "ratio": outcome.ratio,
    }
    content = {"machine": describe_machine(), "results": {"threads": record}}
    (folder("raw") / "threads.json").write_text(json.dumps(content, indent=1))
    one = float(np.median(outcome.alone))
    speeds = {
        f"one call, {threads} threads": float(np.median(outcome.together)),
        f"{threads} processes of one thread": float(np.median(outcome.apart)),
        "one of them, the others waiting": one,
    }
    table = Table(
        f"{rows:,} x {DIMENSIONS}, {queries:,} queries a call, medians of {rounds} rounds",
        ["who", "queries a second", "times one thread"],
        [[who, figure(qps), figure(qps / one, 2)] for who, qps in speeds.items()],
    )
    console.print(table.rich())
    console.print(f"batch over processes: {outcome.ratio:.3f}; at least {GOAL} is wanted", highlight=False)
    if outcome.ratio < GOAL:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
