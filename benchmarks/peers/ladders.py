"""Ladders of rising effort, shared by the peers so that each family is asked in the same way."""

from math import sqrt

import numpy as np

from benchmarks.peers.peer import Params

RUNGS = 48


def steps(low: float, high: float, rungs: int = RUNGS) -> list[int]:
    """Return whole numbers spaced geometrically from ``low`` to ``high``."""
    return [max(1, round(x)) for x in np.geomspace(low, max(low, high), rungs)]


def tree_ladders(
    leaves: int, lean: tuple[int, int] = (20, 400), rich: tuple[int, int] = (60, 1500)
) -> tuple[list[Params], list[Params]]:
    """Return two ladders for a tree with codes: few rows reranked for the leaves read, and many.

    Both go from about 1/500 of the leaves to 6/10; the rows to rerank rise with the leaves.
    """
    searched = steps(max(1.0, leaves / 500), 0.6 * leaves)
    return tuple(  # type: ignore[return-value]
        [{"leaves": n, "candidates": c} for n, c in zip(searched, steps(*span), strict=True)]
        for span in (lean, rich)
    )


def graph_ladder(most: int = 3000) -> list[Params]:
    """Return a ladder of ``ef``, the length of a graph search's list."""
    return [{"ef": ef} for ef in steps(10, most)]


def square_root_leaves(rows: int) -> int:
    """Return sqrt(n), the usual advice for a tree's leaves."""
    return max(1, round(sqrt(rows)))


def fine_leaves(rows: int) -> int:
    """Return 4 sqrt(n), at most 2,000: the finest tree that ScaNN's published settings use."""
    return max(1, min(2000, round(4 * sqrt(rows))))
