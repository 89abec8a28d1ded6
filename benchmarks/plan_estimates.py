"""What `leafscan.plan` expects, held to what comes: ``python -m benchmarks.plan_estimates``.

Every packaged set, parts of it and invented rows are planned by several plans, with a sample and without one,
and then built and searched. Each run says what was expected, within which interval, and what was measured;
in the end the intervals that would have held nine of ten runs. All of it goes into
``benchmarks/out/plan_estimates.json``, stage by stage. For a quiet machine: times are by the clock.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import leafscan
from benchmarks.data import SETS
from benchmarks.data.dataset import Matrix
from benchmarks.machine import describe_machine
from benchmarks.places import folder
from benchmarks.report.table import Table, figure
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.estimating.trial import invented_rows

app = typer.Typer(add_completion=False)

K = 10
SAMPLE = 20_000
QUERIES = 1_000
PASSES = 3
SHARE = 0.9

#: Invented rows: how many of how many dimensions, and the metric.
INVENTED = (
    (30_000, 32, "dot_product"),
    (100_000, 64, "cosine"),
    (200_000, 96, "squared_l2"),
    (50_000, 256, "cosine"),
)
PARTS = (40_000, 150_000)


@dataclass(frozen=True)
class Case:
    """Rows, queries and a plan; the rows of a set are drawn once."""

    name: str
    metric: Any
    rows: Matrix
    queries: Matrix
    others: Matrix | None  # queries of the same kind, for the estimate
    plan: str
    config: Config | None
    recall: float | None


def plans(n: int) -> Iterator[tuple[str, Config | None, float | None]]:
    """Give the plans that are tried for n rows, and the recall that each is to have."""
    leaves = max(2, round(2 * n**0.5))
    yield "default", None, None
    yield "recall .9", None, 0.9
    yield "recall .95", None, 0.95
    yield (
        "SOAR, bfloat16",
        Config(
            tree=Tree(num_leaves=leaves, soar_lambda=1.5),
            score=AsymmetricHash(),
            reorder=Reorder(dtype="bfloat16"),
            search=SearchParams(leaves=max(1, leaves // 25), candidates=120),
        ),
        None,
    )
    yield (
        "two stages",
        Config(
            tree=Tree(num_leaves=leaves // 2, upper_leaves=max(2, round(leaves**0.5))),
            score=AsymmetricHash(),
            reorder=Reorder(first_dtype="int8"),
            search=SearchParams(leaves=max(1, leaves // 40), candidates=200),
        ),
        None,
    )


def cases(names: list[str], parts: tuple[int, ...], invented: bool) -> Iterator[Case]:
    """Give every run: whole sets by every plan, parts of them by two, invented rows by two."""
    for name in names:
        known = SETS[name]().whole()
        base, asked = known.base(), known.query_rows()
        # The first are measured; what is estimated has not seen them.
        some = min(QUERIES, len(asked) // 2)
        queries, others = asked[:some], asked[some : 2 * some]
        order = np.random.default_rng(0).permutation(len(base))
        for n in (*(part for part in parts if part < 0.8 * len(base)), len(base)):
            rows = np.ascontiguousarray(base[np.sort(order[:n])])
            for plan, config, recall in plans(n):
                if n == len(base) or plan in ("default", "SOAR, bfloat16"):
                    yield Case(f"{name}, {n:,}", known.metric, rows, queries, others, plan, config, recall)
    for n, dim, metric in INVENTED if invented else ():
        made = invented_rows(n + QUERIES, dim, seed=7)
        for plan, config, recall in plans(n):
            if plan in ("default", "two stages"):
                yield Case(f"invented, {n:,} x {dim}", metric, made[:n], made[n:], None, plan, config, recall)


def run(case: Case) -> dict[str, Any]:
    """Estimate twice, build, search; return all that was told and measured."""
    n, dim = case.rows.shape
    rng = np.random.default_rng(1)
    sample = case.rows[np.sort(rng.choice(n, min(n, SAMPLE), replace=False))]
    common = {"metric": case.metric, "recall": case.recall, "k": K, "config": case.config}
    told = {
        "blind": leafscan.plan(n, dim, **common),
        "sampled": leafscan.plan(n, dim, sample=sample, queries=case.others, **common),
    }
    config = case.config
    if config is None and case.recall is not None:
        config = told["sampled"].config
    began = time.perf_counter()
    index = leafscan.build(case.rows, metric=case.metric, config=config, progress=False)
    seconds = time.perf_counter() - began
    measured: dict[str, Any] = {
        "nbytes": index.nbytes,
        "file_nbytes": _file_bytes(index),
        "build_seconds": seconds,
        "latency_us": _latency(index, case.queries),
    }
    if case.recall is not None:
        # What measuring comes to, of the same leaves and codes, on queries of the same kind.
        tuning = index.tune(case.queries, recall=case.recall, k=K)
        measured["tuned_us"] = tuning.point.latency_us
        measured["tuned"] = tuning.point.params.to_dict()
    best = leafscan.build(case.rows, metric=case.metric, config=Config(), progress=False)
    few = case.queries[:300]
    params = index.config.search if config is None else config.search
    wanted, found = best.search(few, k=K).ids, index.search(few, k=K, params=params).ids
    hits = [len(np.intersect1d(a, b)) / K for a, b in zip(wanted, found, strict=True)]
    return {
        "case": case.name,
        "plan": case.plan,
        "n": n,
        "dim": dim,
        "metric": case.metric,
        "recall": case.recall,
        "found": float(np.mean(hits)),
        "config": index.config.to_dict(),
        "told": {kind: one.to_dict() for kind, one in told.items()},
        "measured": measured,
        "stages": index.search(few[0], explain=True).explanation.to_dict(),
    }


def _file_bytes(index: leafscan.Index) -> int:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "one.leafscan"
        index.save(path)
        return path.stat().st_size


def _latency(index: leafscan.Index, queries: Matrix) -> float:
    """Return microseconds a query: the quickest of some passes over all queries, one a call."""
    best = float("inf")
    for _ in range(PASSES):
        began = time.perf_counter()
        for query in queries:
            index.search(query, k=K)
        best = min(best, (time.perf_counter() - began) * 1e6 / len(queries))
    return best


def spreads(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return, by kind of estimate, the share of runs that was held, and the factors that hold SHARE."""
    found: dict[str, dict[str, Any]] = {}
    for kind in ("blind", "sampled"):
        for what in ("build_seconds", "latency_us"):
            for aimed in (False, True):
                # What a recall takes was settled with the sample: without one, another search was priced.
                some = [one for one in runs if (one["recall"] is not None) == aimed]
                if not some or (aimed and kind == "blind" and what == "latency_us"):
                    continue
                told = [one["told"][kind][what] for one in some]
                came = [one["measured"][what] for one in some]
                ratios = np.array([b / a["expected"] for a, b in zip(told, came, strict=True)])
                held = [a["low"] <= b <= a["high"] for a, b in zip(told, came, strict=True)]
                low, high = np.quantile(ratios, [(1 - SHARE) / 2, (1 + SHARE) / 2])
                found[f"{kind} {what}{', for a recall' if aimed else ''}"] = {
                    "runs": len(some),
                    "held": float(np.mean(held)),
                    "median": float(np.median(ratios)),
                    "low": float(low),
                    "high": float(high),
                    "least": float(ratios.min()),
                    "most": float(ratios.max()),
                    "within a fifth": float(np.mean(np.abs(ratios - 1) <= 0.2)),
                }
        tuned_runs = [one for one in runs if "tuned_us" in one["measured"]]
        if tuned_runs:
            ratios = np.array(
                [
                    one["measured"]["tuned_us"] / one["told"][kind]["latency_us"]["expected"]
                    for one in tuned_runs
                ]
            )
            held = [
                one["told"][kind]["latency_us"]["low"]
                <= one["measured"]["tuned_us"]
                <= one["told"][kind]["latency_us"]["high"]
                for one in tuned_runs
            ]
            low, high = np.quantile(ratios, [(1 - SHARE) / 2, (1 + SHARE) / 2])
            found[f"{kind} latency_us, tuned"] = {
                "runs": len(tuned_runs),
                "held": float(np.mean(held)),
                "median": float(np.median(ratios)),
                "low": float(low),
                "high": float(high),
            }
        for what in ("nbytes", "file_nbytes"):
            errors = [abs(one["told"][kind][what] / one["measured"][what] - 1) for one in runs]
            found[f"{kind} {what}"] = {
                "runs": len(runs),
                "most": max(errors),
                "held": float(np.mean(np.array(errors) <= 0.01)),
            }
    return found


def told_row(one: dict[str, Any]) -> list[str]:
    """Return a run as a row of the table."""
    row = [one["case"], one["plan"]]
    for what, digits in (("build_seconds", 2), ("latency_us", 1)):
        came = one["measured"][what]
        for kind in ("blind", "sampled"):
            interval = one["told"][kind][what]
            mark = "" if interval["low"] <= came <= interval["high"] else " *"
            row.append(f"{figure(interval['expected'], digits)}{mark}")
        row.append(figure(came, digits))
    error = one["told"]["sampled"]["nbytes"] / one["measured"]["nbytes"] - 1
    return [
        *row,
        f"{100 * error:+.2f} %",
        "" if one["recall"] is None else f"{one['recall']:g}: {one['found']:.3f}",
    ]


@app.command()
def main(
    sets: Annotated[
        str, typer.Option(help=f"Names, by commas, of {', '.join(SETS)}; none for none.")
    ] = ",".join(SETS),
    parts: Annotated[bool, typer.Option(help="Parts of the sets, too.")] = True,
    invented: Annotated[bool, typer.Option(help="Invented rows, too.")] = True,
    minutes: Annotated[float, typer.Option(help="Begin no run after so many.")] = 11.0,
) -> None:
    """Print what was expected and what came, and write it."""
    console = Console()
    began = time.monotonic()
    runs: list[dict[str, Any]] = []
    out = folder() / "plan_estimates.json"
    names = [name for name in sets.split(",") if name in SETS]
    # The runs of a set follow one another: in turns, so that whatever ends early, every set was there.
    waiting = sorted(enumerate(cases(names, PARTS if parts else (), invented)), key=lambda pair: pair[1].plan)
    for _, case in waiting:
        if time.monotonic() - began > 60 * minutes:
            console.print(f"no time for {case.name} by {case.plan}")
            continue
        one = run(case)
        runs.append(one)
        out.write_text(json.dumps({"machine": describe_machine(), "runs": runs}, indent=1))
        console.print(" | ".join(told_row(one)), highlight=False)
    held = spreads(runs)
    out.write_text(json.dumps({"machine": describe_machine(), "spreads": held, "runs": runs}, indent=1))
    heads = [
        "rows",
        "plan",
        "build s: blind",
        "sampled",
        "came",
        "query us: blind",
        "sampled",
        "came",
        "bytes",
        "recall",
    ]
    console.print(
        Table(
            "expected and measured (* outside of the interval)", heads, [told_row(one) for one in runs]
        ).rich()
    )
    for name, numbers in held.items():
        console.print(name, {key: round(value, 3) for key, value in numbers.items()})
    console.print(describe_machine(), f"{time.monotonic() - began:.0f} s; written to {out}")


if __name__ == "__main__":
    app()
