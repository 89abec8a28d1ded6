"""Makes the folder tests/scann/directories: what the real libraries write, small, for the tests to read.

Run it with the interpreter of an environment that holds ``scann==1.4.2`` or ``scann-core==0.2.1``; each
writes the folder that is named after it:

    python scripts/make_scann_directories.py scann
    python scripts/make_scann_directories.py scann-core

Names of cases after that write these alone, and leave the others as they are.

Beside the searchers lie ``expected.npz``, the rows, the queries and what the library answers to them, and for
scann ``configurations.json``, the builder's calls and the text protos that it made of them, and
``suggested.json``, what the autopilot writes.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scann.scann_ops.py.scann_builder import IncrementalMode

import scann

ROWS, DIMENSIONS, LEAVES = 160, 8, 4

#: Calls of a builder over rows of 16 dimensions: (measure, [(method, positional, keywords), ...]).
CALLS: list[tuple[str, list[tuple[str, list[Any], dict[str, Any]]]]] = [
    ("dot_product", [("score_brute_force", [], {})]),
    ("squared_l2", [("score_brute_force", [True], {})]),
    ("dot_product", [("score_brute_force", ["BFLOAT16"], {})]),
    ("dot_product", [("tree", [50, 10], {}), ("score_ah", [2], {}), ("reorder", [100], {})]),
    ("squared_l2", [("tree", [50, 10], {}), ("score_ah", [3], {"hash_type": "lut256"})]),
    (
        "dot_product",
        [
            ("tree", [50, 10, 1000, 5, 7, True, True, False, 0.5, 2.5, 1.5, 1.25], {}),
            ("upper_tree", [7, 3], {"scoring_mode": "BFLOAT16", "soar_lambda": 2.0, "avq": 3.5}),
            ("score_ah", [2, 0.2, 2000, 50, "lut16", 6], {}),
            ("reorder", [100, "INT8", 0.25], {}),
        ],
    ),
    (
        "dot_product",
        [
            ("tree", [50, 10], {"incremental_threshold": 100}),
            ("pca", [8, None], {}),
            ("score_ah", [2], {"residual_quantization": False}),
            ("reorder", [100, "BFLOAT16"], {}),
        ],
    ),
    ("squared_l2", [("tree", [50, 10], {}), ("pca", [], {}), ("score_ah", [2], {})]),
    ("dot_product", [("tree", [50, 10], {}), ("truncate", [10], {}), ("score_ah", [2], {})]),
]


def main(library: str, *only: str) -> None:
    """Write every case, or some."""
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((ROWS, DIMENSIONS)).astype(np.float32)
    queries = rng.standard_normal((8, DIMENSIONS)).astype(np.float32)
    folder = Path(__file__).parents[1] / "tests" / "scann" / "directories" / library
    expected: dict[str, Any] = {"rows": rows, "queries": queries}
    if only:
        with np.load(folder / "expected.npz") as before:
            expected = dict(before) | expected
    for case, make in searchers(rows, library).items():
        if only and case not in only:
            continue
        place = folder / case
        place.mkdir(parents=True, exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        searcher = make()
        searcher.serialize(str(place), relative_path=case == "relative")
        # The list of assets holds the folder that it was written to.
        assets = place / "scann_assets.pbtxt"
        assets.write_text(assets.read_text().replace(str(place), "/elsewhere"))
        leaves = LEAVES if "partitioning" in searcher.config() else None
        if not searcher.size():
            continue
        ids, distances = searcher.search_batched(queries, leaves_to_search=leaves)
        expected[f"{case} ids"], expected[f"{case} distances"] = np.asarray(ids), distances
    np.savez_compressed(folder / "expected.npz", **expected)
    if not only or "suggested" in only:
        (folder / "suggested.json").write_text(json.dumps(suggested(), indent=0))
    if library == "scann" and not only:
        (folder / "configurations.json").write_text(json.dumps(configurations(), indent=0))


def searchers(rows: Any, library: str) -> dict[str, Callable[[], Any]]:
    """Return what makes each searcher."""
    names = [f"row {i}" for i in range(ROWS)]
    kinds = scann.ReorderType

    def builder(measure: str = "dot_product") -> Any:
        return scann.scann_ops_pybind.builder(rows, 5, measure)

    def tree(measure: str = "dot_product", **options: Any) -> Any:
        return builder(measure).tree(LEAVES, 3, min_partition_size=1, **options)

    made: dict[str, Callable[[], Any]] = {
        "exact": lambda: builder("squared_l2").score_brute_force().build(docids=names),
        "exact-int8": lambda: builder().score_brute_force(kinds.INT8).build(),
        "exact-bfloat16": lambda: builder("squared_l2").score_brute_force(kinds.BFLOAT16).build(),
        "tree-exact": lambda: tree().score_brute_force().build(docids=[3 * i for i in range(ROWS)]),
        "codes": lambda: builder().score_ah(2).build(),
        "codes-squared": lambda: builder("squared_l2").score_ah(3).build(),
        "tree-codes": lambda: tree().score_ah(2, anisotropic_quantization_threshold=0.2).build(docids=names),
        "tree-codes-squared": lambda: tree("squared_l2").score_ah(2).build(),
        "tree-codes-pca": lambda: tree().pca(6, None).score_ah(2).build(),
        "tree-codes-truncated": lambda: tree().truncate(6).score_ah(2).build(),
        "tree-reordered": lambda: tree().score_ah(2).reorder(30).build(docids=names),
        "tree-reordered-int8": lambda: tree("squared_l2").score_ah(2).reorder(30, kinds.INT8).build(),
        "tree-reordered-bfloat16": lambda: tree().score_ah(2).reorder(30, kinds.BFLOAT16).build(),
        "upper-tree": lambda: tree().upper_tree(2, 2).score_ah(2).build(),
        "soar": lambda: tree(soar_lambda=1.5).score_ah(2).reorder(30).build(),
        "soar-codes": lambda: tree(soar_lambda=1.5).score_ah(2).build(),
        "autopilot": lambda: builder().autopilot().build(),
        "exact-int8-squared": lambda: builder("squared_l2").score_brute_force(kinds.INT8).build(),
        "tree-exact-int8": lambda: tree().score_brute_force(kinds.INT8).build(),
        "tree-codes-uneven": lambda: tree().score_ah(3).build(docids=tuple(names)),
        # There must be more rows than codewords.
        "codes-256": lambda: (
            scann.scann_ops_pybind.builder(np.concatenate([rows, rows / 2]), 5, "dot_product")
            .score_ah(2, hash_type="lut256")
            .build()
        ),
        "codes-residual": lambda: (
            builder().score_ah(2, residual_quantization=True).build(docids=np.array(names))
        ),
        "soar-codes-pca": lambda: tree(soar_lambda=1.5).pca(6, None).score_ah(2).build(),
        "upper-soar": lambda: (
            tree(avq=2.5, soar_lambda=1.5, quantize_centroids=True)
            .upper_tree(2, 2, 2.5, 1.5, 2.0, kinds.BFLOAT16, 0.2)
            .score_ah(1, 0.2)
            .build()
        ),
        "relative": lambda: (
            builder().score_brute_force().build(docids=[np.int64(3 * i) for i in range(ROWS)])
        ),
        "empty": lambda: (
            scann.scann_ops_pybind.builder(rows[:0], 5, "dot_product").score_brute_force().build([])
        ),
        "updated": lambda: updated(tree().score_ah(2).reorder(30).build(docids=list(names)), rows),
    }
    if library == "scann":
        return made
    # What is the same for both need not be there twice.
    kept = ("exact", "tree-codes", "tree-reordered", "soar-codes", "autopilot")
    made = {case: made[case] for case in kept}
    made["tree-exact-bfloat16"] = lambda: tree().score_brute_force(kinds.BFLOAT16).build()
    made["as-dot-product-codes"] = lambda: (
        tree("squared_l2", avq=2.0, soar_lambda=1.5).l2_as_dot_product().score_ah(1).build()
    )
    made["as-dot-product"] = lambda: tree("squared_l2").l2_as_dot_product().score_ah(3).reorder(30).build()
    return made


def updated(searcher: Any, rows: Any) -> Any:
    """Change a searcher: rows that go, one that is replaced, and new ones."""
    searcher.delete(["row 3", f"row {ROWS - 1}", "row 17"])
    searcher.upsert(["row 5", "new"], 3 * rows[[7, 8]])
    searcher.upsert("newer", 4 * rows[9])
    return searcher


def configurations() -> list[dict[str, Any]]:
    """Return the texts of all `CALLS`."""
    told: list[dict[str, Any]] = []
    for measure, calls in CALLS:
        builder = scann.ScannBuilder(np.zeros((500, 16), np.float32), 10, measure)
        for method, positional, keywords in calls:
            getattr(builder, method)(
                *map(_value, positional), **{name: _value(value) for name, value in keywords.items()}
            )
        told.append({"measure": measure, "calls": calls, "text": builder.create_config()})
    autopilot = scann.ScannBuilder(np.zeros((500, 16), np.float32), 10, "dot_product")
    autopilot.autopilot(IncrementalMode.ONLINE, scann.ReorderType.INT8)
    told.append(
        {
            "measure": "dot_product",
            "calls": [("autopilot", ["ONLINE", "INT8"], {})],
            "text": autopilot.create_config(),
        }
    )
    return told


def suggested() -> list[str]:
    """Return what autopilot makes of a million rows, for each measure and mode."""
    texts = []
    for measure in ("dot_product", "squared_l2"):
        for mode in IncrementalMode:
            builder = scann.ScannBuilder(np.zeros((1, 64), np.float32), 10, measure)
            config = builder.autopilot(mode, scann.ReorderType.BFLOAT16).create_config()
            native = scann.scann_ops_pybind.scann_pybind.ScannNumpy
            texts.append(str(native.suggest_autopilot(config, 1_000_000, 64)))
    return texts


def _value(value: Any) -> Any:
    if isinstance(value, str) and value in scann.ReorderType.__members__:
        return scann.ReorderType[value]
    return value


if __name__ == "__main__":
    main(*sys.argv[1:])
