"""What updates cost, and what they do to recall: ``python -m benchmarks.updates``.

Half of a catalogue, two thirds of a packaged set, is replaced by vectors that it did not have; then the index
is held to one that was built anew of the same vectors by the same plan. Times are medians, of one thread
but for batches.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import leafscan
from benchmarks.data import SETS
from benchmarks.data.dataset import Matrix
from benchmarks.machine import describe_machine
from benchmarks.report.table import Table, figure

app = typer.Typer(add_completion=False)

K = 10
BATCH = 1_000
TIMES = 200


def measure(rows: Matrix, queries: Matrix, n: int, metric: str) -> list[list[str]]:
    """Replace half of the first ``n`` rows by others; return what was measured, name by name."""
    index = leafscan.build(rows[:n], metric=metric, progress=False)
    deny = index.filter(deny=np.arange(0, n, 7))
    ask = partial(index.search, queries[0], k=K, filter=deny)
    table: list[list[str]] = []

    def note(what: str, said: str) -> None:
        table.append([what, said])

    ones = [seconds(partial(index.upsert, [i], rows[n + i : n + i + 1])) for i in range(TIMES)]
    note("upsert of one", f"{figure(1e6 * median(ones))} us")
    following = []
    for i in range(20):
        index.upsert([i], rows[n + i : n + i + 1])
        following.append(seconds(ask))
    note("the first filtered search after it", f"{figure(1e6 * median(following))} us")
    note("a filtered search", f"{figure(1e6 * median(seconds(ask) for _ in range(TIMES)))} us")
    half = min(n // 2, len(rows) - n)
    batches = []
    for first in range(0, half, BATCH):
        ids = np.arange(first, min(first + BATCH, half))
        batches.append(seconds(partial(index.upsert, ids, rows[n + ids])) / len(ids))
    note(f"upsert in batches of {BATCH:,}", f"{figure(1e6 * median(batches), 1)} us a vector")

    now = rows[:n].copy()
    now[:half] = rows[n : n + half]
    best = (
        leafscan.build(now, metric=metric, config=leafscan.Config(), progress=False).search(queries, k=K).ids
    )
    anew = leafscan.build(now, metric=metric, config=index.config, progress=False)
    for name, one in (("updated", index), ("built anew", anew)):
        note(f"{name}: recall@{K}", figure(recall(one.search(queries, k=K).ids, best), 4))
        times = [seconds(partial(one.search, query, k=K)) for query in queries]
        note(f"{name}: one query", f"{figure(1e6 * median(times), 1)} us")
        note(f"{name}: bytes", f"{figure(one.nbytes / 1e6)} MB")
    health = index.health()
    note("health", f"tombstones {health.tombstones:.2f}, recall {figure(health.recall, 3)}")
    gone = [seconds(partial(index.delete, [i])) for i in range(TIMES)]
    note("delete of one", f"{figure(1e6 * median(gone))} us")
    note("rebalance", f"{figure(seconds(partial(index.rebalance, progress=False)), 1)} s")
    return table


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def recall(found: NDArray[Any], best: NDArray[Any]) -> float:
    """Return the share of the best that was found."""
    return float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(found, best, strict=True)]))


@app.command()
def main(
    data: Annotated[str, typer.Option(help=f"One of {', '.join(SETS)}.")] = "glove-100",
    rows: Annotated[int | None, typer.Option(min=1_000, help="Vectors; by default all of the set.")] = None,
    queries: Annotated[int, typer.Option(min=10, help="Queries.")] = 2_000,
) -> None:
    """Print what updates cost, and what they do to recall."""
    known = SETS[data]().whole()
    base = known.base()
    order = np.random.default_rng(0).permutation(len(base))[:rows]
    given = np.ascontiguousarray(base[np.sort(order)][np.argsort(np.argsort(order))])
    n = 2 * len(given) // 3
    found = measure(given, known.query_rows()[:queries], n, known.metric)
    title = f"{data}: {n:,} x {given.shape[1]}, {known.metric}, half of it replaced"
    console = Console()
    console.print(Table(title, ["what", "measured"], found).rich())
    console.print(describe_machine())


if __name__ == "__main__":
    app()
