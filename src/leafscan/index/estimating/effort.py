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

__all__ = ["expected_effort", "measured_effort", "scaled_effort"]

#: Without rows to look at: the share of the leaves, and the candidates for each result, by the share of
#: neighbours that may be missed. The middle of what the packaged sets took (benchmarks/LOG.md).
USUAL = {0.2: (0.008, 4.0), 0.1: (0.016, 6.0), 0.05: (0.03, 8.0), 0.01: (0.09, 16.0), 0.001: (0.3, 50.0)}

#: Of what may be missed, leaves miss so much, and codes the rest.
OF_LEAVES = 0.65

#: The ladders on which the least number is looked for.
STEP = 1.15

#: With the same leaves' fill, so many times the rows take at least and at most this power of it.
LEAVES_POWER = (0.25, 0.85)
CANDIDATES_POWER = (0.0, 0.6)


def expected_effort(config: Config, recall: float, k: int) -> SearchParams:
    """Return what a recall mostly takes, of rows of which nothing is known.

    Examples
    --------
    >>> from leafscan.index.config import AsymmetricHash, Reorder, Tree
    >>> plan = Config(tree=Tree(num_leaves=1_000), score=AsymmetricHash(), reorder=Reorder())
    >>> expected_effort(plan, 0.9, 10)
    SearchParams(leaves=16, candidates=60, refined=None, upper_leaves=None, stop=None)
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
    truth = searcher.search_exactly(queries, k, threads, normalize)[0]
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
        return float(
            np.mean([len(np.intersect1d(one, other)) for one, other in zip(ids, truth, strict=True)]) / k
        )

    if config.tree is not None:
        wanted = recall + (1 - OF_LEAVES) * (1 - recall)
        leaves = _least(lambda one: found(one, most) >= wanted, 1, config.tree.num_leaves)
    candidates = None
    if config.reorder is not None:
        candidates = _least(lambda one: found(leaves, one) >= recall, k, most)
    return dataclasses.replace(search, leaves=leaves or None, candidates=candidates)


def scaled_effort(
    small: tuple[int, SearchParams], large: tuple[int, SearchParams], n: int, config: Config
) -> SearchParams:
    """Go on to n rows from what two numbers of them took, with leaves as full.

    Examples
    --------
    >>> from leafscan.index.config import AsymmetricHash, Reorder, Tree
    >>> plan = Config(tree=Tree(num_leaves=1_000), score=AsymmetricHash(), reorder=Reorder())
    >>> few, more = SearchParams(leaves=4, candidates=50), SearchParams(leaves=8, candidates=50)
    >>> scaled_effort((1_000, few), (4_000, more), 16_000, plan)
    SearchParams(leaves=16, candidates=50, refined=None, upper_leaves=None, stop=None)
    """
    grown, seen = math.log(n / large[0]), math.log(large[0] / small[0])

    def further(before: int | None, now: int | None, powers: tuple[float, float], most: int) -> int | None:
        if before is None or now is None:
            return None
        power = min(max(math.log(now / before) / seen, powers[0]), powers[1])
        return max(1, min(round(now * math.exp(power * grown)), most))

    leaves = 0 if config.tree is None else config.tree.num_leaves
    return dataclasses.replace(
        config.search,
        leaves=further(small[1].leaves, large[1].leaves, LEAVES_POWER, leaves),
        candidates=further(small[1].candidates, large[1].candidates, CANDIDATES_POWER, n),
    )


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
