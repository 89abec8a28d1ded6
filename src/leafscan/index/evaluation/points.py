"""What an index reaches with several search parameters, and in what time."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import AsymmetricHash, Config, SearchParams
from leafscan.index.evaluation.still import Still
from leafscan.index.evaluation.truth import Truth, search_others
from leafscan.index.progress import Progress
from leafscan.index.tuning.interval import recall_interval
from leafscan.index.tuning.points import OperatingPoint
from leafscan.index.tuning.stopwatch import microseconds

__all__ = ["measure_points", "parameters_around"]

#: From a sixteenth of the default leaves to eight times as many, and fewer candidates or as many.
LEAVES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
CANDIDATES = (1 / 3, 1, 3)

#: Each time is the least of so many rounds.
ROUNDS = 6


def parameters_around(config: Config, k: int) -> list[SearchParams]:
    """Return the default parameters of a plan and others around them, each once.

    Parameters
    ----------
    config
        A resolved plan.
    k
        Fewer candidates than this make no difference.

    Returns
    -------
    list of SearchParams
        The default first.

    Examples
    --------
    >>> from leafscan import Tree
    >>> plan = Config(tree=Tree(num_leaves=40), search=SearchParams(leaves=10))
    >>> [params.leaves for params in parameters_around(plan, 10)]
    [10, 1, 2, 5, 20, 40]
    """
    default = config.search
    leaves: list[int | None] = [default.leaves]
    candidates: list[int | None] = [default.candidates]
    if config.tree is not None and default.leaves is not None:
        most = config.tree.num_leaves
        leaves = [min(most, max(1, int(default.leaves * share))) for share in LEAVES]
    if isinstance(config.score, AsymmetricHash) and default.candidates is not None:
        candidates = [max(k, int(default.candidates * share)) for share in CANDIDATES]
    around = [
        dataclasses.replace(default, leaves=some, candidates=many) for some in leaves for many in candidates
    ]
    return list(dict.fromkeys([default, *around]))


def measure_points(
    held: Still,
    truth: Truth,
    asked: list[SearchParams],
    *,
    confidence: float,
    threads: int,
    report: Progress | None,
) -> list[OperatingPoint]:
    """Measure recall over all queries, and the time of one query a call on one thread.

    Parameters
    ----------
    held, truth
        What is searched, for what.
    asked
        The parameters.
    confidence
        Of each end of the intervals.
    threads
        For the batches that tell recall.
    report
        Receives (stage, done, total).

    Returns
    -------
    list of OperatingPoint
        In the order of ``asked``.
    """
    recalls: list[NDArray[np.float64]] = []
    for place, params in enumerate(asked):
        recalls.append(truth.recalls(truth.hits(*search_others(held, truth, params, threads))))
        if report is not None:
            report("measuring recall", place + 1, len(asked))
    least = [float("inf")] * len(asked)
    # In turns, so that what the machine does besides befalls all of them alike.
    for round_ in range(ROUNDS):
        for place, params in enumerate(asked):
            least[place] = min(least[place], _time(held, truth, params))
            if report is not None:
                report("measuring time", round_ * len(asked) + place + 1, ROUNDS * len(asked))
    points = []
    for params, of_each, latency in zip(asked, recalls, least, strict=True):
        recall, low, high = recall_interval(of_each, truth.k, confidence)
        points.append(OperatingPoint(params=params, recall=recall, low=low, high=high, latency_us=latency))
    return points


def _time(held: Still, truth: Truth, params: SearchParams) -> float:
    """Return microseconds a query."""
    leaves, candidates, refined, upper, stop = held.knobs(params)
    search, k, normalize = held.searcher.search, truth.asked, held.normalize
    return microseconds(
        lambda query: search(query, k, leaves, candidates, 1, normalize, None, refined, upper, stop),
        truth.queries,
    )
