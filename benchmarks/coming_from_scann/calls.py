"""Calls that both libraries answer."""

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["K", "calls"]

K = 10


def calls(scann: Any, rows: Any, queries: Any) -> dict[str, tuple[str, Callable[[], Any]]]:
    """Return the calls that both answer: (measure, call) by name."""
    ops, kinds = scann.scann_ops_pybind, scann.ReorderType
    names = [f"row {i}" for i in range(len(rows))]
    made: dict[str, Callable[[Any], Any]] = {
        "score_brute_force()": lambda b: b.score_brute_force(),
        "score_brute_force(INT8)": lambda b: b.score_brute_force(kinds.INT8),
        "score_brute_force(BFLOAT16)": lambda b: b.score_brute_force(kinds.BFLOAT16),
        "tree(60, 12).score_brute_force()": lambda b: b.tree(60, 12).score_brute_force(),
        "score_ah(2).reorder(100)": lambda b: b.score_ah(2).reorder(100),
        'score_ah(4, hash_type="lut256").reorder(100)': lambda b: b.score_ah(4, hash_type="lut256").reorder(
            100
        ),
        "score_ah(3)": lambda b: b.score_ah(3),
        "tree(60, 12).score_ah(2)": lambda b: b.tree(60, 12).score_ah(2),
        "tree(60, 12).score_ah(2).reorder(100)": lambda b: b.tree(60, 12).score_ah(2).reorder(100),
        "tree(60, 12).score_ah(2).reorder(100, INT8)": lambda b: (
            b.tree(60, 12).score_ah(2).reorder(100, kinds.INT8)
        ),
        "tree(60, 12).score_ah(2).reorder(100, BFLOAT16)": lambda b: (
            b.tree(60, 12).score_ah(2).reorder(100, kinds.BFLOAT16)
        ),
        "tree(60, 12).upper_tree(10, 5).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12).upper_tree(10, 5).score_ah(2).reorder(100)
        ),
        "autopilot()": lambda b: b.autopilot(),
        "autopilot(quantize=INT8)": lambda b: b.autopilot(quantize=kinds.INT8),
        "score_brute_force(True)": lambda b: b.score_brute_force(True),
        "score_brute_force(INT8).reorder(50)": lambda b: b.score_brute_force(kinds.INT8).reorder(50),
        "tree(60, 12).score_brute_force(INT8)": lambda b: b.tree(60, 12).score_brute_force(kinds.INT8),
        "tree(60, 12).score_brute_force(BFLOAT16)": lambda b: b.tree(60, 12).score_brute_force(
            kinds.BFLOAT16
        ),
        "score_ah(2, nan, 2000, 50, 'lut16', 5).reorder(100)": lambda b: b.score_ah(
            2, np.nan, 2000, 50, "lut16", 5
        ).reorder(100),
        "tree(60, 12, quantize_centroids=True, random_init=False).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12, quantize_centroids=True, random_init=False).score_ah(2).reorder(100)
        ),
        "tree(60, 12, incremental_threshold=0.5).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12, incremental_threshold=0.5).score_ah(2).reorder(100)
        ),
        "tree(60, 12).score_ah(2, residual_quantization=False).reorder(100)": lambda b: (
            b.tree(60, 12).score_ah(2, residual_quantization=False).reorder(100)
        ),
        "set_n_training_threads(1).tree(60, 12).score_ah(2).reorder(100)": lambda b: (
            b.set_n_training_threads(1).tree(60, 12).score_ah(2).reorder(100)
        ),
    }
    dot_only: dict[str, Callable[[Any], Any]] = {
        "tree(60, 12).score_ah(2, 0.2).reorder(100)": lambda b: b.tree(60, 12).score_ah(2, 0.2).reorder(100),
        "tree(60, 12, soar_lambda=1.5).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12, soar_lambda=1.5).score_ah(2).reorder(100)
        ),
        "tree(60, 12, avq=2.5).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12, avq=2.5).score_ah(2).reorder(100)
        ),
        "tree(60, 12).pca(16, None).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12).pca(16, None).score_ah(2).reorder(100)
        ),
        "tree(60, 12).truncate(24).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12).truncate(24).score_ah(2).reorder(100)
        ),
        "tree(60, 12).pca().score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12).pca().score_ah(2).reorder(100)
        ),
        "tree(60, 12).score_ah(2).reorder(100, INT8, 0.2)": lambda b: (
            b.tree(60, 12).score_ah(2).reorder(100, kinds.INT8, 0.2)
        ),
        "tree(60, 12).score_ah(2).reorder(100, BFLOAT16, 0.2)": lambda b: (
            b.tree(60, 12).score_ah(2).reorder(100, kinds.BFLOAT16, 0.2)
        ),
        "tree(60, 12, soar_lambda=1.5).score_brute_force()": lambda b: b.tree(
            60, 12, soar_lambda=1.5
        ).score_brute_force(),
        "tree(60, 12, 4000, 10, 5, False, True, False, None, 2.5, 1.5, 1.2).score_ah(2)": lambda b: b.tree(
            60, 12, 4000, 10, 5, False, True, False, None, 2.5, 1.5, 1.2
        ).score_ah(2),
        "tree(60, 12).upper_tree(10, 5, 2.5, 1.5, 2.0, BFLOAT16, 0.2).score_ah(2).reorder(100)": lambda b: (
            b.tree(60, 12).upper_tree(10, 5, 2.5, 1.5, 2.0, kinds.BFLOAT16, 0.2).score_ah(2).reorder(100)
        ),
    }
    listed: dict[str, tuple[str, Callable[[], Any]]] = {}
    for measure in ("dot_product", "squared_l2"):
        for plan, configure in {**made, **(dot_only if measure == "dot_product" else {})}.items():

            def batched(measure: str = measure, configure: Any = configure) -> Any:
                return configure(ops.builder(rows, K, measure)).build().search_batched(queries)

            listed[f"{measure}: {plan}"] = (measure, batched)

    def tree(**build: Any) -> Any:
        return ops.builder(rows, K, "squared_l2").tree(60, 12).score_ah(2).reorder(100).build(**build)

    def codes(**build: Any) -> Any:
        return ops.builder(rows, K, "squared_l2").tree(60, 60).score_ah(2).build(**build)

    def few() -> Any:
        return ops.builder(rows[:5], K, "squared_l2").score_brute_force().build()

    def nobody() -> Any:
        return ops.builder(rows[:0], 3, "squared_l2").score_brute_force().build(docids=[])

    def began_empty(searcher: Any) -> Any:
        searcher.upsert(["a", "b"], queries[:2])
        return searcher.search(queries[0])

    def without_last(searcher: Any) -> Any:
        searcher.delete(["row 3999"])
        return searcher.docids[-2:]

    def again_by_its_own(searcher: Any) -> Any:
        return searcher.rebalance(searcher.config())

    def flat(**build: Any) -> Any:
        return ops.builder(rows, K, "squared_l2").score_brute_force().build(**build)

    def updated(searcher: Any) -> Any:
        searcher.upsert(["new", "row 3"], np.stack([queries[0], queries[1]]))
        searcher.upsert("newer", queries[2])
        searcher.delete(["row 7", "new"])
        return searcher

    def again(searcher: Any, *relative: bool) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            searcher.serialize(folder, *relative)
            return ops.load_searcher(folder)

    def trained(searcher: Any) -> Any:
        new = ops.builder(rows, 7, "squared_l2").tree(30, 30).score_ah(2).reorder(200).create_config()
        return searcher.rebalance(new), searcher.size()

    def handed(db: Any, config: Any, threads: Any, **named: Any) -> Any:
        return isinstance(config, str), threads, sorted(named)

    def narrow(**build: Any) -> Any:
        return ops.builder(rows, 300, "squared_l2").tree(60, 1).score_brute_force().build(**build)

    def as_wide_as_the_longest(searcher: Any) -> Any:
        longest = max(len(searcher.search(query)[0]) for query in queries)
        ids, distances = searcher.search_batched(queries)
        return longest < 300 and {len(row) for row in ids} == {longest} == {distances.shape[1]}

    config = ops.builder(rows, K, "squared_l2").tree(60, 12).score_ah(2).reorder(100).create_config()
    other: dict[str, Callable[[], Any]] = {
        "search(q)": lambda: tree().search(queries[0]),
        "search(q, 6)": lambda: tree().search(queries[0], 6),
        "search(q, 6, 50, 3)": lambda: tree().search(queries[0], 6, 50, 3),
        "len(search(q, 900, 900, 1)[0]) < 900": lambda: len(tree().search(queries[0], 900, 900, 1)[0]) < 900,
        "search(list)": lambda: flat().search(queries[0].tolist()),
        "search(float64)": lambda: flat().search(queries[0].astype("d")),
        "search_batched(Q)": lambda: tree().search_batched(queries),
        "search_batched(Q, 20)": lambda: flat().search_batched(queries, 20),
        "search_batched(Q, 10, 100, 60)": lambda: tree().search_batched(queries, 10, 100, 60),
        "search_batched(Fortran order)": lambda: flat().search_batched(np.asfortranarray(queries)),
        "search_batched(Q, 5000) of 4000 rows": lambda: flat().search_batched(queries, 5000)[0].shape,
        "search_batched_parallel(Q)": lambda: tree().search_batched_parallel(queries),
        "search_batched_parallel(Q, batch_size=7)": lambda: flat().search_batched_parallel(
            queries, batch_size=7
        ),
        "docids: search(q)": lambda: flat(docids=names).search(queries[0]),
        "docids: search_batched(Q)": lambda: flat(docids=names).search_batched(queries),
        "size()": lambda: tree().size(),
        "reserve(9000)": lambda: tree().reserve(9000),
        "set_num_threads(2)": lambda: tree().set_num_threads(2),
        "create_searcher(rows, create_config())": lambda: ops.create_searcher(rows, config).search_batched(
            queries
        ),
        "isinstance(config(), str)": lambda: isinstance(tree().config(), str),
        "get_health_stats() keys": lambda: sorted(tree().get_health_stats()),
        "initialize_health_stats()": lambda: tree().initialize_health_stats(),
        "upsert, delete: docids": lambda: updated(tree(docids=list(names))).docids[4:9],
        "upsert, delete: size()": lambda: updated(flat(docids=list(names))).size(),
        "upsert, delete: search(q)": lambda: updated(flat(docids=list(names))).search(queries[2]),
        "rebalance()": lambda: tree().rebalance(),
        "serialize, load_searcher: search_batched(Q)": lambda: again(tree()).search_batched(queries),
        "serialize, load_searcher: docids": lambda: again(flat(docids=names)).docids[:5],
        "search(q, final_num_neighbors=3, pre_reorder_num_neighbors=50, leaves_to_search=60)": lambda: (
            tree().search(
                queries[0], final_num_neighbors=3, pre_reorder_num_neighbors=50, leaves_to_search=60
            )
        ),
        "search(q, -1, -1, -1)": lambda: tree().search(queries[0], -1, -1, -1),
        "search(q, 10, 100, 1000), 60 leaves": lambda: tree().search(queries[0], 10, 100, 1000),
        "codes alone: len(search(q, 20, 5)[0])": lambda: len(codes().search(queries[0], 20, 5)[0]),
        "codes alone: len(search(q, 10, 100)[0])": lambda: len(codes().search(queries[0], 10, 100)[0]),
        "search_batched(Q, -1, -1, -1)": lambda: flat().search_batched(queries, -1, -1, -1),
        "search_batched(Q, None, 200, 60)": lambda: tree().search_batched(queries, None, 200, 60),
        "search_batched(Q, 200, 300, 60)": lambda: tree().search_batched(queries, 200, 300, 60),
        "search_batched(lists of whole numbers)": lambda: flat().search_batched([[1] * 32, [2] * 32]),
        "search_batched(float64)": lambda: flat().search_batched(queries.astype("d")),
        "search_batched_parallel(Q, 10, 100, 60, 1)": lambda: tree().search_batched_parallel(
            queries, 10, 100, 60, 1
        ),
        "search_batched_parallel(Q, batch_size=1000000)": lambda: flat().search_batched_parallel(
            queries, batch_size=10**6
        ),
        "a batch is by default as wide as its longest answer": lambda: as_wide_as_the_longest(narrow()),
        "the same with docids": lambda: as_wide_as_the_longest(narrow(docids=list(names))),
        "search_batched(Q, 250), one leaf": lambda: narrow().search_batched(queries, 250)[1].shape,
        "docids: search_batched_parallel(Q, 2)": lambda: flat(docids=list(names)).search_batched_parallel(
            queries, 2
        ),
        "docids of numbers: search(q, 3)": lambda: flat(docids=list(range(7, 4007))).search(queries[0], 3)[0],
        "docids in a tuple: search(q, 3)": lambda: flat(docids=tuple(names)).search(queries[0], 3)[0],
        "docids in an array: search(q, 3)": lambda: (
            flat(docids=np.array(names)).search(queries[0], 3)[0]
            == [names[i] for i in flat().search(queries[0], 3)[0]]
        ),
        "docids, without any": lambda: flat().docids,
        "rows of whole numbers": lambda: (
            ops.builder((100 * rows).astype("i8"), K, "squared_l2").score_brute_force().build()
        ).search(100 * rows[3]),
        "rows in Fortran order": lambda: (
            ops.builder(np.asfortranarray(rows), K, "squared_l2").score_brute_force().build()
        ).search(queries[0]),
        "ScannBuilder(...).set_builder_lambda(f).build(x=1)": lambda: (
            scann.ScannBuilder(rows, K, "squared_l2")
            .score_brute_force()
            .set_n_training_threads(2)
            .set_builder_lambda(handed)
            .build(x=1)
        ),
        "create_searcher(rows, config, 1, docids, x=1)": lambda: ops.create_searcher(
            rows, config, 1, list(names), x=1
        ).search(queries[0]),
        "create_searcher(rows, searcher.config())": lambda: ops.create_searcher(
            rows, tree().config()
        ).search_batched(queries),
        "config(), exact": lambda: flat().config(),
        "get_health_stats()['sum_partition_sizes']": lambda: tree().get_health_stats()["sum_partition_sizes"],
        "get_health_stats(), exact": lambda: list(flat().get_health_stats().values()),
        "upsert(..., batch_size=7)": lambda: flat(docids=list(names)).upsert(["x", "y"], queries[:2], 7),
        "upsert(lists): size()": lambda: updated(flat(docids=list(names))).upsert(["x"], [[1.0] * 32]),
        "upsert, tree: search(q, 1)": lambda: updated(tree(docids=list(names))).search(queries[2], 1),
        "upsert, delete, codes alone: size()": lambda: updated(codes(docids=list(names))).size(),
        "delete(docid)": lambda: flat(docids=list(names)).delete("row 7"),
        "delete the last: docids": lambda: without_last(flat(docids=list(names))),
        "rebalance(config), size()": lambda: trained(tree(docids=list(names))),
        "rebalance(), exact": lambda: flat().rebalance(),
        "rebalance(searcher.config())": lambda: again_by_its_own(tree()),
        "serialize(folder, True), load_searcher": lambda: again(flat(), True).search_batched(queries),
        "serialize, load_searcher: size()": lambda: again(updated(tree(docids=list(names)))).size(),
        "serialize, load_searcher: search(q, 1)": lambda: again(updated(flat(docids=list(names)))).search(
            queries[2], 1
        ),
        "five rows: search_batched(Q)": lambda: few().search_batched(queries)[1].shape,
        "five rows: search_batched(Q, 7)": lambda: few().search_batched(queries, 7)[1].shape,
        "five rows: search(q)": lambda: few().search(queries[0]),
        "no rows: search(q)": lambda: nobody().search(queries[0]),
        "no rows: search_batched(Q)": lambda: nobody().search_batched(queries)[1].shape,
        "no rows, then upsert: search(q)": lambda: began_empty(nobody()),
        "no rows: size()": lambda: (
            ops.builder(rows[:0], 3, "dot_product").score_brute_force().build(docids=[]).size()
        ),
    }
    return listed | {name: ("squared_l2", call) for name, call in other.items()}
