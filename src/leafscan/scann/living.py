"""The one place where a searcher meets leafscan's index: searches, and updates, also of no rows at all."""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan import Config, Index, SearchParams
from leafscan.index.leaves import Leaves, examine_leaves
from leafscan.scann.plan import Plan

__all__ = ["Living"]

NO_IDS = np.empty(0, np.int64)


class Living:
    """Rows under whole-number keys, searched and updated.

    leafscan's index holds at least one row; ScaNN's searchers may begin empty and become so. Nothing here
    guards writers against one another: the searcher does.

    Parameters
    ----------
    index
        The index, its ids the keys; None where there are no rows.
    dim
        The number of dimensions.
    plan
        The plan of searches, and of the index where one has to be built.
    threads
        How many threads build; None for all that this process may have.
    """

    def __init__(self, index: Index | None, dim: int, plan: Plan, threads: int | None) -> None:
        self._index = index
        self.dim = dim
        self._plan = plan
        self._threads = threads

    @classmethod
    def build(
        cls, rows: NDArray[np.float32], plan: Plan, threads: int | None, keys: NDArray[np.int64] | None = None
    ) -> "Living":
        """Build the index of (n, d) ``rows``, whose keys are their places where none are given."""
        index = build(rows, plan, threads, keys) if len(rows) else None
        return cls(index, rows.shape[1], plan, threads)

    @property
    def index(self) -> Index | None:
        """Leafscan's own index; None where there are no rows."""
        return self._index

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self._plan

    def __len__(self) -> int:
        """Return the number of rows."""
        index = self._index
        return 0 if index is None else len(index)

    def search(
        self,
        queries: Any,
        k: int,
        candidates: int | None,
        leaves: int | None,
        threads: int | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Search, as `leafscan.Index.search` does; ``k`` is cut down to the number of rows.

        What the index has no use for, it is not asked for: leaves without a tree, candidates without
        reordering.
        """
        index = self._index
        if index is None:
            q = np.asarray(queries).shape[:-1]
            return np.empty((*q, 0), np.int64), np.empty((*q, 0), np.float32)
        while True:
            config, n = index.config, max(1, len(index))
            params = _params(config, self._plan, candidates, leaves, n)
            try:
                found = index.search(queries, k=min(k, n), params=params, threads=threads)
            except ValueError:
                # A rebalance may have come between, and have fewer leaves.
                if index.config is config:
                    raise
            else:
                return found.ids, found.scores

    def upsert(self, keys: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        """Set the rows of ``keys``, all or none."""
        if self._index is None:
            self._index = build(rows, self._plan, self._threads, keys)
        else:
            self._index.upsert(keys, rows)

    def delete(self, keys: NDArray[np.int64]) -> None:
        """Delete the rows of ``keys``, all of which are there."""
        index = self._index
        if index is not None and len(keys) == len(index):
            self._index = None
        elif index is not None and len(keys):
            index.delete(keys)

    def rebalance(self) -> None:
        """Bring the leaves back into shape."""
        if self._index is not None:
            self._index.rebalance(threads=self._threads, progress=False)

    def replan(self, plan: Plan) -> None:
        """Train the index anew by another plan, from the rows that it keeps."""
        index = self._index
        if index is not None:
            index.rebalance(config=fitting(plan.config, len(index)), threads=self._threads, progress=False)
        self._plan = plan

    def keys(self) -> NDArray[np.int64]:
        """Return the keys of all rows."""
        return NO_IDS if self._index is None else self._index.ids

    def rows(self, keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the rows of ``keys``, as the index keeps them."""
        if self._index is None:
            return np.empty((0, self.dim), np.float32)
        return self._index.vectors(keys)

    def leaves(self) -> Leaves | None:
        """Return how the rows lie in their leaves; None where there are none, or no tree."""
        return None if self._index is None else examine_leaves(self._index)


def build(
    rows: NDArray[np.float32], plan: Plan, threads: int | None, keys: NDArray[np.int64] | None = None
) -> Index:
    """Build leafscan's index by a plan that may have been made for more rows than there are."""
    config = fitting(plan.config, len(rows))
    return leafscan.build(rows, metric=plan.measure, config=config, ids=keys, threads=threads, progress=False)


def fitting(config: Config, leaves: int) -> Config:
    """Return a plan with at most so many leaves: of a searcher that began empty, and has its first rows."""
    if config.tree is None or config.tree.num_leaves <= leaves:
        return config
    search = config.search
    if leaves < 2:
        open_search = dataclasses.replace(search, leaves=None, upper_leaves=None)
        return dataclasses.replace(config, tree=None, search=open_search)
    tree = dataclasses.replace(config.tree, num_leaves=leaves, upper_leaves=None)
    fewer = dataclasses.replace(search, leaves=min(search.leaves or leaves, leaves), upper_leaves=None)
    return dataclasses.replace(config, tree=tree, search=fewer)


def _params(config: Config, plan: Plan, candidates: int | None, leaves: int | None, n: int) -> SearchParams:
    default = plan.config.search
    if config.tree is None:
        leaves = None
    else:
        wanted = default.leaves if leaves is None else leaves * plan.listings
        leaves = min(wanted or config.tree.num_leaves, config.tree.num_leaves)
    candidates = None if config.reorder is None else min(candidates or default.candidates or n, n)
    return _made(leaves, candidates)


@functools.lru_cache(maxsize=256)
def _made(leaves: int | None, candidates: int | None) -> SearchParams:
    # One object for equal numbers: the index checks each but once.
    return SearchParams(leaves=leaves, candidates=candidates)
