"""One run: every set, every peer, then tables, raw points, plots and, when asked, ``RESULTS.md``."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.data import SETS
from benchmarks.data.dataset import DataSet
from benchmarks.data.packages import NotFetchedError
from benchmarks.environments import EnvironmentNotMadeError
from benchmarks.lanes import Build, Lane, open_lanes
from benchmarks.machine import describe_machine
from benchmarks.measure import Effort, Meter, OperatingPoint, choose_points, measure
from benchmarks.places import folder
from benchmarks.recall import Judge
from benchmarks.report.plot import draw
from benchmarks.report.results import TUTORIAL
from benchmarks.report.summary import (
    build_table,
    frontier_summary,
    set_table,
    speed_table,
    tutorial_table,
)
from benchmarks.report.table import Table
from benchmarks.tutorial import PEERS as TUTORIAL_PEERS
from benchmarks.tutorial import best_of_each, head_to_head

WIDE = 170


@dataclass
class Run:
    """What was asked for, and what has come of it so far.

    Attributes
    ----------
    peers
        Names of the peers.
    effort
        Points and rounds.
    queries
        Asked of each set, at most.
    rows
        Each set is cut to its first rows, if given.
    quick
        One index for each peer.
    rebuild
        Build again what an earlier run kept.
    """

    peers: list[str]
    effort: Effort
    queries: int
    rows: int | None = None
    quick: bool = False
    rebuild: bool = False
    console: Console = field(default_factory=lambda: Console(width=None if sys.stdout.isatty() else WIDE))
    complaints: list[str] = field(default_factory=list)

    def complain(self, sentence: str) -> None:
        """Print what went wrong so that it cannot be overlooked, and keep it for the report."""
        self.complaints.append(sentence)
        self.console.print(f"[bold red]{sentence}[/]", highlight=False)

    def show(self, table: Table) -> None:
        """Print a table."""
        self.console.print(table.rich())

    def fetch(self, names: Sequence[str]) -> list[DataSet]:
        """Return the sets that can be had; one that cannot is reported and left out."""
        found: list[DataSet] = []
        for name in names:
            self.console.print(f"[dim]data set {name}[/]", highlight=False)
            try:
                source = SETS[name]()
                found.append(source.first(self.rows, self.queries) if self.rows else source.whole())
            except (NotFetchedError, EnvironmentNotMadeError) as error:
                self.complain(f"{name}: DATA SET LEFT OUT: {error}")
        if found:
            self.show(set_table(map(asdict, found)))
        return found

    def sweep(self, dataset: DataSet) -> None:
        """Measure all peers on one set."""
        queries = min(self.queries, dataset.queries)
        before = len(self.complaints)
        lanes = open_lanes(
            dataset,
            self.peers,
            queries,
            self.quick,
            self.rebuild,
            self.complain,
            lambda text: self.console.print(f"[dim]{text}[/]", highlight=False),
        )
        try:
            points = self._measure(dataset, lanes, queries)
        finally:
            for lane in lanes:
                lane.crew.close()
        record = _record(dataset, points, [lane.build for lane in lanes])
        self.keep(dataset.name, record, self.complaints[before:])
        self.show(speed_table(record))
        self.show(build_table(record))
        draw(dataset, points, folder("plots") / f"{dataset.name}.png")

    def _measure(self, dataset: DataSet, lanes: list[Lane], queries: int) -> list[OperatingPoint]:
        ids, scores = dataset.truth()
        asked = dataset.query_rows()[:queries]
        judge = Judge(dataset.base(), asked, dataset.metric, ids[:queries], scores[:queries])
        meter = Meter(judge, self.effort)
        chosen = choose_points(lanes, meter, self.effort, self.complain)
        return measure(chosen, meter, self.effort, queries, self.complain)

    def tutorial(self, dataset: DataSet, threads: int, rounds: int, repeats: int) -> None:
        """Run the tutorial's call head to head."""
        peers = [peer for peer in self.peers if peer in TUTORIAL_PEERS]
        before = len(self.complaints)
        contenders = head_to_head(dataset, peers, threads, rounds, repeats, self.rebuild, self.complain)
        best = best_of_each(contenders)
        record = {"threads": threads, "contenders": [c.record(best[c.peer] is c) for c in contenders]}
        self.keep(TUTORIAL, record, self.complaints[before:])
        self.show(tutorial_table(record))

    def keep(self, name: str, record: dict[str, Any], complaints: list[str]) -> None:
        """Write one record as JSON as soon as it is there, so that an interrupted run leaves its points."""
        content = {"machine": describe_machine(), "complaints": complaints, "results": {name: record}}
        (folder("raw") / f"{name}.json").write_text(json.dumps(content, indent=1, default=_plain))


def _record(dataset: DataSet, points: list[OperatingPoint], builds: list[Build]) -> dict[str, Any]:
    return {
        "dataset": asdict(dataset),
        "frontier": frontier_summary(points),
        "points": [point.record() for point in points],
        "builds": [asdict(build) for build in builds],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not go into JSON")
