"""What a stop for each query buys: ``python -m benchmarks.stop``.

For each target the fewest leaves that reach it, the same for all queries, run against the cap and the bound
that reach it with the fewest points. Both are found on rows of the set with ``--by rows``, as tuning would
do it (their neighbours by exact search, a row being none of its own), or on the first half of the set's
queries with ``--by queries``; recall and speed are then those of the other half. The two take turns, some
queries each or a batch, and medians of the rounds are told. One thread.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import leafscan
from benchmarks.data import SETS
from benchmarks.data.dataset import DataSet, Matrix
from benchmarks.machine import describe_machine
from benchmarks.recall import Judge
from benchmarks.report.table import Table, figure

app = typer.Typer(add_completion=False)

K = 10
TARGETS = (0.90, 0.95, 0.99)
#: Rows that the numbers are found on.
ROWS = 2_000
#: Of how many leaves the cap is a multiple of those that all queries would read.
CAPS = (1.5, 2.0, 3.0)
#: Halvings of the interval in which the bound lies.
HALVINGS = 14


@dataclass(frozen=True)
class Trial:
    """What searches found, and how many points they went through."""

    recall: float
    points: float
    leaves: float


class Probe:
    """Searches of some queries whose neighbours are known.

    Parameters
    ----------
    index, queries
        What is searched.
    truth
        (q, k) ids of the neighbours.
    itself
        (q,) ids that are left out of each answer; None leaves out none.
    """

    def __init__(
        self,
        index: leafscan.Index,
        queries: Matrix,
        truth: NDArray[np.int64],
        itself: NDArray[np.int64] | None = None,
    ) -> None:
        self.index, self.queries, self.truth, self.itself = index, queries, truth, itself

    def trial(self, params: leafscan.SearchParams) -> Trial:
        """Search all queries as a batch."""
        more = 0 if self.itself is None else 1
        found = self.index.search(self.queries, k=K + more, params=params, threads=1, explain=True)
        ids = found.ids
        if self.itself is not None:
            ids = without(ids, self.itself)
        hits = (ids[:, :, None] == self.truth[:, None, :]).any(2)
        told = found.explanation
        return Trial(float(hits.mean()), told.points / len(ids), told.leaves / len(ids))

    def fewest(self, target: float, candidates: int) -> int:
        """Return the fewest leaves that reach the target; all of them where none does."""
        assert self.index.config.tree is not None
        low, high = 1, self.index.config.tree.num_leaves
        while low < high:
            middle = (low + high) // 2
            if self.trial(fixed(middle, candidates)).recall >= target:
                high = middle
            else:
                low = middle + 1
        return low

    def bound(self, target: float, cap: int, candidates: int) -> float | None:
        """Return the lowest bound that reaches the target; None if the cap itself does not."""
        low, high = -4.0, 12.0
        if self.trial(stopped(cap, candidates, high)).recall < target:
            return None
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if self.trial(stopped(cap, candidates, middle)).recall >= target:
                high = middle
            else:
                low = middle
        return high


def without(ids: NDArray[np.int64], itself: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take each query itself out of its answer, or else the last one."""
    dropped = ids == itself[:, None]
    dropped[~dropped.any(1), -1] = True
    kept: NDArray[np.int64] = ids[~dropped].reshape(len(ids), -1)
    return kept


def fixed(leaves: int, candidates: int) -> leafscan.SearchParams:
    """Return what asks for so many leaves."""
    return leafscan.SearchParams(leaves=leaves, candidates=candidates)


def stopped(cap: int, candidates: int, bound: float) -> leafscan.SearchParams:
    """Return what asks for as many as are of use."""
    return leafscan.SearchParams(leaves=cap, candidates=candidates, stop=bound)


def probes(index: leafscan.Index, dataset: DataSet, by: str) -> tuple[Probe, Matrix, int]:
    """Return what numbers are found on, the queries they are judged by, and the first one's place."""
    queries = dataset.query_rows()
    truth = dataset.truth()[0][:, :K]
    if by == "queries":
        half = len(queries) // 2
        return Probe(index, queries[:half][:ROWS], truth[:half][:ROWS]), queries[half:], half
    base = dataset.base()
    places = np.sort(np.random.default_rng(0).choice(len(base), min(ROWS, len(base)), replace=False))
    rows = np.ascontiguousarray(base[places])
    exact = leafscan.build(base, metric=dataset.metric, config=leafscan.Config(), progress=False)
    itself = places.astype(np.int64)
    near = without(exact.search(rows, k=K + 1).ids, itself)
    return Probe(index, rows, near, itself), queries, 0


def race(index: leafscan.Index, queries: Matrix, asked: list[Any], rounds: int) -> list[tuple[float, float]]:
    """Return queries a second of each, one by one and in batches of all; they take turns."""
    one: list[list[float]] = [[] for _ in asked]
    batch: list[list[float]] = [[] for _ in asked]
    for _ in range(rounds):
        for place, params in enumerate(asked):
            begin = time.perf_counter()
            index.search(queries, k=K, params=params, threads=1)
            batch[place].append(len(queries) / (time.perf_counter() - begin))
        taken = [0.0] * len(asked)
        some = 250
        for first in range(0, len(queries), some):
            for place, params in enumerate(asked):
                begin = time.perf_counter()
                for query in queries[first : first + some]:
                    index.search(query, k=K, params=params, threads=1)
                taken[place] += time.perf_counter() - begin
        for place, seconds in enumerate(taken):
            one[place].append(len(queries) / seconds)
    return [(median(a), median(b)) for a, b in zip(one, batch, strict=True)]


def compare(
    index: leafscan.Index, dataset: DataSet, by: str, candidates: int, rounds: int, most: int
) -> list[list[str]]:
    """Return the lines of the table."""
    probe, queries, first = probes(index, dataset, by)
    queries = np.ascontiguousarray(queries[:most])
    judge = Judge(dataset.base(), dataset.query_rows(), dataset.metric, *dataset.truth())
    lines = []
    for target in TARGETS:
        leaves = probe.fewest(target, candidates)
        params = [fixed(leaves, candidates)]
        found: list[tuple[float, leafscan.SearchParams]] = []
        for times in CAPS:
            assert index.config.tree is not None
            cap = min(round(times * leaves), index.config.tree.num_leaves)
            bound = probe.bound(target, cap, candidates)
            if bound is not None:
                asked = stopped(cap, candidates, bound)
                found.append((probe.trial(asked).points, asked))
        if not found:
            lines.append([f"{target:.2f}", f"{leaves} leaves", "not reached", "", "", "", ""])
            continue
        params.append(min(found, key=lambda one: one[0])[1])
        speeds = race(index, queries, params, rounds)
        for asked, (single, batched) in zip(params, speeds, strict=True):
            answer = index.search(queries, k=K, params=asked, threads=1, explain=True)
            told = answer.explanation
            name = f"{asked.leaves} leaves" if asked.stop is None else f"<= {asked.leaves}, {asked.stop:.3f}"
            lines.append(
                [
                    f"{target:.2f}",
                    name,
                    figure(judge.recall(answer.ids, first), 4),
                    figure(told.leaves / len(queries), 1),
                    figure(told.points / len(queries)),
                    figure(single),
                    figure(batched),
                ]
            )
        (one, many), (stop_one, stop_many) = speeds
        lines.append(["", "ratio", "", "", "", f"{stop_one / one:.3f}", f"{stop_many / many:.3f}"])
    return lines


@app.command()
def main(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(SETS)}.")] = "glove-100",
    leaves: Annotated[int, typer.Option(help="Of the tree; 0 for the default.")] = 0,
    soar: Annotated[float, typer.Option(help="SOAR's lambda; 0 for none.")] = 1.0,
    staged: Annotated[bool, typer.Option(help="Whether int8 rows are scored first.")] = True,
    candidates: Annotated[int, typer.Option(help="Rows that are reranked.")] = 120,
    by: Annotated[str, typer.Option(help="What leaves and bounds are found on: rows or queries.")] = "rows",
    rounds: Annotated[int, typer.Option(help="Turns that are timed.")] = 5,
    queries: Annotated[int, typer.Option(help="Queries that are timed and judged.")] = 5_000,
    rows: Annotated[int, typer.Option(help="Of the set; 0 for all.")] = 0,
) -> None:
    """Compare a stop for each query with one number of leaves for all."""
    source = SETS[name]()
    dataset = source.first(rows, queries) if rows else source.whole()
    routed = 4.0 if dataset.metric == "dot_product" else None
    config = leafscan.Config(
        tree=leafscan.Tree(
            num_leaves=leaves or round(4 * dataset.rows**0.5), soar_lambda=soar or None, avq_eta=routed
        ),
        score=leafscan.AsymmetricHash(dimensions_per_block=2),
        reorder=leafscan.Reorder(first_dtype="int8" if staged else None),
    )
    index = leafscan.build(dataset.base(), metric=dataset.metric, config=config, seed=0, progress=False)
    console = Console()
    console.print(describe_machine())
    console.print(str(index))
    headings = ["target", "leaves", "recall@10", "read", "points", "one by one", "in batches"]
    lines = compare(index, dataset, by, candidates, rounds, queries)
    console.print(Table(f"{name}, found by {by}", headings, lines, names=2).rich())


if __name__ == "__main__":
    app()
