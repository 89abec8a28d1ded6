"""Candidates on an accelerator, which any device of JAX's stands in for, beside the engine's answers."""

import threading
from pathlib import Path

import keras
import numpy as np
import pytest

import leafscan
from leafscan.index.living import Living
from leafscan.keras import BruteForceRetrieval, ScannRetrieval, Streaming

if keras.backend.backend() != "jax":
    pytest.skip("candidates lie on a device with JAX alone", allow_module_level=True)

import jax

from leafscan.keras import blocks, on_device, resident

Matrix = np.ndarray
METRICS = ["dot_product", "cosine", "squared_l2"]
IDS = [None, np.arange(300)[::-1] * 3 + 1, [f"movie {place}" for place in range(300)]]


def both(candidates: Matrix, ids=None, **options) -> tuple[BruteForceRetrieval, BruteForceRetrieval]:
    there = BruteForceRetrieval(candidates, ids, device="accelerator", **options)
    host = BruteForceRetrieval(candidates, ids, device="host", **options)
    assert there.on_accelerator
    assert not host.on_accelerator
    return there, host


def model_of(layer, dim: int = 8) -> keras.Model:
    inputs = keras.Input((dim,))
    return keras.Model(inputs, layer(inputs))


def same(mine, theirs) -> None:
    np.testing.assert_array_equal(np.asarray(mine[1]), np.asarray(theirs[1]))
    np.testing.assert_allclose(np.asarray(mine[0]), np.asarray(theirs[0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("ids", "metric", "precision"),
    [
        (IDS[0], "dot_product", "bfloat16"),
        (IDS[1], "cosine", "float32"),
        (IDS[2], "squared_l2", "bfloat16"),
    ],
    ids=["indices", "integers", "strings"],
)
def test_compiled_and_eager_answers_are_the_engines(
    ids, metric: str, precision: str, candidates: Matrix, queries: Matrix, monkeypatch
):
    monkeypatch.setattr(on_device, "is_hopper", lambda platform: precision == "bfloat16")
    there, host = both(candidates, ids, k=5, metric=metric)
    same(there(queries), host(queries))
    same(there(queries[0]), host(queries[0]))
    same(there(queries[:36].reshape(6, 6, 8), k=9), host(queries[:36].reshape(6, 6, 8), k=9))
    model = model_of(there)
    model.compile(jit_compile=True)
    for batch_size in (16, 37):
        same(model.predict(queries, batch_size=batch_size, verbose=0), host(queries))
    same(model.predict_on_batch(queries[:7]), host(queries[:7]))
    assert np.asarray(there(queries)[1]).dtype == np.int32


@pytest.mark.parametrize(
    ("ids", "metric", "at_once", "most"),
    [
        (None, "squared_l2", 1 << 28, 100),
        (IDS[1], "dot_product", 1 << 28, 100),
        (IDS[1], "cosine", 3000, 0),
    ],
)
def test_lists_leave_out_and_let_in_what_the_engine_does(
    ids, metric: str, at_once: int, most: int, candidates: Matrix, queries: Matrix, monkeypatch
):
    monkeypatch.setattr(resident, "_MOST", most)
    monkeypatch.setattr(resident, "_AT_ONCE", at_once)
    jax.clear_caches()
    there, host = both(candidates, ids, k=4, metric=metric)
    best = np.asarray(host(queries, k=300)[1])
    seen = np.hstack([best[:, :3], np.full((37, 2), -1), best[:, :1], np.full((37, 1), 5000)]).astype(
        np.int32
    )
    shelf = np.hstack([best[:, 9:1:-1], best[:, 5:6], np.full((37, 1), -1)]).astype(np.int32)
    for lists in (
        {"exclusions": seen},
        {"exclusions": seen[0]},
        {"exclusions": np.zeros((37, 0), np.int32)},
        {"exclusions": best[:, :298].astype(np.int32)},
        {"allow": shelf},
        {"allow": shelf[0]},
        {"allow": shelf[:, :2]},
        {"allow": np.full((37, 3), -1, np.int32)},
        {"allow": shelf, "exclusions": best[:, 2:6].astype(np.int32)},
        {"allow": shelf[0], "exclusions": seen},
        {"allow": shelf, "exclusions": seen[0]},
        {"allow": shelf[0], "exclusions": shelf[0, :3]},
    ):
        same(there(queries, **lists), host(queries, **lists))
    inputs, denied = keras.Input((8,)), keras.Input((7,), dtype="int32")
    model = keras.Model([inputs, denied], there(inputs, exclusions=denied))
    same(model.predict([queries, seen], batch_size=16, verbose=0), host(queries, exclusions=seen))
    for lists in ({"allow": shelf[:5]}, {"exclusions": seen.astype(np.float32)}):
        with pytest.raises((TypeError, ValueError), match=r"must have the shape|must hold integers"):
            there(queries, **lists)
    jax.clear_caches()


@pytest.mark.parametrize("positions", [False, True])
def test_what_the_index_becomes_is_what_compiled_models_find(
    positions: bool, candidates: Matrix, queries: Matrix
):
    layer, _ = both(candidates, np.arange(300) + 10, k=5, positions=positions)
    model = model_of(layer)

    def agrees() -> None:
        scores, ids = model.predict(queries, batch_size=16, verbose=0)
        expected = layer.index.search(queries, k=5)
        np.testing.assert_array_equal(layer.decode(ids), expected.ids)
        np.testing.assert_allclose(scores, expected.scores, rtol=1e-5, atol=1e-5)
        same((scores, ids), layer(queries))
        np.testing.assert_array_equal(model.predict_on_batch(queries)[1], ids)

    agrees()
    first = layer.index.search(queries, k=5).ids
    layer.index.delete(np.unique(first[:, 0]))
    agrees()
    layer.index.upsert([5000, 11], 100 * queries[:2])
    agrees()
    layer.index.upsert(np.arange(6000, 6400), np.vstack([candidates, candidates[:100]]) * 0.5)
    agrees()
    rows = layer._on_device._state.ready.rows.shape[0]
    assert rows % 2048 == 0
    layer.index.upsert(np.arange(7000, 7100), candidates[:100] * 2)
    layer.index.rebalance()
    agrees()
    layer.update_candidates(candidates[:50], np.arange(50))
    agrees()
    assert layer._on_device._state.ready.rows.shape[0] == rows


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("ids", [None, IDS[1], IDS[2]], ids=["none", "integers", "strings"])
def test_updates_of_a_few_read_no_more_than_these(
    ids, metric: str, candidates: Matrix, queries: Matrix, monkeypatch
):
    layer, _ = both(candidates, ids, k=7, metric=metric)
    index, read = layer.index, []
    numbers = np.random.default_rng(4)

    def name(number: int):
        return f"movie {number}" if isinstance(index.ids[0], np.str_) else number

    def agrees() -> None:
        expected = index.search(queries, k=7)
        for _ in range(2):
            scores, found = layer(queries)
            np.testing.assert_array_equal(layer.decode(np.asarray(found)), expected.ids)
            np.testing.assert_allclose(np.asarray(scores), expected.scores, rtol=1e-5, atol=1e-5)
        denied = expected.ids[:, :2]
        mine = layer(queries, exclusions=layer.encode(denied).astype(np.int32))[1]
        np.testing.assert_array_equal(
            layer.decode(np.asarray(mine)), index.search(queries, k=7, deny=denied).ids
        )

    def upsert(numbered: list[int]) -> None:
        index.upsert([name(number) for number in numbered], numbers.standard_normal((len(numbered), 8)))

    upsert([5000])
    agrees()
    whole = Living.vectors
    monkeypatch.setattr(Living, "vectors", lambda *given: read.append(len(given[1])) or whole(*given))
    upsert([5000, 6000])
    agrees()
    index.delete([name(6000), index.ids[3]])
    agrees()
    # Several at once: one that came goes again, one comes back, and a row is written twice.
    upsert([7000, 7001])
    index.delete([name(7001)])
    upsert([6000])
    upsert([7000])
    agrees()
    assert read == [2, 0, 2]
    room = len(layer._on_device._handles)
    for begin in range(8000, 10_500, 500):
        upsert(list(range(begin, begin + 500)))
        index.delete([name(number) for number in range(begin, begin + 450)])
        agrees()
    assert len(layer._on_device._handles) == room
    assert sorted(read)[-1] < 700


def test_an_update_of_as_many_does_not_compile_again(candidates: Matrix, queries: Matrix):
    layer, _ = both(candidates, k=5)
    model = model_of(layer)
    traced = []
    before = layer._on_device.search
    layer._on_device.search = lambda *given, **lists: traced.append(1) or before(*given, **lists)
    model.predict(queries, batch_size=37, verbose=0)
    layer.update_candidates(candidates[::-1])
    found = model.predict(queries, batch_size=37, verbose=0)[1]
    assert len(traced) == 1
    np.testing.assert_array_equal(found, layer.index.search(queries, k=5).ids)


def test_candidates_are_state_and_no_weights(candidates: Matrix, queries: Matrix, tmp_path: Path):
    layer, host = both(candidates, np.arange(300) + 50, k=5)
    model = model_of(layer)
    assert model.weights == []
    assert len(model.non_trainable_variables) == 5
    assert model.count_params() == 0
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[-1].on_accelerator
    assert again.layers[-1].get_config()["device"] == "accelerator"
    same(again.predict(queries, batch_size=16, verbose=0), host(queries))
    outputs, state = model.stateless_call([], [each.value for each in model.non_trainable_variables], queries)
    same(outputs, host(queries))
    assert len(state) == 5


def test_scores_train_a_query_tower_while_the_index_changes(candidates: Matrix, queries: Matrix):
    keras.utils.set_random_seed(0)
    tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    layer = BruteForceRetrieval(candidates, np.arange(300), k=3, query_tower=tower, device="accelerator")
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layer(inputs)[0])
    model.compile("sgd", loss=lambda _, scores: -keras.ops.mean(scores))

    class Update(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs=None) -> None:
            layer.index.upsert([900 + batch], 10 * candidates[batch : batch + 1])

    before = model.evaluate(queries, np.zeros((37, 3)), verbose=0)
    model.fit(queries, np.zeros((37, 3)), epochs=2, batch_size=16, callbacks=[Update()], verbose=0)
    assert model.evaluate(queries, np.zeros((37, 3)), verbose=0) < before - 0.01
    expected = layer.index.search(np.asarray(tower(queries)), k=3)
    np.testing.assert_array_equal(np.asarray(layer(queries)[1]), expected.ids)


@pytest.mark.parametrize("metric", METRICS)
def test_gradients_are_those_of_the_engines_operation(metric: str, candidates: Matrix, queries: Matrix):
    there, host = both(candidates, k=5, metric=metric)
    shelf = np.asarray(host(queries, k=20)[1])[:, ::3]
    for lists in ({}, {"allow": shelf}, {"exclusions": shelf}):
        mine, theirs = (
            jax.grad(lambda points, layer=layer, lists=lists: layer(points, **lists)[0].sum())(queries)
            for layer in (there, host)
        )
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


def test_an_index_may_change_while_another_thread_predicts(candidates: Matrix, queries: Matrix):
    layer, _ = both(candidates, np.arange(300), k=5)
    model = model_of(layer)
    model.predict_on_batch(queries)
    failed = []

    def change() -> None:
        try:
            for step in range(40):
                layer.index.upsert([step], candidates[step : step + 1] * 3)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=change)
    thread.start()
    while thread.is_alive():
        model.predict_on_batch(queries)
    thread.join()
    assert not failed
    expected = layer.index.search(queries, k=5).ids
    np.testing.assert_array_equal(model.predict_on_batch(queries)[1], expected)


def test_scann_retrieval_is_exact_there(candidates: Matrix, queries: Matrix):
    tree = {"num_leaves": 20, "num_leaves_to_search": 1}
    layer = ScannRetrieval(candidates, k=5, device="accelerator", **tree)
    assert layer.is_exact()
    assert not ScannRetrieval(candidates, k=5, device="host", **tree).is_exact()
    same(model_of(layer).predict(queries, batch_size=16, verbose=0), both(candidates, k=5)[1](queries))
    coded = leafscan.Config(score=leafscan.AsymmetricHash())
    assert not ScannRetrieval(candidates, config=coded).on_accelerator
    with pytest.raises(ValueError, match="needs an index with rows"):
        ScannRetrieval(candidates, config=coded, device="accelerator")


@pytest.mark.parametrize("metric", METRICS)
def test_streaming_gives_its_table_to_the_kernels(
    metric: str, candidates: Matrix, queries: Matrix, monkeypatch
):
    monkeypatch.setattr(blocks, "has_kernels", lambda: True)
    layer = Streaming(candidates[:6], np.arange(6) + 40, k=5, metric=metric, capacity=400)
    monkeypatch.setattr(blocks, "_by_blocks", None)
    for rows in (candidates[:6], candidates):
        layer.update_candidates(rows, np.arange(len(rows)) + 40)
        _, host = both(rows, np.arange(len(rows)) + 40, k=5, metric=metric)
        for k in (5, 9):
            same(layer(queries, k=k), host(queries, k=k))
        same(model_of(layer).predict(queries, batch_size=16, verbose=0), host(queries))
    followed = BruteForceRetrieval(k=5, metric=metric)
    followed.candidate_embeddings = keras.Variable(candidates)
    same(followed(queries), both(candidates, k=5, metric=metric)[1](queries))


def test_where_candidates_go_by_themselves(candidates: Matrix, monkeypatch):
    assert not BruteForceRetrieval(candidates).on_accelerator  # JAX runs on the CPU here

    class Card:
        platform, compute_capability = "gpu", "9.0"

        def __init__(self, memory: int) -> None:
            self.memory = memory

        def memory_stats(self) -> dict[str, int]:
            return {"bytes_limit": self.memory}

    index = leafscan.build(candidates, metric="cosine")
    for memory, there in ((1 << 30, True), (300 * 8 * 4 * 2, False)):
        monkeypatch.setattr(jax, "devices", lambda *_, memory=memory: [Card(memory)])
        monkeypatch.setattr(jax, "local_devices", lambda *_, memory=memory: [Card(memory)])
        assert on_device.is_there(index) is there
    with pytest.raises(ValueError, match="`device` must be"):
        BruteForceRetrieval(device="gpu")
