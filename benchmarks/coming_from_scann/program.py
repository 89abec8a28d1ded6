"""The program: it runs with nothing but NumPy and the library that it is told to call.

python program.py scann answers.json
python program.py leafscan.scann answers.json
"""

import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS, DIMENSIONS, QUERIES, K = 4_000, 32, 50, 10


def main(module: str, out: str) -> None:
    """Make every call, and write what it gave."""
    scann = importlib.import_module(module)
    rng = np.random.default_rng(11)
    # Clusters, so that near neighbours are there to be found.
    centers = rng.standard_normal((60, DIMENSIONS))
    rows = (centers[rng.integers(60, size=ROWS)] + 0.6 * rng.standard_normal((ROWS, DIMENSIONS))).astype("f")
    queries = (
        centers[rng.integers(60, size=QUERIES)] + 0.6 * rng.standard_normal((QUERIES, DIMENSIONS))
    ).astype("f")
    exact = {
        "dot_product": -queries.astype("d") @ rows.astype("d").T,
        "squared_l2": np.square(queries[:, None].astype("d") - rows).sum(axis=2),
    }
    near = {measure: np.argsort(scores, axis=1)[:, :K] for measure, scores in exact.items()}
    answers = {}
    for name, (measure, call) in calls(scann, rows, queries).items():
        answers[name] = answered(call, near[measure])
    for name, call in traps(scann, rows, queries).items():
        answers[name] = in_a_process_of_its_own(call) | {"trap": True}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(answers, file)


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
    }
    listed: dict[str, tuple[str, Callable[[], Any]]] = {}
    for measure in ("dot_product", "squared_l2"):
        for plan, configure in {**made, **(dot_only if measure == "dot_product" else {})}.items():

            def batched(measure: str = measure, configure: Any = configure) -> Any:
                return configure(ops.builder(rows, K, measure)).build().search_batched(queries)

            listed[f"{measure}: {plan}"] = (measure, batched)

    def tree(**build: Any) -> Any:
        return ops.builder(rows, K, "squared_l2").tree(60, 12).score_ah(2).reorder(100).build(**build)

    def flat(**build: Any) -> Any:
        return ops.builder(rows, K, "squared_l2").score_brute_force().build(**build)

    def updated(searcher: Any) -> Any:
        searcher.upsert(["new", "row 3"], np.stack([queries[0], queries[1]]))
        searcher.upsert("newer", queries[2])
        searcher.delete(["row 7", "new"])
        return searcher

    def again(searcher: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            searcher.serialize(folder)
            return ops.load_searcher(folder)

    config = ops.builder(rows, K, "squared_l2").tree(60, 12).score_ah(2).reorder(100).create_config()
    other: dict[str, Callable[[], Any]] = {
        "search(q)": lambda: tree().search(queries[0]),
        "search(q, 5)": lambda: tree().search(queries[0], 5),
        "search(q, 5, 50, 3)": lambda: tree().search(queries[0], 5, 50, 3),
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
        "no rows: size()": lambda: (
            ops.builder(rows[:0], 3, "dot_product").score_brute_force().build(docids=[]).size()
        ),
    }
    return listed | {name: ("squared_l2", call) for name, call in other.items()}


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


def answered(call: Callable[[], Any], near: Any) -> dict[str, Any]:
    """Describe what a call gives."""
    try:
        given = call()
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        return {"told": f"{type(error).__name__}: {lines[-1][:150]}"}
    told: dict[str, Any] = {"told": described(given)}
    if isinstance(given, tuple) and len(given) == 2 and not isinstance(given[0], int):
        ids = given[0]
        told["ids"] = ids.tolist() if hasattr(ids, "tolist") else ids
        if hasattr(ids, "shape") and ids.shape == near.shape:
            told["recall"] = float(
                np.mean([len(set(a) & set(b)) / K for a, b in zip(ids, near, strict=True)])
            )
        scores = np.asarray(given[1], np.float64)
        told["sorted"] = sign_of(scores)
    return told


def in_a_process_of_its_own(call: Callable[[], Any]) -> dict[str, Any]:
    """Describe what a call gives that may end the process."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        os.close(receive)
        signal.alarm(60)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        os.write(send, json.dumps(answered(call, np.empty(0))["told"]).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"told": f"the process dies ({signal.Signals(os.WTERMSIG(status)).name})"}
    if not told:
        return {"told": "the process ends"}
    return {"told": json.loads(told)}


def described(given: Any) -> str:
    """Return shapes and dtypes of arrays, and what else there is."""
    if isinstance(given, tuple) and not all(isinstance(part, int) for part in given):
        return ", ".join(described(part) for part in given)
    if hasattr(given, "dtype"):
        shape = "x".join(map(str, given.shape))
        values = f" {given.ravel().tolist()}" if 0 < given.size <= 5 else ""
        return f"{given.dtype} ({shape}){values}"
    if isinstance(given, list):
        if given and isinstance(given[0], list) and len(given) > 1:
            return f"list of {len(given)} lists of {len(given[0])}"
        return f"list of {len(given)}" + (f" {given}" if len(str(given)) < 100 else "")
    return repr(given) if isinstance(given, (int, float, str, tuple, type(None))) else type(given).__name__


def sign_of(scores: Any) -> str:
    """Tell in which order scores are."""
    if scores.shape[-1] < 2:
        return ""
    steps = np.diff(scores, axis=-1)
    return "ascending" if np.all(steps >= 0) else "descending" if np.all(steps <= 0) else "in no order"


if __name__ == "__main__":
    main(*sys.argv[1:])
