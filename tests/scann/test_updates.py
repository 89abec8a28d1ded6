"""Updates: docids, order and sizes are ScaNN's, and what is found is what is there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import scann

Matrix = NDArray[np.float32]
Builder = Callable[..., scann.ScannBuilder]

PLANS: dict[str, Any] = {
    "exact": lambda b: b.score_brute_force(),
    "tree and codes": lambda b: b.tree(20, 20).score_ah(2).reorder(800),
}


@pytest.mark.parametrize("plan", PLANS)
def test_docids_go_as_scanns_do(builder: Builder, rows: Matrix, names: list[str], plan: str) -> None:
    searcher = PLANS[plan](builder("squared_l2")).build(docids=names)
    far = np.full((3, 16), 50, np.float32) + np.arange(3, dtype=np.float32)[:, None] * 10
    searcher.upsert(["new", "row 3"], far[:2], batch_size=7)
    searcher.upsert("newer", far[2])
    assert searcher.size() == 802
    assert searcher.docids == [*names, "new", "newer"]
    assert [searcher.search(row, 1).index for row in far] == [["new"], ["row 3"], ["newer"]]
    searcher.delete(["row 5", "new"])
    # The last takes the place of one that goes.
    assert searcher.docids[5] == "newer"
    assert searcher.docids == [*names[:5], "newer", *names[6:]]
    assert searcher.search(far[0], 1).index == ["row 3"]
    searcher.delete("row 3")
    assert searcher.size() == 799
    assert "row 3" not in searcher.search(far[1], 799).index
    searcher.upsert(["row 5"], rows[5])
    assert searcher.search(rows[5], 1).index == ["row 5"]


def test_a_searcher_may_begin_and_become_empty(queries: Matrix) -> None:
    nothing = scann.scann_ops_pybind.builder(np.empty((0, 16), np.float32), 3, "dot_product")
    searcher = nothing.tree(20, 5).score_ah(2).reorder(50).build(docids=[])
    for _ in range(2):
        assert searcher.size() == 0
        assert searcher.search(queries[0]) == ([], pytest.approx(np.empty(0)))
        assert searcher.search_batched(queries).distances.shape == (12, 0)
        assert searcher.search_batched(queries, 2).indices == [[None, None]] * 12
        assert searcher.get_health_stats()["sum_partition_sizes"] == 0
        searcher.upsert(["a"], queries[0])
        searcher.upsert(["b", "c"], queries[1:3])
        assert sorted(searcher.search(queries[0]).index) == ["a", "b", "c"]
        searcher.delete(["c", "a", "b"])
    searcher.upsert([f"row {i}" for i in range(12)], queries)
    assert searcher.rebalance() == 12
    assert searcher.search(queries[4] * 9, 1).index


def test_nothing_is_upserted_and_deleted(builder: Builder, names: list[str]) -> None:
    searcher = builder().score_brute_force().build(docids=names)
    searcher.upsert([], np.empty((0, 16)))
    searcher.delete([])
    assert searcher.docids == names


def test_docids_may_be_anything_that_can_be_a_key(builder: Builder, rows: Matrix) -> None:
    searcher = builder("squared_l2").score_brute_force().build(docids=[("row", i) for i in range(800)])
    searcher.upsert([7.5], rows[3] + 100)
    assert searcher.search(rows[3] + 100, 1).index == [7.5]
    searcher.delete(("row", 3))
    assert ("row", 3) not in searcher.docids


def test_rebalance_keeps_what_is_there(
    builder: Builder, rows: Matrix, queries: Matrix, names: list[str]
) -> None:
    searcher = builder("squared_l2").tree(20, 20).score_ah(2).reorder(800).build(docids=names)
    searcher.upsert([f"new {i}" for i in range(300)], rows[:300] + 0.5)
    searcher.delete(names[:100])
    wanted = searcher.search_batched(queries).indices
    assert searcher.rebalance() == 1000
    assert searcher.search_batched(queries).indices == wanted


def test_rebalance_trains_by_another_configuration(
    builder: Builder, queries: Matrix, names: list[str]
) -> None:
    searcher = builder("squared_l2", 5).tree(20, 20).score_ah(2).reorder(800).build(docids=names)
    searcher.delete(names[:10])
    config = builder("squared_l2", 7).score_brute_force(scann.ReorderType.BFLOAT16).create_config()
    assert searcher.rebalance(config) == 790
    assert searcher.config() == config
    assert searcher.index.config.row_dtype == "bfloat16"
    assert len(searcher.search(queries[0]).index) == 7
    assert not set(searcher.search(queries[0], 790).index) & set(names[:10])
    with pytest.raises(ValueError, match="rebalance keeps the distance_measure"):
        searcher.rebalance(builder("dot_product").score_brute_force().create_config())
    with pytest.raises(ValueError, match="at most the number of rows"):
        searcher.rebalance(builder("squared_l2").tree(800, 5).score_ah(2).create_config())
    assert searcher.config() == config


def test_health_is_told_in_scanns_figures(builder: Builder, rows: Matrix, names: list[str]) -> None:
    searcher = builder().tree(20, 5).score_ah(2).reorder(50).build(docids=names)
    told = searcher.get_health_stats()
    assert list(told) == [
        "avg_quantization_error",
        "partition_weighted_avg_relative_imbalance",
        "partition_avg_relative_positive_imbalance",
        "sum_partition_sizes",
    ]
    assert told["sum_partition_sizes"] == 800
    assert 0 < told["avg_quantization_error"] < 4
    assert 0 <= told["partition_weighted_avg_relative_imbalance"] < 1
    searcher.upsert([f"new {i}" for i in range(400)], np.tile(rows[:1], (400, 1)) + 9)
    later = searcher.get_health_stats()
    assert later["sum_partition_sizes"] == 1200
    for name in list(told)[:3]:
        assert later[name] > told[name]
    exact = builder().score_brute_force().build().get_health_stats()
    assert set(exact.values()) == {0.0}
    codes = builder().tree(20, 5).score_ah(2).build().get_health_stats()
    assert np.isnan(codes["avg_quantization_error"])


def test_what_was_updated_is_serialised(
    builder: Builder, rows: Matrix, queries: Matrix, names: list[str], tmp_path: Any
) -> None:
    searcher = builder("squared_l2").tree(20, 20).score_ah(2).reorder(800).build(docids=names)
    searcher.upsert(["new", "row 3"], rows[:2] + 30)
    searcher.delete(["row 5"])
    searcher.serialize(tmp_path)
    again = scann.scann_ops_pybind.load_searcher(tmp_path)
    assert again.docids == searcher.docids
    assert again.search_batched(queries).indices == searcher.search_batched(queries).indices
    for each in (searcher, again):
        each.upsert(["newest"], rows[4] + 40)
        each.delete(["new"])
        assert each.search(rows[4] + 40, 1).index == ["newest"]
    assert again.docids == searcher.docids


def test_codes_alone_are_updated(builder: Builder, rows: Matrix, names: list[str]) -> None:
    searcher = builder("squared_l2").tree(20, 20).score_ah(1, hash_type="lut256").build(docids=names)
    searcher.delete(["row 7"])
    searcher.upsert(["new"], rows[7])
    assert searcher.search(rows[7], 1).index == ["new"]
    assert searcher.size() == 800
