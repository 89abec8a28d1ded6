"""An index built anew from what it holds."""

import dataclasses
import math

import numpy as np

from leafscan import _engine
from leafscan.index.config import Config
from leafscan.index.contents import Contents
from leafscan.index.decisions import Decision
from leafscan.index.engine_build import build_sections
from leafscan.index.metric import engine_metric
from leafscan.index.plan import ROWS_PER_LEAF, decide
from leafscan.index.progress import Progress

__all__ = ["rebuilt", "rescaled"]

#: Leaves stay as many as they are until there are so many times more or fewer vectors.
GROWN = 2.0


def rescaled(config: Config, before: int, now: int) -> Config:
    """Return a plan with as many leaves for ``now`` vectors as it has for ``before``: by the square root.

    Parameters
    ----------
    config
        A resolved plan.
    before, now
        How many vectors it was made for, and how many there are.

    Examples
    --------
    >>> from leafscan import SearchParams, Tree
    >>> plan = Config(tree=Tree(num_leaves=100), search=SearchParams(leaves=10))
    >>> grown = rescaled(plan, 10_000, 40_000)
    >>> grown.tree.num_leaves, grown.search.leaves
    (200, 20)
    >>> rescaled(plan, 10_000, 15_000) is plan
    True
    """
    tree = config.tree
    if tree is None:
        return config
    changed = now / before
    if 1 / GROWN < changed < GROWN and tree.num_leaves <= now:
        return config
    wanted = min(round(tree.num_leaves * math.sqrt(changed)), now // ROWS_PER_LEAF)
    leaves = min(max(wanted, 2), now)
    share = leaves / tree.num_leaves
    upper, soar = tree.upper_leaves, tree.soar_lambda
    if leaves == 1:
        upper = soar = None
    elif upper is not None:
        upper = max(2, min(round(upper * math.sqrt(share)), leaves))
    search = config.search
    if search.leaves is not None:
        search = dataclasses.replace(search, leaves=max(1, min(round(search.leaves * share), leaves)))
    if search.upper_leaves is not None:
        searched = None if upper is None else min(search.upper_leaves, upper)
        search = dataclasses.replace(search, upper_leaves=searched)
    tree = dataclasses.replace(tree, num_leaves=leaves, upper_leaves=upper, soar_lambda=soar)
    return dataclasses.replace(config, tree=tree, search=search)


def rebuilt(
    before: Contents,
    *,
    built: int,
    config: Config | None,
    threads: int,
    progress: Progress | bool | None,
) -> Contents:
    """Build anew from the rows of an index, in the order of its ids.

    Parameters
    ----------
    before
        The index.
    built
        How many vectors its plan was made for.
    config
        Another plan, or None.
    threads, progress
        As `leafscan.build` takes them.

    Raises
    ------
    ValueError
        If the plan keeps no rows, or ``config`` does not suit them.
    """
    if before.config.row_dtype is None:
        raise ValueError(
            "the plan of this index keeps no rows to learn from: build it with reorder=Reorder(), or anew."
        )
    order = before.sections["order"]
    n = len(order)
    searcher = _engine.Searcher(before.sections, metric=engine_metric(before.metric)[0], dim=before.dim)
    by_place = np.empty(n, np.uint32)
    by_place[order] = np.arange(n, dtype=np.uint32)
    rows = searcher.read_rows(by_place)
    plan = rescaled(before.config, built, n) if config is None else config
    plan, decisions = decide(plan, rows, before.metric)
    told = decisions if config is not None else _rescaled_decisions(before, plan, built, n)
    sections = build_sections(
        rows, metric=before.metric, plan=plan, seed=before.seed, threads=threads, progress=progress
    )
    ids = before.ids
    if isinstance(ids, np.ndarray):
        ids = ids[by_place][sections["order"]]
    # What was measured goes for other leaves no more; for as many, learned from much the same, it does.
    tuning = before.tuning if plan == before.config else None
    return dataclasses.replace(before, sections=sections, config=plan, ids=ids, tuning=tuning, decisions=told)


def _rescaled_decisions(before: Contents, plan: Config, built: int, now: int) -> tuple[Decision, ...] | None:
    """Return what is known of the plan before, and that its leaves were made to go with the rows."""
    known, was = before.decisions, before.config
    if known is None or plan.tree is None or was.tree is None or plan.tree.num_leaves == was.tree.num_leaves:
        return known
    why = f"{was.tree.num_leaves:,} leaves for {built:,} rows, scaled by the square root to {now:,} rows."
    changed = {
        "tree.num_leaves": plan.tree.num_leaves,
        "tree.upper_leaves": plan.tree.upper_leaves,
        "search.leaves": plan.search.leaves,
        "search.upper_leaves": plan.search.upper_leaves,
    }
    new = [Decision(part=part, value=value, why=why) for part, value in changed.items() if value is not None]
    return (*(one for one in known if one.part not in changed), *new)
