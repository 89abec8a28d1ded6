"""How many leaves and candidates a recall will take in an index that is not there yet."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import Config, SearchParams
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.plan import CANDIDATES
from leafscan.index.tuning.judging import Judge

__all__ = ["expected_effort", "measured_effort", "scaled_effort"]

#: Without rows to look at: the share of the leaves, and the candidates for each result, by the share of
#: neighbours that may be missed. The middle of what the packaged sets took (benchmarks/LOG.md).
USUAL = {0.2: (0.007, 3.3), 0.1: (0.015, 4.5), 0.05: (0.024, 8.0), 0.01: (0.055, 20.0), 0.001: (0.2, 60.0)}

#: Of what may be missed, leaves miss so much, and codes the rest.
OF_LEAVES = 0.65

#: The ladders on which the least number is looked for.
STEP = 1.15

#: Where a small index cannot have as many leaves as the large one, more of these are to be visited, by this
#: power of how many times as many they are.
LEAVES_POWER = 0.5

#: Tuning takes so many times what a sample says, so that the low end of its interval reaches the recall, too.
MORE_LEAVES = 1.2
MORE_CANDIDATES = 1.1


def expected_effort(config: Config, recall: float, k: int) -> SearchParams:
    """Return what a recall mostly takes, of rows of which nothing is known.

    Examples
    --------
    >>> from leafscan.index.config import AsymmetricHash, Reorder, Tree
    >>> plan = Config(tree=Tree(num_leaves=1_000), score=AsymmetricHash(), reorder=Reorder())
    >>> expected_effort(plan, 0.9, 10)
    SearchParams(leaves=15, candidates=46, refined=None, upper_leaves=None, stop=None)
    """
    missed = np.array(sorted(USUAL))
    at = math.log(min(max(1 - recall, missed[0]), missed[-1]))
    share, candidates = (
        math.exp(np.interp(at, np.log(missed), np.log([USUAL[one][i] for one in missed]))) for i in (0, 1)
    )
    tree = config.tree
    return dataclasses.replace(
        config.search,
        leaves=None if tree is None else max(1, min(math.ceil(share * tree.num_leaves), tree.num_leaves)),
        candidates=None if config.reorder is None else math.ceil(candidates * k),
    )


def measured_effort(
    sections: dict[str, NDArray[Any]],
    queries: NDArray[np.float32],
    metric: Metric,
    config: Config,
    recall: float,
    k: int,
    threads: int,
) -> SearchParams:
    """Return the least that reaches a recall in a small index, which must keep its rows.

    Parameters
    ----------
    sections, config
        The index.
    queries
        (m, d) float32, C-ordered, none of them rows of the index.
    metric, recall, k, threads
        As `leafscan.plan` takes them.
    """
    engines, normalize = engine_metric(metric)
    searcher = _engine.Searcher(sections, metric=engines, dim=queries.shape[1])
    n = len(sections["order"])
    k = min(k, n)
    judge = Judge.of(searcher, queries, None, k=k, normalize=normalize, threads=threads)
    most = min(n, max(CANDIDATES, 40 * k))
    search = config.search
    leaves = search.leaves or 0

    def found(leaves: int, candidates: int) -> float:
        ids = searcher.search(
            queries,
            k,
            leaves,
            candidates,
            threads,
            normalize,
            None,
            search.refined or 0,
            search.upper_leaves or 0,
        )[0]
        return float(judge.recalls(ids).mean())

    if config.tree is not None:
        wanted = recall + (1 - OF_LEAVES) * (1 - recall)
        leaves = _least(lambda one: found(one, most) >= wanted, 1, config.tree.num_leaves)
    candidates = None
    if config.reorder is not None:
        candidates = _least(lambda one: found(leaves, one) >= recall, k, most)
    return dataclasses.replace(search, leaves=leaves or None, candidates=candidates)


def scaled_effort(found: SearchParams, small: tuple[Config, int], large: tuple[Config, int]) -> SearchParams:
    """Go on to a large index from what a small one took whose leaves are as many, or nearly.

    The rows of a sample lie among as many leaves as all rows will. Where the sample's best two stand for the
    best ten of all, each candidate stands for five.

    Parameters
    ----------
    found
        What the small one took.
    small, large
        The plan of each, and how many neighbours were asked for.

    Examples
    --------
    >>> from leafscan.index.config import AsymmetricHash, Reorder, Tree
    >>> plan = Config(tree=Tree(num_leaves=1_000), score=AsymmetricHash(), reorder=Reorder())
    >>> scaled_effort(SearchParams(leaves=8, candidates=12), (plan, 2), (plan, 10))
    SearchParams(leaves=10, candidates=66, refined=None, upper_leaves=None, stop=None)
    """
    config, k = large
    leaves, candidates = found.leaves, found.candidates
    if leaves is not None and config.tree is not None and small[0].tree is not None:
        grown = config.tree.num_leaves / small[0].tree.num_leaves
        leaves = max(1, min(math.ceil(leaves * MORE_LEAVES * grown**LEAVES_POWER), config.tree.num_leaves))
    if candidates is not None:
        candidates = max(k, math.ceil(candidates * MORE_CANDIDATES * k / small[1]))
    return dataclasses.replace(config.search, leaves=leaves, candidates=candidates)


def _least(reaches: Any, low: int, high: int) -> int:
    """Return the least rung between two numbers that reaches; the last one where none does."""
    rungs = [low]
    while rungs[-1] < high:
        rungs.append(min(high, max(rungs[-1] + 1, round(rungs[-1] * STEP))))
    below, above = -1, len(rungs) - 1
    while above - below > 1:
        middle = (below + above) // 2
        if reaches(rungs[middle]):
            above = middle
        else:
            below = middle
    return rungs[above]
