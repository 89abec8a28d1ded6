"""Indices ready to be asked: built now, or loaded from an earlier run."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.crew import Crew, PeerFailedError
from benchmarks.data.dataset import DataSet
from benchmarks.environments import EnvironmentNotMadeError
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Plan, Shape
from benchmarks.places import folder

BUILD_THREADS = 2


@dataclass(frozen=True)
class Build:
    """What building one index took.

    Attributes
    ----------
    peer, plan
        Whose index, and which.
    seconds, peak_mb, before_mb, disk_mb
        Time, peak resident memory of the process during the build, the same before it (the libraries and
        the float32 input), and bytes on disk in MiB.
    threads
        Allowed to the build.
    date
        When; earlier than the run for an index that was kept.
    """

    peer: str
    plan: str
    seconds: float
    peak_mb: float
    before_mb: float
    disk_mb: float
    threads: int
    date: str


@dataclass
class Lane:
    """One index of one peer in its worker."""

    peer: str
    plan: Plan
    crew: Crew
    build: Build


def shape_of(dataset: DataSet) -> Shape:
    """Return what peers may know of a data set."""
    return Shape(dataset.rows, dataset.dimensions, dataset.metric, dataset.neighbour_norm)


def open_lane(dataset: DataSet, peer: str, plan: Plan, queries: int, rebuild: bool = False) -> Lane:
    """Start a worker whose index is ready and which holds the queries.

    Raises
    ------
    PeerFailedError
        When the peer cannot be installed, built or loaded.
    """
    kept = PEERS[peer].keeps_index
    key = json.dumps([peer, PEERS[peer].requirements, plan.build, BUILD_THREADS], sort_keys=True)
    place = (
        folder("index", f"{dataset.name}-{dataset.fingerprint}")
        / f"{peer}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    )
    record = place / "build.json"
    if rebuild or not kept or not record.exists():
        shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    try:
        crew = Crew(peer, f"{dataset.name}-{place.name}")
    except EnvironmentNotMadeError as error:
        raise PeerFailedError(f"{peer}: {error}") from error
    try:
        if record.exists():
            crew.ask("load", path=str(place / "index"), shape=asdict(shape_of(dataset)), params=plan.build)
            build = Build(**{**json.loads(record.read_text()), "plan": plan.label})
        else:
            took = crew.ask(
                "build",
                base=str(dataset.base_file),
                metric=dataset.metric,
                params=plan.build,
                threads=BUILD_THREADS,
                save=str(place / "index"),
            )
            build = Build(peer, plan.label, threads=BUILD_THREADS, date=time.strftime("%Y-%m-%d"), **took)
            if kept:
                record.write_text(json.dumps(asdict(build)))
            else:
                shutil.rmtree(place)
        crew.ask("take_queries", path=str(dataset.queries_file), count=queries)
    except PeerFailedError:
        crew.close()
        raise
    return Lane(peer, plan, crew, build)


def open_lanes(
    dataset: DataSet,
    peers: list[str],
    queries: int,
    quick: bool,
    rebuild: bool,
    complain: Callable[[str], None],
    note: Callable[[str], Any],
) -> list[Lane]:
    """Open every index of every peer, one after the other; one that fails is reported and left out."""
    lanes: list[Lane] = []
    for peer in peers:
        for plan in PEERS[peer].plans(shape_of(dataset), quick):
            note(f"{dataset.name}: {peer}, {plan.label}")
            try:
                lanes.append(open_lane(dataset, peer, plan, queries, rebuild))
            except PeerFailedError as error:
                complain(f"{dataset.name}: LEFT OUT: {error}")
    return lanes
