"""Calls that both libraries refuse: what is caught of ScaNN's must be caught of leafscan's."""

import importlib
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks.coming_from_scann.calls import K

__all__ = ["refusals"]


def refusals(scann: Any, rows: Any, queries: Any) -> dict[str, Callable[[], Any]]:
    """Return the calls by name."""
    ops = scann.scann_ops_pybind
    names = [f"row {i}" for i in range(len(rows))]

    def builder(measure: str = "squared_l2", k: Any = K) -> Any:
        return ops.builder(rows, k, measure)

    def flat(**build: Any) -> Any:
        return builder().score_brute_force().build(**build)

    def named() -> Any:
        return flat(docids=list(names))

    def nowhere(searcher: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            searcher.serialize(folder + "/nowhere")

    def nothing_there(**options: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            ops.load_searcher(folder, **options)

    return {
        'builder(rows, 10, "cosine").create_config()': lambda: (
            builder("cosine").score_brute_force().create_config()
        ),
        "no score: create_config()": lambda: builder().tree(60, 12).create_config(),
        "two scores: create_config()": lambda: builder().score_ah(2).score_brute_force().create_config(),
        "pca and truncate: create_config()": lambda: (
            builder("dot_product").tree(60, 12).pca(8, None).truncate(8).score_ah(2).create_config()
        ),
        "pca(None, None)": lambda: (
            builder("dot_product").tree(60, 12).pca(None, None).score_ah(2).create_config()
        ),
        "truncate(32) of 32": lambda: (
            builder("dot_product").tree(60, 12).truncate(32).score_ah(2).create_config()
        ),
        "avq with squared_l2": lambda: builder().tree(60, 12, avq=2.0).score_ah(2).create_config(),
        "soar_lambda with squared_l2": lambda: (
            builder().tree(60, 12, soar_lambda=1.5).score_ah(2).create_config()
        ),
        'hash_type="lut64"': lambda: builder().score_ah(2, hash_type="lut64").create_config(),
        "tree(...) twice": lambda: builder().tree(60, 12).tree(60, 12),
        "ScannBuilder(...).build(), no lambda": lambda: (
            scann.ScannBuilder(rows, K, "squared_l2").score_brute_force().build()
        ),
        "builder(rows, 0, ...).build()": lambda: builder(k=0).score_brute_force().build(),
        "tree(60, 12) of 50 rows": lambda: (
            ops.builder(rows[:50], K, "squared_l2").tree(60, 12).score_brute_force().build()
        ),
        "rows of the shape (32,)": lambda: ops.builder(rows[0], K, "squared_l2").score_brute_force().build(),
        "docids of another number": lambda: flat(docids=names[:5]),
        "docids, one twice": lambda: flat(docids=["a"] * len(rows)),
        'create_searcher(rows, "nothing")': lambda: ops.create_searcher(rows, "nothing"),
        "search(Q)": lambda: flat().search(queries),
        "search_batched(q)": lambda: flat().search_batched(queries[0]),
        "search(q, 0)": lambda: flat().search(queries[0], 0),
        "search(q, -5)": lambda: flat().search(queries[0], -5),
        "search(q) of other dimensions": lambda: flat().search(queries[0, :5]),
        "search_batched(Q) of other dimensions": lambda: flat().search_batched(queries[:, :5]),
        "search(NaN)": lambda: flat().search(queries[0] * float("nan")),
        "upsert without docids": lambda: flat().upsert(["x"], rows[0]),
        "upsert of other dimensions": lambda: named().upsert(["x"], rows[0, :5]),
        "upsert of one docid and two rows": lambda: named().upsert(["x"], rows[:2]),
        "delete of no docid": lambda: named().delete(["x"]),
        'rebalance("nothing")': lambda: flat().rebalance("nothing"),
        "serialize(no folder)": lambda: nowhere(flat()),
        "load_searcher(no folder)": lambda: ops.load_searcher("/no/folder"),
        "load_searcher(empty folder)": lambda: nothing_there(),
        "load_searcher(empty folder, assets_backcompat_shim=False)": lambda: nothing_there(
            assets_backcompat_shim=False
        ),
        "pickle.dumps(searcher)": lambda: importlib.import_module("pickle").dumps(flat()),
    }
