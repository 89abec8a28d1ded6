"""Which queries found least, and where what they missed lies."""

import numpy as np
from numpy.typing import NDArray

from leafscan.index.evaluation.evaluation import Missed, WorstQuery
from leafscan.index.evaluation.still import Still
from leafscan.index.evaluation.truth import Truth

__all__ = ["blame", "worst_queries"]

#: So many leaves of queries are held at a time, as integers.
CELLS = 4_000_000


def blame(held: Still, truth: Truth, hits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of each answer whether a leaf that lists it was visited with the default parameters.

    Parameters
    ----------
    held
        What was searched.
    truth
        Queries, and their exact answers.
    hits
        (q, k) which of them were found.

    Returns
    -------
    NDArray[np.bool_]
        (q, k); true where there is no tree, and where an answer was found.
    """
    visited = np.ones_like(hits)
    sections, tree = held.contents.sections, held.contents.config.tree
    missed = ~hits & (truth.names >= 0)
    if tree is None or not missed.any():
        return visited
    leaves, _, _, upper, _ = held.knobs(held.contents.config.search)
    wanted, at = np.nonzero(missed)
    rows = held.rows_of(truth.names[wanted, at])
    homes = [np.searchsorted(sections["leaf_offsets"], rows, side="right") - 1]
    if "spill_rows" in sections:
        homes.append(_second_leaves(held, rows))
    asked = np.unique(wanted)
    step = max(1, CELLS // max(1, leaves))
    for start in range(0, len(asked), step):
        some = asked[start : start + step]
        queries = truth.queries[some]
        if held.normalize:
            lengths = np.linalg.norm(queries, axis=1, keepdims=True)
            queries = np.divide(queries, lengths, out=np.zeros_like(queries), where=lengths > 0)
        routes = held.searcher.route(np.ascontiguousarray(queries), leaves, upper)
        mine = np.flatnonzero((wanted >= some[0]) & (wanted <= some[-1]))
        route = routes[np.searchsorted(some, wanted[mine])]
        seen = np.zeros(len(mine), np.bool_)
        for home in homes:
            seen |= (route == home[mine, None]).any(axis=1)
        visited[wanted[mine], at[mine]] = seen
    return visited


def _second_leaves(held: Still, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return in which leaf each row is listed a second time; -1 where in none."""
    sections = held.contents.sections
    offsets, live = sections["spill_offsets"].astype(np.int64), sections["spill_live"]
    # Each leaf begins a group of its own; `spill_offsets` counts points, and groups hold 32.
    groups = -(-np.diff(offsets) // 32)
    leaf_of_group = np.repeat(np.arange(len(groups)), groups)
    there = (live[:, None] >> np.arange(32, dtype=np.uint32)) & 1 == 1
    second = np.full(len(held.names), -1, np.int64)
    group, _ = np.nonzero(there)
    second[sections["spill_rows"][there]] = leaf_of_group[group]
    found: NDArray[np.int64] = second[rows]
    return found


def worst_queries(
    held: Still,
    truth: Truth,
    hits: NDArray[np.bool_],
    visited: NDArray[np.bool_],
    *,
    most: int,
) -> tuple[WorstQuery, ...]:
    """Choose the queries with the lowest recall.

    Parameters
    ----------
    held, truth, hits
        As in `blame`.
    visited
        What it returned.
    most
        So many at most.

    Returns
    -------
    tuple of WorstQuery
        The worst first; none that found everything.
    """
    recalls = truth.recalls(hits)
    chosen = [int(query) for query in np.argsort(recalls, kind="stable")[:most] if recalls[query] < 1]
    return tuple(
        WorstQuery(
            query=held.id_of(int(truth.itself[query])) if truth.itself[query] >= 0 else query,
            recall=float(recalls[query]),
            missed=tuple(
                Missed(
                    id=held.id_of(int(truth.names[query, rank])),
                    rank=int(rank) + 1,
                    visited=bool(visited[query, rank]),
                )
                for rank in np.flatnonzero(~hits[query] & (truth.names[query] >= 0))
            ),
            best=float(truth.scores[query, 0]),
        )
        for query in chosen
    )
