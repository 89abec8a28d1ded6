import gc
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import leafscan

tf = pytest.importorskip("tensorflow")

from leafscan.tensorflow import search  # noqa: E402
from leafscan.tensorflow.operand import slot_variable  # noqa: E402

METRICS = ["dot_product", "cosine", "squared_l2"]
QUERIES = np.random.default_rng(9).standard_normal((12, 6)).astype(np.float32)


def build(n: int = 50, d: int = 6, *, seed: int = 0, metric: str = "dot_product", **options):
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return leafscan.build(vectors, metric=metric, **options)


def assert_same(found, expected) -> None:
    np.testing.assert_array_equal(found.ids.numpy(), expected.ids)
    np.testing.assert_array_equal(found.scores.numpy(), expected.scores)


@pytest.mark.parametrize("metric", METRICS)
def test_eager_and_graphs_are_the_indexs_own_search(metric: str):
    index = build(metric=metric)
    expected = index.search(QUERIES, k=5)
    found = search(index, QUERIES, 5)
    assert_same(found, expected)
    assert (found.ids.dtype, found.scores.dtype) == (tf.int64, tf.float32)
    assert_same(tf.function(lambda queries: search(index, queries, 5))(QUERIES), expected)
    assert_same(search(index, QUERIES[0], 3), index.search(QUERIES[0], k=3))
    cube = search(index, QUERIES.reshape(2, 3, 2, 6), 4).ids
    np.testing.assert_array_equal(cube.numpy().reshape(12, 4), index.search(QUERIES, k=4).ids)
    assert search(index, QUERIES[:0], 4).ids.shape == (0, 4)


def test_shapes_are_known_in_graphs():
    index, shapes = build(), []

    @tf.function(input_signature=[tf.TensorSpec((None, 3, 6))])
    def best(queries):
        found = search(index, queries, 4)
        shapes.append((found.ids.shape.as_list(), found.scores.shape.as_list()))
        return found.ids

    for rows in (4, 3, 1):  # uneven batches, one trace
        expected = index.search(QUERIES[: rows * 3], k=4).ids
        np.testing.assert_array_equal(
            best(QUERIES[: rows * 3].reshape(rows, 3, 6)).numpy().reshape(-1, 4), expected
        )
    assert shapes == [([None, 3, 4], [None, 3, 4])]


def test_it_goes_into_a_dataset():
    index = build()
    data = tf.data.Dataset.from_tensor_slices(QUERIES).batch(5).map(lambda some: search(index, some, 4).ids)
    assert [len(batch) for batch in data] == [5, 5, 2]
    np.testing.assert_array_equal(
        np.concatenate(list(data.as_numpy_iterator())), index.search(QUERIES, k=4).ids
    )


@pytest.mark.parametrize("metric", METRICS)
def test_scores_differentiate_with_respect_to_queries(metric: str):
    index = build(metric=metric, n=8)
    vectors = tf.constant(np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32))
    queries = tf.constant(QUERIES)
    weights = tf.random.uniform((12, 3))

    @tf.function
    def of_ours(queries):
        with tf.GradientTape() as tape:
            tape.watch(queries)
            found = search(index, queries, 3)
            total = tf.reduce_sum(found.scores * weights)
        return tape.gradient(total, queries), found.ids

    ours, ids = of_ours(queries)
    with tf.GradientTape() as tape:
        tape.watch(queries)
        rows, points = tf.gather(vectors, ids), queries[:, None, :]
        if metric == "squared_l2":
            scores = tf.reduce_sum((points - rows) ** 2, axis=2)
        elif metric == "cosine":
            scores = tf.reduce_sum(tf.nn.l2_normalize(points, 2) * tf.nn.l2_normalize(rows, 2), axis=2)
        else:
            scores = tf.reduce_sum(points * rows, axis=2)
        total = tf.reduce_sum(scores * weights)
    np.testing.assert_allclose(ours, tape.gradient(total, queries), rtol=1e-4, atol=1e-5)


def test_padding_and_zero_queries_have_no_gradient():
    for metric in METRICS:
        index = build(2, metric=metric)
        queries = tf.constant(np.vstack([QUERIES[:2], np.zeros((1, 6), np.float32)]))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(queries)
            padded, whole = search(index, queries, 4).scores, search(index, queries, 2).scores
        grad = tape.gradient(padded, queries, tf.ones((3, 4))).numpy()
        assert np.isfinite(grad).all(), metric
        np.testing.assert_allclose(grad, tape.gradient(whole, queries, tf.ones((3, 2))), rtol=1e-6)


def test_codes_alone_search_but_do_not_differentiate():
    index = build(200, config=leafscan.Config(score=leafscan.AsymmetricHash()))
    assert_same(search(index, QUERIES, 3, differentiable=False), index.search(QUERIES, k=3))
    with pytest.raises(ValueError, match="keeps codes alone"):
        search(index, QUERIES, 3)


def test_a_swap_needs_no_retrace():
    slot, traces = leafscan.Slot(build()), []

    @tf.function
    def best(queries):
        traces.append(1)
        return search(slot, queries, 5)

    best(QUERIES)
    for other in (build(80, seed=1), build(3, seed=2)):
        slot.publish(other)
        assert_same(best(QUERIES), other.search(QUERIES, k=5))
    assert len(traces) == 1


def test_a_slot_that_opened_before_is_met_while_tracing():
    slot = leafscan.Slot(build())
    slot.operands.clear()
    best = tf.function(lambda queries: search(slot, queries, 5))
    for _ in range(2):
        assert_same(best(QUERIES), slot.index.search(QUERIES, k=5))


def test_stale_slots_raise():
    slot = leafscan.Slot(build())
    traced = tf.function(partial(search, slot, k=5))
    best = traced.get_concrete_function(tf.TensorSpec((None, 6)))
    best(tf.constant(QUERIES))
    slot.close()
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not open"):
        best(tf.constant(QUERIES))
    slot = leafscan.Slot(build())
    number = int(slot_variable(slot))
    del slot
    gc.collect()
    with pytest.raises(ValueError, match="is not open"):
        leafscan._engine.search_slot(number, QUERIES, 1)


def test_strings_and_large_ids():
    index = build(4, ids=["a", "b", "c", "d"])
    with pytest.raises(TypeError, match="positions=True"):
        search(index, QUERIES, 2)
    places = search(index, QUERIES, 6, positions=True).ids
    np.testing.assert_array_equal(leafscan.Slot(index).decode(places), index.search(QUERIES, k=6).ids)
    large = build(5, ids=np.arange(5) * 2**40 + 7)
    assert_same(search(large, QUERIES, 5), large.search(QUERIES, k=5))


def test_lists_deny_and_allow_at_call_time():
    index = build()
    ranked = index.search(QUERIES, k=50).ids
    best = tf.function(lambda queries, deny: search(index, queries, 4, deny=deny))
    np.testing.assert_array_equal(best(QUERIES, ranked[:, :3]).ids, ranked[:, 3:7])
    np.testing.assert_array_equal(search(index, QUERIES, 2, allow=ranked[:, 7:9]).ids, ranked[:, 7:9])
    assert set(search(index, QUERIES, 3, allow=[3, 1, -1]).ids.numpy().ravel().tolist()) == {1, 3, -1}
    with pytest.raises(ValueError, match="empty list"):
        search(index, QUERIES, 3, allow=[])
    with pytest.raises(ValueError, match="a list for each query"):
        search(index, QUERIES, 3, deny=np.zeros((3, 2), np.int64))
    with pytest.raises(TypeError, match="integers"):
        search(index, QUERIES, 3, deny=[0.5])


def test_bad_arguments_are_told():
    index = build()
    with pytest.raises(ValueError, match=r"queries must have the shape \(6,\) or"):
        search(index, QUERIES[:, :5], 5)
    with pytest.raises(TypeError, match="real numbers"):
        search(index, tf.constant(["a"]), 5)
    bad = QUERIES.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="queries must be finite"):
        search(index, bad, 5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="queries must be finite"):
        tf.function(lambda queries: search(index, queries, 5))(bad)
    coarse = tf.cast(QUERIES, tf.bfloat16)
    assert_same(search(index, coarse, 5), index.search(tf.cast(coarse, tf.float32).numpy(), k=5))


def test_xla_refuses_when_it_compiles():
    index = build()
    compiled = tf.function(lambda queries: search(index, queries, 5).ids, jit_compile=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        compiled(QUERIES)


@pytest.mark.parametrize("tracked", [False, True])
def test_a_saved_model_refuses_at_export_and_says_why(tracked: bool, tmp_path: Path):
    index = build()
    slot = leafscan.Slot(index)
    module = tf.Module()
    signature = [tf.TensorSpec((None, 6))]
    module.best = tf.function(lambda queries: search(slot, queries, 5).ids, input_signature=signature)
    if tracked:
        module.slot = slot_variable(slot)
    with pytest.raises((ValueError, AssertionError), match="Export the query tower alone"):
        tf.saved_model.save(module, str(tmp_path / "model"))
