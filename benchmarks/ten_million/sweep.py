"""The search parameters that reach a recall soonest, measured on queries that are not the judged ones."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import leafscan
from benchmarks.data.dataset import Matrix
from benchmarks.peers.ladders import steps
from benchmarks.recall import Judge
from benchmarks.rungs import choose_rungs

CANDIDATES = (100, 200, 400, 800)

#: By how many standard errors of the tuning queries' recall their mean must lie above what is promised.
CONFIDENCE = 3.0

#: Queries whose time ranks what reaches the recall.
TIMED = 300


class Tried(NamedTuple):
    """One setting: its recall, the least that it promises for other queries, and its median time."""

    params: leafscan.SearchParams
    recall: float
    promised: float
    seconds: float


def sweep(
    index: leafscan.Index,
    queries: Matrix,
    judge: Judge,
    k: int,
    recall: float,
    threads: int,
    tell: Callable[[Tried], object] | None = None,
) -> list[Tried]:
    """Return for several numbers of candidates the fewest leaves that promise a recall, quickest first.

    Parameters
    ----------
    index
        With a tree.
    queries, judge
        The tuning queries, and the judge of their answers.
    k, recall
        Neighbours, and what share of them is wanted.
    threads
        For the batches that tell the recall; times are taken on one thread.
    tell
        Told of each setting when it is known.

    Returns
    -------
    list of Tried
        Those that promise the recall. Without any, the most thorough setting alone.
    """
    tree = index.config.tree
    if tree is None:
        raise ValueError("index must have a tree; received one that searches exactly.")
    leaves = sorted(set(steps(1, tree.num_leaves, 60)))
    tried: list[Tried] = []
    for candidates in CANDIDATES:
        ladder = [leafscan.SearchParams(leaves=n, candidates=candidates) for n in leaves]

        def recalls(params: leafscan.SearchParams) -> tuple[float, float]:
            found = index.search(queries, k=k, params=params, threads=threads).ids
            return mean_and_promise(judge.hits(found) / k)

        def promised(rung: int, ladder: list[leafscan.SearchParams] = ladder) -> float:
            return recalls(ladder[rung])[1]

        (rung,) = choose_rungs(len(ladder), promised, [recall])
        params = ladder[rung]
        seconds = float(np.median(one_by_one(index, queries[:TIMED], k, params)[1]))
        tried.append(Tried(params, *recalls(params), seconds))
        if tell is not None:
            tell(tried[-1])
    good = sorted((t for t in tried if t.promised >= recall), key=lambda t: t.seconds)
    return good or [max(tried, key=lambda t: t.recall)]


def mean_and_promise(shares: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean of the queries' recalls, and what other queries will hardly fall short of."""
    mean = float(shares.mean())
    return mean, mean - CONFIDENCE * float(shares.std()) / float(np.sqrt(len(shares)))


def one_by_one(
    index: leafscan.Index, queries: Matrix, k: int, params: leafscan.SearchParams
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ask one query a call on one thread; return the ids, (queries, k), and each call's seconds."""
    search, clock = index.search, time.perf_counter
    found: list[NDArray[np.int64]] = []
    seconds = np.empty(len(queries))
    for i, query in enumerate(list(queries)):
        start = clock()
        answer = search(query, k=k, params=params, threads=1)
        seconds[i] = clock() - start
        found.append(answer.ids)
    return np.stack(found), seconds
