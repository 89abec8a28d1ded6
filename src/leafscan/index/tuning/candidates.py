"""Which plans are worth a try for a set of rows.

The numbers that are choices stand at the top, each with its reason (benchmarks/LOG.md has the sweeps).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import AsymmetricHash, BruteForce, Config, Reorder, SearchParams
from leafscan.index.config.row_dtype import RowDtype
from leafscan.index.layout import expected_nbytes
from leafscan.index.metric import Metric
from leafscan.index.plan import CANDIDATES, planned, resolve
from leafscan.index.tuning.limits import Limits

__all__ = ["exact_plan", "first_plan", "other_plans", "row_types"]

#: Below this many rows exact search answers in the time that a call takes, and nothing else is tried.
EXACT_ALWAYS = 500

#: Up to this many rows codes without leaves are tried: scanning them all takes some ten microseconds.
HASH_ALONE_UP_TO = 30_000

#: For cosine and squared_l2 so many times the leaves of a plan that is not tuned: with exactly as many
#: candidates as it takes, half of the leaves are as quick as .7 of them or up to 4 % quicker on SIFT and
#: GloVe-100, and are built and tuned in less time; for dot products (the tutorial's) they were up to half as
#: quick.
COARSER = 0.5

#: Rows in bfloat16 are tried from this many dimensions on, where a row is more than two cache lines.
SHORT_ROWS_FROM = 32


def exact_plan(dtype: RowDtype = "float32") -> Config:
    """Return exact search."""
    return Config(score=BruteForce(dtype=dtype))


def first_plan(rows: NDArray[np.float32], metric: Metric, k: int, limits: Limits) -> Config | None:
    """Return the plan that is tried first: what a build without a recall makes, with a tree however few rows.

    Parameters
    ----------
    rows
        (n, d).
    metric
        "dot_product", "cosine" or "squared_l2".
    k
        How many neighbours count.
    limits
        Rows are kept in the largest type that they allow.

    Returns
    -------
    Config or None
        Resolved; None where there is nothing but exact search to try.
    """
    n, dim = rows.shape
    if n < max(EXACT_ALWAYS, 4 * k):
        return None
    plan = resolve(_coarser(planned(rows, metric, exact_below=0), metric), rows, metric)
    kept: tuple[Reorder | None, ...] = (
        plan.reorder,
        Reorder(dtype="bfloat16"),
        Reorder(dtype="int8"),
        None,
    )
    for reorder in kept:
        smaller = _keeping(plan, reorder)
        if limits.fits(expected_nbytes(smaller, n, dim, metric)):
            return smaller
    return None


def other_plans(first: Config, rows: NDArray[np.float32], metric: Metric) -> Iterator[Config]:
    """Give plans that need a build of their own, the most promising first."""
    n = len(rows)
    if n <= HASH_ALONE_UP_TO and isinstance(first.score, AsymmetricHash):
        search = SearchParams(candidates=first.search.candidates)
        yield resolve(Config(score=first.score, reorder=first.reorder, search=search), rows, metric)


def row_types(config: Config, dim: int) -> Iterator[Reorder]:
    """Give other ways to keep the rows of a plan that reorders, which need no other leaves or codes."""
    if config.reorder is None or config.reorder.dtype != "float32":
        return
    yield replace(config.reorder, first_dtype="int8")
    if dim >= SHORT_ROWS_FROM:
        yield replace(config.reorder, dtype="bfloat16", first_dtype=None)


def _coarser(plan: Config, metric: Metric) -> Config:
    """Take fewer leaves than a plan that is not tuned has, where sweeps found that to be quicker."""
    if plan.tree is None or metric == "dot_product":
        return plan
    leaves = max(1, round(COARSER * plan.tree.num_leaves))
    searched = None if plan.search.leaves is None else max(1, round(COARSER * plan.search.leaves))
    return replace(
        plan,
        tree=replace(plan.tree, num_leaves=leaves),
        search=replace(plan.search, leaves=searched),
    )


def _keeping(plan: Config, reorder: Reorder | None) -> Config:
    candidates = None if reorder is None else plan.search.candidates or CANDIDATES
    return replace(plan, reorder=reorder, search=replace(plan.search, candidates=candidates))
