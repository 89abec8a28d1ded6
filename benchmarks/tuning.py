"""What a build with a recall promises, held to fresh queries and to a sweep: ``python -m benchmarks.tuning``.

Of each set: how long a build takes without a recall and with one; what recall its default search has on
queries that it never saw, beside exact answers in float64; and its speed beside the best that a sweep finds
by looking at these same queries. The sweep goes through all plans of `plans`, each along its leaves with, for
each, the fewest candidates that reach the recall; tuning does not see it, and it knows the answers, so that
it has an advantage of its own. In the end both are timed in turns, one query a call on one thread.

The tutorial's vectors are the candidates of a model, and its queries are users: half of them are given to the
build, the other half is fresh. The other sets are tuned by their own vectors, or with ``--given`` by half of
their queries, too.
"""

import dataclasses
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

import leafscan
from benchmarks.data import SETS
from benchmarks.data.dataset import DataSet, Matrix
from benchmarks.machine import describe_machine
from benchmarks.peers.ladders import steps
from benchmarks.places import folder
from benchmarks.report.table import Table, figure
from leafscan import Config, Reorder, SearchParams

app = typer.Typer(add_completion=False)

K = 10
TARGETS = (0.8, 0.9, 0.95, 0.99)

#: So many queries are timed in a turn, and so many turns each has; the least time counts. Of each plan so
#: many of the quickest pairs of leaves and candidates, as one turn tells it, go into the last race.
TIMED, TURNS, KEPT = 512, 7, 2

LEAVES = steps(1, 1_500, 34)
CANDIDATES = steps(K, 2_000, 26)

#: The sweep looks at so many of the fresh queries, and ends after so many steps that are no quicker.
SWEPT, PATIENCE = 2_000, 4


@dataclass(frozen=True)
class Runner:
    """One search that reaches a recall on the fresh queries."""

    label: str
    index: leafscan.Index
    params: SearchParams
    recall: float


def plans(base: Config) -> Iterator[tuple[str, Config]]:
    """Give the plans of the sweep: leaves, types of rows and SOAR around leafscan's own choice."""
    tree = base.tree
    if tree is None:
        yield "exact", base
        return
    for factor in (1.0, 0.25, 0.5, 2.0):
        for soar in (None, 1.0) if factor == 1 else (None,):
            for reorder in (Reorder(), Reorder(first_dtype="int8"), Reorder(dtype="bfloat16")):
                leaves = round(factor * tree.num_leaves)
                config = dataclasses.replace(
                    base,
                    tree=dataclasses.replace(tree, num_leaves=leaves, soar_lambda=soar),
                    reorder=reorder,
                    search=SearchParams(leaves=max(1, leaves // 10), candidates=300),
                )
                kept = f"{reorder.first_dtype} and " if reorder.first_dtype else ""
                yield f"{leaves} leaves{', SOAR' if soar else ''}, {kept}{reorder.dtype}", config


def recall_of(
    index: leafscan.Index, queries: Matrix, truth: NDArray[np.int64], params: SearchParams
) -> float:
    """Return the share of the exact neighbours that a search finds."""
    ids = index.search(queries, k=K, params=params).ids
    return float((ids[:, :, None] == truth[:, None, :]).any(axis=2).mean())


def seconds_a_query(index: leafscan.Index, queries: Matrix, params: SearchParams) -> float:
    """Return the time of a query alone, over the first `TIMED`."""
    search = index.search
    begin = time.perf_counter()
    for query in queries[:TIMED]:
        search(query, k=K, params=params, threads=1)
    return (time.perf_counter() - begin) / min(TIMED, len(queries))


def swept(
    label: str, index: leafscan.Index, queries: Matrix, truth: NDArray[np.int64]
) -> dict[float, list[Runner]]:
    """Find, for each target, the quickest searches of one plan that reach it on these queries."""
    tree = index.config.tree
    assert tree is not None
    known: dict[tuple[int, int], float] = {}

    def reached(leaves: int, candidates: int) -> float:
        pair = leaves, candidates
        if pair not in known:
            asked = SearchParams(leaves=leaves, candidates=candidates)
            known[pair] = recall_of(index, queries, truth, asked)
        return known[pair]

    best: dict[float, list[Runner]] = {}
    for target in TARGETS:
        found: list[tuple[float, Runner]] = []
        place, risen = len(CANDIDATES) - 1, 0
        for leaves in sorted({min(rung, tree.num_leaves) for rung in LEAVES}):
            if reached(leaves, CANDIDATES[place]) < target:
                continue
            while place and reached(leaves, CANDIDATES[place - 1]) >= target:
                place -= 1
            asked = SearchParams(leaves=leaves, candidates=CANDIDATES[place])
            runner = Runner(label, index, asked, reached(leaves, CANDIDATES[place]))
            took = seconds_a_query(index, queries, asked)
            risen = 0 if not found or took < min(found, key=lambda one: one[0])[0] else risen + 1
            found.append((took, runner))
            if risen == PATIENCE:
                break
        found.sort(key=lambda one: one[0])
        best[target] = [runner for _, runner in found[:KEPT]]
    return best


def timed(runners: list[Runner], queries: Matrix) -> list[float]:
    """Time runners in turns; the least of each."""
    best = [float("inf")] * len(runners)
    for _ in range(TURNS):
        for place, runner in enumerate(runners):
            best[place] = min(best[place], seconds_a_query(runner.index, queries, runner.params))
    return best


def parts(data: DataSet, *, giving: bool) -> tuple[Matrix | None, Matrix, NDArray[np.int64]]:
    """Return queries to tune by, fresh ones, and the neighbours of these."""
    queries, truth = data.query_rows(), data.truth()[0][:, :K]
    if not giving and data.metric != "dot_product":
        return None, queries[:5_000], truth[:5_000]
    mixed = np.random.default_rng(0).permutation(len(queries))
    given, fresh = np.sort(mixed[: len(mixed) // 2]), np.sort(mixed[len(mixed) // 2 :])
    return queries[given], queries[fresh], truth[fresh]


def measure(name: str, console: Console, *, sweeping: bool, giving: bool) -> list[dict[str, Any]]:
    """Measure one set; return a record a target."""
    data = SETS[name]().whole()
    rows = np.array(data.base())
    given, fresh, truth = parts(data, giving=giving)
    began = time.perf_counter()
    base = leafscan.build(rows, metric=data.metric, progress=False)
    plain = time.perf_counter() - began
    own: dict[float, Runner] = {}
    records: list[dict[str, Any]] = []
    for target in TARGETS:
        began = time.perf_counter()
        index = leafscan.build(rows, metric=data.metric, recall=target, k=K, queries=given, progress=False)
        seconds = time.perf_counter() - began
        tuning = index.tuning
        assert tuning is not None
        reached = recall_of(index, fresh, truth, index.config.search)
        own[target] = Runner("leafscan's", index, index.config.search, reached)
        records.append(
            {
                "set": name,
                "tuned_by": "vectors" if given is None else "queries",
                "recall": target,
                "plain_build_s": plain,
                "build_s": seconds,
                "tuning_of_build": (seconds - plain) / plain,
                "stated": [tuning.point.recall, tuning.point.low, tuning.point.high],
                "fresh": reached,
                "plan": index.config.to_dict(),
                "trials": [trial.verdict for trial in tuning.trials],
                "curve": [[point.recall, point.latency_us] for point in tuning.curve.points],
            }
        )
        console.print(f"{name} {target}: {tuning}; fresh {reached:.4f}; {seconds:.1f} s beside {plain:.1f} s")
    if not sweeping:
        return records
    others: dict[float, list[list[Runner]]] = {target: [] for target in TARGETS}
    for label, config in plans(base.config):
        index = leafscan.build(rows, metric=data.metric, config=config, progress=False)
        found = swept(label, index, fresh[:SWEPT], truth[:SWEPT])
        for target, runners in found.items():
            others[target].append(runners)
    for record in records:
        target = record["recall"]
        # No plan comes right after itself: it would find its rows in the cache, which leafscan's never does.
        in_turn = itertools.chain.from_iterable(itertools.zip_longest(*others[target]))
        runners = [own[target], *(runner for runner in in_turn if runner is not None)]
        times = timed(runners, fresh)
        place = min(range(1, len(runners)), key=lambda one: times[one])
        best = runners[place]
        record["us"], record["best_us"] = 1e6 * times[0], 1e6 * times[place]
        record["share_of_best"] = times[place] / times[0]
        record["best"] = {"plan": best.label, "params": best.params.to_dict(), "recall": best.recall}
        console.print(
            f"{name} {target}: {1e6 * times[0]:.1f} us, best {1e6 * times[place]:.1f} us ({best.label}, "
            f"{best.params.leaves}/{best.params.candidates}, recall {best.recall:.4f}): "
            f"{record['share_of_best']:.2f}"
        )
    return records


@app.command()
def main(
    sets: Annotated[str, typer.Option(help="Which sets, comma-separated.")] = ",".join(SETS),
    against_sweep: Annotated[
        bool, typer.Option("--sweep/--no-sweep", help="Hold the speed to a full sweep, too.")
    ] = True,
    given: Annotated[
        bool, typer.Option("--given", help="Give half of the queries to the build, of every set.")
    ] = False,
) -> None:
    """Build by recall, and hold what was promised to what comes."""
    console = Console()
    records: list[dict[str, Any]] = []
    out = folder("tuning") / ("tuning-given.json" if given else "tuning.json")
    for name in sets.split(","):
        records += measure(name, console, sweeping=against_sweep, giving=given)
        out.write_text(json.dumps({"machine": describe_machine(), "records": records}, indent=1) + "\n")
    table = Table(
        "A recall that was asked for, and what came",
        [
            "set",
            "tuned by",
            "asked",
            "stated",
            "on fresh queries",
            "tuning / build",
            "us a query",
            "speed of the best",
        ],
    )
    for record in records:
        _, low, high = record["stated"]
        table.rows.append(
            [
                record["set"],
                record["tuned_by"],
                f"{record['recall']:g}",
                f"{low:.4f} to {high:.4f}",
                f"{record['fresh']:.4f}",
                figure(record["tuning_of_build"], 2),
                figure(record.get("us"), 1),
                figure(record.get("share_of_best"), 2),
            ]
        )
    console.print(table.rich())
    out.with_suffix(".md").write_text(table.markdown() + "\n")
    console.print(f"Raw results in {out}")


if __name__ == "__main__":
    app()
