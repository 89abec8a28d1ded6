"""Calls that end ScaNN's process, or that it answers wrongly."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.coming_from_scann.calls import K

__all__ = ["traps"]


def traps(scann: Any, rows: Any, queries: Any) -> dict[str, Callable[[], Any]]:
    """Return calls that end ScaNN's process, or that it answers wrongly."""
    ops, kinds = scann.scann_ops_pybind, scann.ReorderType
    names = [f"row {i}" for i in range(len(rows))]
    broken = rows.copy()
    broken[5, 0] = np.nan

    def tree(**options: Any) -> Any:
        return ops.builder(rows, K, "dot_product").tree(60, 12, **options).score_ah(2).reorder(100)

    def flat() -> Any:
        return ops.builder(rows, K, "dot_product").score_brute_force()

    def no_threads() -> Any:
        searcher = flat().build()
        searcher.set_num_threads(0)
        return searcher.search_batched_parallel(queries)

    return {
        "a row of NaN, tree": lambda: ops.builder(broken, K, "dot_product").tree(60, 12).score_ah(2).build(),
        "a row of NaN, brute force": lambda: (
            ops.builder(broken, K, "dot_product").score_brute_force().build()
        ),
        "leaves_to_search on int8 brute force": lambda: (
            ops.builder(rows, K, "dot_product")
            .score_brute_force(kinds.INT8)
            .build()
            .search(queries[0], leaves_to_search=3)
        ),
        "batch_size=0": lambda: flat().build().search_batched_parallel(queries, batch_size=0),
        "set_num_threads(0), parallel": no_threads,
        "upsert of NaN into a tree": lambda: tree().build(docids=list(names)).upsert(["x"], broken[5]),
        "upsert on SOAR": lambda: tree(soar_lambda=1.5).build(docids=list(names)).upsert(["x"], rows[0]),
        "a batch of NaN": lambda: flat().build().search_batched(queries * np.nan)[0][0, :3],
        "tree(60, 0)": lambda: (
            ops.builder(rows, K, "dot_product").tree(60, 0).score_ah(2).build().search(rows[0])
        ),
        "reorder(5), k = 10": lambda: (
            ops.builder(rows, K, "dot_product").score_ah(2).reorder(5).build().search(rows[0])
        ),
        "padding of a batch, docids": lambda: (
            ops.builder(rows[:3], 5, "dot_product")
            .score_brute_force()
            .build(docids=names[:3])
            .search_batched(queries[:1], 5)[0]
        ),
        "padding of a batch": lambda: (
            ops.builder(rows[:3], 5, "dot_product")
            .score_brute_force()
            .build()
            .search_batched(queries[:1], 5)[0]
        ),
        "an empty batch": lambda: flat().build().search_batched(queries[:0]),
        "pca(reduction_dim=8)": lambda: tree().pca(reduction_dim=8).build().search(rows[0]),
        "a docid twice in one upsert": lambda: sized_after_two_of_one(flat().build(docids=list(names)), rows),
        "delete without docids": lambda: flat().build().delete(["x"]),
        "autopilot beside tree": lambda: tree().autopilot().build().size(),
        "upper_tree without tree": lambda: (
            ops.builder(rows, K, "dot_product").upper_tree(9, 3).score_ah(2).build().size()
        ),
    }


def sized_after_two_of_one(searcher: Any, rows: Any) -> Any:
    """Upsert one docid twice in one call."""
    searcher.upsert(["x", "x"], rows[:2])
    return searcher.size()
