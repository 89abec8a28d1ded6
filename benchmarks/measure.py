"""Measure every operating point of every peer, interleaved, one worker computing at a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from benchmarks.crew import PeerFailedError
from benchmarks.frontier import Point, near_frontier
from benchmarks.lanes import Lane
from benchmarks.peers.peer import Params
from benchmarks.places import folder
from benchmarks.recall import Judge
from benchmarks.rungs import choose_rungs, wanted_recalls

Mode = Literal["single", "batched"]
MODES: tuple[Mode, ...] = ("single", "batched")
WORTH_REPEATING = 0.7
SINGLE_SECONDS = 1.0
FOREVER = 1e9  # JSON knows no infinity.
ONE_THREAD_CPU = 1.25


@dataclass
class Timing:
    """All rounds of one point in one mode: queries a second, processor seconds a wall second, recall."""

    recall: float = 0.0
    qps: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def point(self) -> Point:
        """Recall and the median speed."""
        return Point(self.recall, median(self.qps))


@dataclass
class OperatingPoint:
    """One rung of one ladder of one index; ``ladder`` is its number among the plan's."""

    lane: Lane
    ladder: int
    params: Params
    timings: dict[Mode, Timing] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "peer": self.lane.peer,
            "plan": self.lane.plan.label,
            "ladder": self.ladder,
            "params": self.params,
            **{
                mode: {"recall": t.recall, "qps": t.point.qps, "qps_rounds": t.qps, "cpu_share": t.cpu}
                for mode, t in self.timings.items()
            },
        }


@dataclass
class Effort:
    """How much to measure.

    Attributes
    ----------
    k
        Neighbours asked for.
    points
        Operating points of each peer.
    rounds
        Times a point near its peer's frontier is measured; the others are measured once.
    probe
        Queries that tell the recall of a rung while points are chosen.
    patience
        Seconds that a point may take in one mode; a slow one then answers the first queries alone.
    """

    k: int = 10
    points: int = 24
    rounds: int = 3
    probe: int = 500
    patience: float = inf


class Meter:
    """Asks one point in one mode and keeps what came."""

    def __init__(self, judge: Judge, effort: Effort) -> None:
        self.judge, self.effort = judge, effort
        self._ids = str(folder("scratch") / "answers.npy")

    def probe(self, lane: Lane, params: Params) -> float:
        """Return the recall of a rung over a few queries."""
        arguments: dict[str, Any] = {"threads": 1, "count": self.effort.probe, "ids": self._ids}
        lane.crew.ask("all_at_once", k=self.effort.k, params=params, **arguments)
        return self.judge.recall(np.load(self._ids))

    def whole(self, point: OperatingPoint, mode: Mode, queries: int) -> None:
        """Ask all queries, or as many as patience allows; the recall and the first round of the speed."""
        reply = self._ask(point, mode, 0, self.effort.patience, self._allowed(point, queries))
        timing = point.timings.setdefault(mode, Timing())
        timing.recall = self.judge.recall(np.load(self._ids))
        self._keep(timing, reply)

    def again(self, point: OperatingPoint, mode: Mode, first: int, queries: int) -> None:
        """Ask for another round: all queries in a batch, or a second's worth one by one."""
        seconds = min(SINGLE_SECONDS, self.effort.patience)
        self._keep(point.timings[mode], self._ask(point, mode, first, seconds, self._allowed(point, queries)))

    def _allowed(self, point: OperatingPoint, queries: int) -> int:
        """Return how many queries a batch may have, going by the speed of one query a call."""
        single = point.timings.get("single")
        if single is None or self.effort.patience == inf:
            return queries
        return min(queries, max(self.effort.probe, round(single.point.qps * self.effort.patience)))

    def _ask(
        self, point: OperatingPoint, mode: Mode, first: int, seconds: float, queries: int
    ) -> dict[str, Any]:
        common: dict[str, Any] = {"k": self.effort.k, "params": point.params, "ids": self._ids}
        if mode == "single":
            seconds = min(seconds, FOREVER)
            return point.lane.crew.ask("one_by_one", first=first, seconds=seconds, **common)
        return point.lane.crew.ask("all_at_once", threads=1, count=queries, **common)

    @staticmethod
    def _keep(timing: Timing, reply: dict[str, Any]) -> None:
        timing.qps.append(reply["queries"] / reply["seconds"])
        timing.cpu.append(reply["cpu"] / reply["seconds"])


def choose_points(
    lanes: list[Lane], meter: Meter, effort: Effort, complain: Callable[[str], None]
) -> list[list[OperatingPoint]]:
    """Return each peer's points; all peers get the same number, on the recalls that matter."""
    by_peer: dict[str, list[tuple[Lane, int]]] = {}
    for lane in lanes:
        by_peer.setdefault(lane.peer, []).extend((lane, i) for i in range(len(lane.plan.ladders)))
    chosen: list[list[OperatingPoint]] = []
    for peer, ladders in by_peer.items():
        points: list[OperatingPoint] = []
        for number, (lane, which) in enumerate(
            tqdm(ladders, desc=f"choosing points of {peer}", leave=False, disable=None)
        ):
            ladder = lane.plan.ladders[which]
            share = effort.points * (number + 1) // len(ladders) - effort.points * number // len(ladders)

            def recall_of(rung: int, lane: Lane = lane, ladder: Sequence[Params] = ladder) -> float:
                return meter.probe(lane, ladder[rung])

            try:
                rungs = choose_rungs(len(ladder), recall_of, wanted_recalls(share))
            except PeerFailedError as error:
                complain(f"LEFT OUT: {lane.plan.label} of {error}")
                continue
            points.extend(OperatingPoint(lane, which, ladder[rung]) for rung in rungs)
        chosen.append(points)
    return chosen


def measure(
    chosen: list[list[OperatingPoint]],
    meter: Meter,
    effort: Effort,
    queries: int,
    complain: Callable[[str], None],
) -> list[OperatingPoint]:
    """Measure the points: the first of every peer, then the second of every peer, and so on.

    The first round asks every point with all queries. Later rounds repeat those near their own peer's
    frontier, since only these are read, from another query on each time.
    """
    order = [peer[i] for i in range(max(map(len, chosen), default=0)) for peer in chosen if i < len(peer)]
    dead: set[str] = set()
    for number in range(effort.rounds):
        again = {mode: order if number == 0 else _worth_repeating(order, mode) for mode in MODES}
        wanted = {(id(point), mode) for mode in MODES for point in again[mode]}
        work = [(point, mode) for point in order for mode in MODES if (id(point), mode) in wanted]
        title = f"round {number + 1} of {effort.rounds}"
        for point, mode in tqdm(work, desc=title, leave=False, disable=None):
            if point.lane.peer in dead:
                continue
            try:
                if number == 0:
                    meter.whole(point, mode, queries)
                else:
                    meter.again(point, mode, queries * number // effort.rounds, queries)
            except PeerFailedError as error:
                complain(f"STOPPED: {error}")
                dead.add(point.lane.peer)
    done = [point for point in order if set(point.timings) == set(MODES)]
    greedy = {p.lane.peer for p in done for t in p.timings.values() if max(t.cpu) > ONE_THREAD_CPU}
    for peer in sorted(greedy):
        complain(f"{peer} used more than one thread's processor time in a single-threaded measurement.")
    return done


def curves_of(points: Iterable[OperatingPoint], mode: Mode) -> dict[str, list[list[Point]]]:
    """Return, for each peer, the curve of each ladder of each index in one mode."""
    curves: dict[str, dict[tuple[str, int], list[Point]]] = {}
    for point in points:
        if mode in point.timings:
            ladder = (point.lane.plan.label, point.ladder)
            curves.setdefault(point.lane.peer, {}).setdefault(ladder, []).append(point.timings[mode].point)
    return {peer: list(ladders.values()) for peer, ladders in curves.items()}


def _worth_repeating(points: list[OperatingPoint], mode: Mode) -> list[OperatingPoint]:
    curves = curves_of(points, mode)
    return [
        point
        for point in points
        if mode in point.timings
        and near_frontier(point.timings[mode].point, curves[point.lane.peer], WORTH_REPEATING)
    ]
