"""How well an index answers."""

from typing import SupportsIndex

from numpy.typing import ArrayLike

from leafscan.index.evaluation.evaluation import Evaluation
from leafscan.index.evaluation.points import measure_points, parameters_around
from leafscan.index.evaluation.score_errors import measure_score_errors
from leafscan.index.evaluation.still import Still, still
from leafscan.index.evaluation.truth import Truth, learn_truth, search_others
from leafscan.index.evaluation.worst import blame, worst_queries
from leafscan.index.leaves import examine_leaves
from leafscan.index.numbers import real_number, whole_number
from leafscan.index.progress import Progress, reporting
from leafscan.index.readable import ReadableIndex
from leafscan.index.threads import check_threads
from leafscan.index.tuning.likeness import farther, nearness

__all__ = ["evaluate"]


def evaluate(
    index: ReadableIndex,
    queries: ArrayLike | None = None,
    *,
    k: SupportsIndex = 10,
    count: SupportsIndex = 1_000,
    worst: SupportsIndex = 20,
    confidence: float = 0.95,
    seed: SupportsIndex = 1,
    threads: SupportsIndex | None = None,
    progress: Progress | bool | None = None,
) -> Evaluation:
    """Compare what an index answers with what is exact, with its default parameters and with others.

    The exact answers come from the rows that the index keeps, every one of them scored. It measures the
    version that is current when it begins, whatever updates come meanwhile.

    Parameters
    ----------
    index
        An index that keeps rows.
    queries
        (q, d) real numbers, as those that will be asked. None takes rows of the index, each of which is never
        its own answer; where queries are unlike rows (of two towers, say), only real ones tell.
    k
        How many answers count, at least 1 and below the number of rows.
    count
        How many queries are used at most, at least 1; from more, so many are taken evenly.
    worst
        How many of the queries with the lowest recall are told, from 0.
    confidence
        Of each end of the intervals of recall, at least 0.5 and below 1.
    seed
        Chooses the rows that are queries, from 0 to 2**64 - 1.
    threads
        As `leafscan.build` takes them. Times are of one thread.
    progress
        As `leafscan.build` takes it.

    Returns
    -------
    Evaluation
        Recall and time of the default and of parameters around it, the worst queries, why answers were
        missed, the sizes of leaves and the errors of codes.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    ValueError
        If a shape or a value is wrong, or the plan of the index keeps no rows to compare with.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> plan = leafscan.Config(
    ...     tree=leafscan.Tree(num_leaves=20), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder(),
    ...     search=leafscan.SearchParams(leaves=20, candidates=400),
    ... )
    >>> index = leafscan.build(rng.normal(size=(2_000, 8)), metric="squared_l2", config=plan)
    >>> found = leafscan.evaluate(index, k=5, count=100)
    >>> found.default.recall, found.given, len(found.recalls), found.worst
    (1.0, False, 100, ())
    """
    if not isinstance(index, ReadableIndex):
        raise TypeError(f"index must be a leafscan.Index; received {index!r:.80} ({type(index).__name__}).")
    if index.config.row_dtype is None:
        raise ValueError(
            "the plan of this index keeps no rows, so there is nothing exact to compare with: build it with "
            "reorder=Reorder()."
        )
    k = whole_number(k, "k", low=1, high=2**31 - 1)
    count = whole_number(count, "count", low=1, high=2**31 - 1)
    worst = whole_number(worst, "worst", low=0, high=2**31 - 1)
    seed = whole_number(seed, "seed", low=0, high=2**64 - 1)
    confidence = real_number(confidence, "confidence", low=0.5)
    if confidence >= 1:
        raise ValueError(f"confidence must be at least 0.5 and below 1; received {confidence}.")
    threads = check_threads(threads)
    if not len(index):
        raise ValueError("the index has no vector at all.")
    held = still(index)
    if k >= len(held.names) + (queries is not None):
        raise ValueError(
            f"k must be below the number of rows that may be answers, {len(held.names):,}; received {k}."
        )
    with reporting(progress) as report:
        truth = learn_truth(held, queries, k=k, count=count, seed=seed, threads=threads, report=report)
        asked = parameters_around(held.contents.config, k)
        points = measure_points(held, truth, asked, confidence=confidence, threads=threads, report=report)
        if report is not None:
            report("looking at what was missed", 0, 0)
        hits = truth.hits(*search_others(held, truth, held.contents.config.search, threads))
        visited = blame(held, truth, hits)
        missed = ~hits & (truth.names >= 0)
        return Evaluation(
            k=k,
            queries=len(truth.queries),
            given=queries is not None,
            confidence=confidence,
            default=points[0],
            points=tuple(sorted(points, key=lambda point: (point.latency_us, -point.recall))),
            recalls=truth.recalls(hits),
            worst=worst_queries(held, truth, hits, visited, most=worst),
            unvisited=int((missed & ~visited).sum()),
            outscored=int((missed & visited).sum()),
            leaves=examine_leaves(held.index),
            farther=_farther(held, truth) if queries is not None else None,
            score_errors=measure_score_errors(held, truth, threads=threads),
        )


def _farther(held: Still, truth: Truth) -> float | None:
    tuning = held.contents.tuning
    if tuning is None or tuning.k != truth.k:
        return None
    near = nearness(truth.queries, truth.scores[:, -1], held.contents.metric)
    return farther(near, tuning.curve.nearness)
