"""Turn what a run recorded into tables: the same from a run under way and from its files."""

from collections.abc import Iterable
from typing import Any

from benchmarks.frontier import TARGETS, qps_at
from benchmarks.measure import MODES, OperatingPoint, curves_of
from benchmarks.report.table import Table, figure

#: As JSON holds it; see the class or function that wrote it.
Record = dict[str, Any]

OURS, BEATEN = "leafscan", "scann-core"
WORDS = {"single": "one query a call", "batched": "one call for all"}


def frontier_summary(points: list[OperatingPoint]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return ``summary[mode][peer][recall]``: queries a second read off each frontier."""
    return {
        mode: {
            peer: {f"{target:.2f}": qps_at(curves, target) for target in TARGETS}
            for peer, curves in curves_of(points, mode).items()
        }
        for mode in MODES
    }


def ratios(speeds: dict[str, dict[str, float | None]], target: str) -> tuple[float | None, float | None, str]:
    """Return ours over scann-core's, ours over the best peer's, and who that is."""
    ours = speeds.get(OURS, {}).get(target)
    others = {peer: at[target] for peer, at in speeds.items() if peer != OURS and at[target] is not None}
    best = max(others, key=lambda peer: others[peer] or 0.0, default="")
    beaten = others.get(BEATEN)
    return (
        ours / beaten if ours and beaten else None,
        ours / (others[best] or 1.0) if ours and best else None,
        best,
    )


def set_table(sets: Iterable[Record]) -> Table:
    """Say what was searched; takes the fields of each ``DataSet``."""
    rows = [
        [
            d["name"],
            d["metric"],
            *(figure(d["rows"]), str(d["dimensions"]), figure(d["queries"]), figure(d["local_dimension"], 1)),
        ]
        for d in sets
    ]
    return Table("Data sets", ["set", "metric", "n", "d", "queries", "local dimension"], rows, names=2)


def speed_table(record: Record) -> Table:
    """Give queries a second of every peer at every recall, then the ratios that matter."""
    dataset, summary = record["dataset"], record["frontier"]
    columns = [(mode, f"{target:.2f}") for mode in MODES for target in TARGETS]
    headings = ["peer", *(f"{mode} {target}" for mode, target in columns)]
    peers = dict.fromkeys(peer for mode in MODES for peer in summary[mode])
    rows = [
        [peer, *(figure(summary[mode].get(peer, {}).get(target)) for mode, target in columns)]
        for peer in peers
    ]
    if OURS in peers and len(peers) > 1:
        compared = [ratios(summary[mode], target) for mode, target in columns]
        rows.append([f"{OURS} / {BEATEN}", *(figure(first, 2) for first, _, _ in compared)])
        rows.append(
            [f"{OURS} / best peer", *(f"{figure(r, 2)} ({who})" if who else "-" for _, r, who in compared)]
        )
    title = (
        f"{dataset['name']} ({figure(dataset['rows'])} x {dataset['dimensions']}, {dataset['metric']}): "
        "queries a second on one thread at recall@10"
    )
    return Table(title, headings, rows)


def build_table(record: Record) -> Table:
    """Say what every index cost to make."""
    builds = record["builds"]
    rows = [
        [
            *(b["peer"], b["plan"], figure(b["seconds"], 1)),
            *(figure(b[key]) for key in ("peak_mb", "before_mb", "disk_mb")),
            b["date"],
        ]
        for b in builds
    ]
    threads = builds[0]["threads"] if builds else 0
    return Table(
        f"{record['dataset']['name']}: builds on {threads} threads",
        ["peer", "index", "seconds", "peak MiB", "of which before", "disk MiB", "built"],
        rows,
        names=2,
    )


def tutorial_table(record: Record) -> Table:
    """Give the head-to-head, and how much longer than leafscan each call takes."""
    contenders = record["contenders"]
    ours = next((c for c in contenders if c["peer"] == OURS and c["best_of_peer"]), None)
    rows = []
    for c in contenders:
        mark = "" if c["best_of_peer"] else " (not its best)"
        times = figure(c["microseconds"] / ours["microseconds"], 2) if ours else "-"
        rows.append(
            [c["peer"], c["call"] + mark, figure(c["microseconds"], 1), times, figure(c["recall_at_10"], 4)]
        )
    return Table(
        f"The tutorial's call: 4 users, 100 leaves of which 30, 500 reordered, {record['threads']} threads",
        ["peer", "call", "microseconds", "times leafscan's", "recall@10, all users"],
        rows,
        names=2,
    )


def ten_million_table(record: Record) -> Table:
    """Give what came of many vectors on few cores."""
    trial, spent, cost = record["trial"], record["milliseconds"], record["build"]
    scales = ", ".join(f"{value:.1f} at {k}" for k, value in record["local_dimension"].items())
    chosen = record["params"]
    rows = [
        ["local intrinsic dimension, by neighbours", scales],
        ["build, minutes", figure(record["seconds"]["build"] / 60, 2)],
        ["peak memory of the build, GiB", figure(cost["peak_mb"] / 1024, 2)],
        ["of which before it", figure(cost["before_mb"] / 1024, 2)],
        ["peak memory of all, GiB", figure(record["peak_gib"], 2)],
        ["index, GiB", figure(cost["index_bytes"] / 2**30, 2)],
        ["leaves searched, rows reranked", f"{figure(chosen['leaves'])}, {figure(chosen['candidates'])}"],
        ["recall@10 of held-out queries", figure(record["recall"], 4)],
        ["one call, median ms", figure(spent["median"], 3)],
        ["one call, 99th percentile ms", figure(spent["p99"], 3)],
        ["bounds not kept", " ".join(record["broken"]) or "none"],
    ]
    title = (
        f"{figure(trial['rows'])} x 96, cosine, {trial['threads']} threads for the build and one for a query"
    )
    return Table(title, ["what", "figure"], rows)
