"""The tutorial's own call, head to head: four users, 100 leaves of which 30, 500 rows reordered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.crew import PeerFailedError
from benchmarks.data.dataset import DataSet
from benchmarks.lanes import Lane, open_lane
from benchmarks.peers.peer import Params, Plan
from benchmarks.places import folder
from benchmarks.recall import Judge

USERS = (10, 5, 42, 345)
LEAVES, SEARCHED, ITERATIONS, BLOCK, REORDERED = 100, 30, 12, 2, 500
K = 10
PEERS = ("leafscan", "scann-core", "scann")

# Neither SOAR nor an anisotropic threshold: the tutorial names neither.
BUILD: Params = {
    "leaves": LEAVES,
    "searched": SEARCHED,
    "block": BLOCK,
    "iterations": ITERATIONS,
    "reorder": REORDERED,
}
ASKED: Params = {"leaves": SEARCHED, "candidates": REORDERED}


@dataclass
class Contender:
    """One way to make the call.

    Attributes
    ----------
    peer, call
        Whose, and by which function.
    recall
        Of the call's parameters, over all users.
    rounds
        Median seconds of the four users' call, one for each round.
    """

    peer: str
    call: str
    lane: Lane
    params: Params
    recall: float = 0.0
    rounds: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Median of the rounds' medians."""
        return median(self.rounds)

    def record(self, best: bool) -> dict[str, Any]:
        """Return it as JSON takes it; ``best`` marks the peer's fastest call."""
        return {
            "peer": self.peer,
            "call": self.call,
            "best_of_peer": best,
            "microseconds": self.seconds * 1e6,
            "recall_at_10": self.recall,
            "rounds_microseconds": [seconds * 1e6 for seconds in self.rounds],
            "build_seconds": self.lane.build.seconds,
            "build_date": self.lane.build.date,
        }


def head_to_head(
    dataset: DataSet,
    peers: list[str],
    threads: int,
    rounds: int,
    repeats: int,
    rebuild: bool,
    complain: Callable[[str], None],
) -> list[Contender]:
    """Time the call of every peer in turn, round after round.

    Parameters
    ----------
    dataset
        The tutorial's candidates, with all users as queries in the order of their numbers from 1.
    peers
        Those of ``PEERS`` to run.
    threads
        Allowed to every call.
    rounds, repeats
        Rounds over all contenders, and calls in a row within each.
    rebuild
        Build ScaNN's indices again even where an earlier run kept them.
    complain
        Takes a sentence about a peer that is left out.
    """
    contenders: list[Contender] = []
    for peer in peers:
        try:
            lane = open_lane(dataset, peer, Plan("tutorial", BUILD), dataset.queries, rebuild)
        except PeerFailedError as error:
            complain(f"tutorial: LEFT OUT: {error}")
            continue
        if peer.startswith("scann"):
            contenders.append(Contender(peer, "search_batched_parallel", lane, {**ASKED, "parallel": True}))
            contenders.append(Contender(peer, "search_batched", lane, ASKED))
        else:
            contenders.append(Contender(peer, "search", lane, ASKED))
    try:
        return _race(dataset, contenders, threads, rounds, repeats, complain)
    finally:
        for lane in {id(c.lane): c.lane for c in contenders}.values():
            lane.crew.close()


def _race(
    dataset: DataSet,
    contenders: list[Contender],
    threads: int,
    rounds: int,
    repeats: int,
    complain: Callable[[str], None],
) -> list[Contender]:
    judge = Judge(dataset.base(), dataset.query_rows(), dataset.metric, *dataset.truth())
    ids = str(folder("scratch") / "tutorial.npy")
    rows = [user - 1 for user in USERS]
    dead: set[int] = set()
    for number in tqdm(range(rounds), desc="tutorial, rounds", leave=False, disable=None):
        # Every other round goes backwards, so that nobody always follows the same neighbour.
        for contender in contenders if number % 2 == 0 else contenders[::-1]:
            if id(contender) in dead:
                continue
            common: dict[str, Any] = {"k": K, "params": contender.params, "threads": threads}
            try:
                if number == 0:
                    contender.lane.crew.ask("all_at_once", count=dataset.queries, ids=ids, **common)
                    contender.recall = judge.recall(np.load(ids))
                reply = contender.lane.crew.ask("again_and_again", rows=rows, repeats=repeats, **common)
            except PeerFailedError as error:
                complain(f"tutorial: LEFT OUT: {error}")
                dead.add(id(contender))
                continue
            contender.rounds.append(median(reply["seconds"]))
    return [contender for contender in contenders if id(contender) not in dead]


def best_of_each(contenders: list[Contender]) -> dict[str, Contender]:
    """Return the fastest contender of every peer."""
    best: dict[str, Contender] = {}
    for contender in contenders:
        if contender.peer not in best or contender.seconds < best[contender.peer].seconds:
            best[contender.peer] = contender
    return best
