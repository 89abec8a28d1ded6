"""Turn points into the tables of a run."""

from collections.abc import Iterable

from benchmarks.data.dataset import DataSet
from benchmarks.frontier import TARGETS, qps_at
from benchmarks.lanes import Build
from benchmarks.measure import MODES, OperatingPoint, curves_of
from benchmarks.report.table import Table, figure
from benchmarks.tutorial import Contender, best_of_each

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


def set_table(datasets: Iterable[DataSet]) -> Table:
    """Say what was searched."""
    rows = [
        [d.name, d.metric, figure(d.rows), str(d.dimensions), figure(d.queries), figure(d.local_dimension, 1)]
        for d in datasets
    ]
    return Table("Data sets", ["set", "metric", "n", "d", "queries", "local dimension"], rows, names=2)


def speed_table(dataset: DataSet, points: list[OperatingPoint]) -> Table:
    """Give queries a second of every peer at every recall, then the ratios that matter."""
    summary = frontier_summary(points)
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
        f"{dataset.name} ({figure(dataset.rows)} x {dataset.dimensions}, {dataset.metric}): "
        "queries a second on one thread at recall@10"
    )
    return Table(title, headings, rows)


def build_table(dataset: DataSet, builds: list[Build]) -> Table:
    """Say what every index cost to make."""
    rows = [
        [b.peer, b.plan, figure(b.seconds, 1), *map(figure, (b.peak_mb, b.before_mb, b.disk_mb)), b.date]
        for b in builds
    ]
    threads = builds[0].threads if builds else 0
    return Table(
        f"{dataset.name}: builds on {threads} threads",
        ["peer", "index", "seconds", "peak MiB", "of which before", "disk MiB", "built"],
        rows,
        names=2,
    )


def tutorial_table(contenders: list[Contender], threads: int) -> Table:
    """Give the head-to-head, and how much longer than leafscan each call takes."""
    best = best_of_each(contenders)
    ours = best.get(OURS)
    rows = []
    for c in contenders:
        mark = "" if best[c.peer] is c else " (not its best)"
        times = figure(c.seconds / ours.seconds, 2) if ours else "-"
        rows.append([c.peer, c.call + mark, figure(c.seconds * 1e6, 1), times, figure(c.recall, 4)])
    return Table(
        f"The tutorial's call: 4 users, 100 leaves of which 30, 500 reordered, {threads} threads",
        ["peer", "call", "microseconds", "times leafscan's", "recall@10, all users"],
        rows,
        names=2,
    )
