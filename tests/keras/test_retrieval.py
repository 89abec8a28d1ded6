"""What holds for every layer, on the backend of this process."""

import copy
import gc

import keras
import keras_rs
import numpy as np
import pytest

import leafscan
from leafscan.keras import BruteForceRetrieval, ScannRetrieval, Streaming
from leafscan.keras.dispatch import longest_id

LAYERS = [ScannRetrieval, BruteForceRetrieval, Streaming]
INDEXED = [ScannRetrieval, BruteForceRetrieval]
METRICS = ["dot_product", "cosine", "squared_l2"]
Matrix = np.ndarray


def numbers(tensor) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def exact(candidates: Matrix, queries: Matrix, k: int, metric: str = "dot_product", ids=None):
    index = leafscan.build(
        candidates, metric=metric, ids=ids, config=leafscan.Config(score=leafscan.BruteForce())
    )
    return index.search(queries, k=k)


def model_of(layer, dim: int = 8) -> keras.Model:
    inputs = keras.Input((dim,))
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", LAYERS)
def test_scores_and_ids_best_first(kind, metric: str, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, k=5, metric=metric)
    assert isinstance(layer, keras_rs.layers.Retrieval)
    scores, ids = layer(queries)
    expected = exact(candidates, queries, 5, metric)
    np.testing.assert_array_equal(numbers(ids), expected.ids)
    np.testing.assert_allclose(numbers(scores), expected.scores, rtol=1e-4, atol=1e-4)
    assert keras.backend.standardize_dtype(ids.dtype) == "int32"
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_kerasrs_layer_but_for_one_line(kind, candidates: Matrix, queries: Matrix):
    ids = np.arange(300)[::-1].copy()
    theirs = keras_rs.layers.BruteForceRetrieval(
        keras.ops.convert_to_tensor(candidates), keras.ops.convert_to_tensor(ids, "int32"), 5, False
    )
    ours = kind(candidates, ids, 5, False)
    np.testing.assert_array_equal(numbers(ours(queries)), numbers(theirs(queries)))


@pytest.mark.parametrize("kind", LAYERS)
def test_compiled_predict_is_eager_with_uneven_last_batches(kind, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, k=5)
    eager = [numbers(each) for each in layer(queries)]
    model = model_of(layer)
    if keras.backend.backend() == "jax":
        model.compile(jit_compile=True)
    for batch_size in (16, 10, 37, 64):
        for mine, theirs in zip(model.predict(queries, batch_size=batch_size, verbose=0), eager, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_catalogue_grows_and_shrinks_under_a_compiled_model(kind, candidates: Matrix, queries: Matrix):
    more = {"capacity": 400} if kind is Streaming else {}
    layer = kind(candidates[:100], k=5, **more)
    model = model_of(layer)
    model.predict(queries, batch_size=16, verbose=0)
    grown = np.vstack([candidates, candidates[:100] + 1])
    for rows in (candidates[:5], grown, candidates[:200]):
        layer.update_candidates(rows)
        scores, ids = model.predict(queries, batch_size=16, verbose=0)
        expected = exact(rows, queries, 5)
        np.testing.assert_array_equal(ids, expected.ids)
        np.testing.assert_allclose(scores, expected.scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_k_at_call_time_and_more_than_there_are(kind, candidates: Matrix, queries: Matrix):
    layer = kind(candidates[:6], k=2)
    scores, ids = (numbers(each) for each in layer(queries, k=9))
    assert ids.shape == (37, 9)
    np.testing.assert_array_equal(ids[:, :6], exact(candidates[:6], queries, 6).ids)
    assert (ids[:, 6:] == -1).all()
    assert np.isneginf(scores[:, 6:]).all()
    inputs = keras.Input((8,))
    assert layer(inputs, k=4)[1].shape == (None, 4)


@pytest.mark.parametrize("kind", LAYERS)
def test_shapes_are_known_before_there_are_candidates(kind, candidates: Matrix, queries: Matrix):
    layer = kind(k=5)
    with pytest.raises(ValueError, match="has no candidates yet"):
        layer(queries)
    scores, ids = layer(keras.Input((8,)))
    assert scores.shape == ids.shape == (None, 5)
    assert (scores.dtype, ids.dtype) == ("float32", "int32")
    layer.update_candidates(candidates)
    np.testing.assert_array_equal(numbers(layer(queries)[1]), exact(candidates, queries, 5).ids)


@pytest.mark.parametrize("kind", LAYERS)
def test_kerasrs_messages(kind, candidates: Matrix):
    layer = kind(k=5)
    with pytest.raises(ValueError, match="`candidate_embeddings` is required"):
        layer.update_candidates(None)
    with pytest.raises(ValueError, match="must be a tensor of rank 2"):
        layer.update_candidates(candidates[0])
    with pytest.raises(ValueError, match=r"candidates provided \(4\) is less than .*\(k=5\)"):
        layer.update_candidates(candidates[:4])
    with pytest.raises(ValueError, match="must have the same number of rows"):
        layer.update_candidates(candidates, np.arange(7))
    with pytest.raises(ValueError, match="without providing `candidate_embeddings`"):
        kind(candidate_ids=np.arange(5))


@pytest.mark.parametrize("kind", LAYERS)
def test_candidates_without_ids_get_none_later_and_ids_are_kept(kind, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, k=3)
    with pytest.raises(ValueError, match="previous candidates did not have candidate IDs"):
        layer.update_candidates(candidates, np.arange(300))
    layer = kind(candidates, np.arange(300) + 1000, k=3)
    layer.update_candidates(candidates[::-1])
    expected = exact(candidates[::-1], queries, 3, ids=np.arange(300) + 1000)
    np.testing.assert_array_equal(numbers(layer(queries)[1]), expected.ids)
    with pytest.raises(ValueError, match="`candidate_ids` are required"):
        layer.update_candidates(candidates[:50])
    layer.update_candidates(candidates[:50], np.arange(50) + 7)
    expected = exact(candidates[:50], queries, 3, ids=np.arange(50) + 7)
    np.testing.assert_array_equal(numbers(layer(queries)[1]), expected.ids)


@pytest.mark.parametrize("kind", LAYERS)
def test_lists_and_tensors_and_variables_are_candidates(kind, candidates: Matrix, queries: Matrix):
    expected = exact(candidates, queries, 5).ids
    for given in (
        candidates.tolist(),
        keras.ops.convert_to_tensor(candidates),
        keras.Variable(candidates),
        candidates.astype(np.float64),
    ):
        np.testing.assert_array_equal(numbers(kind(given, k=5)(queries)[1]), expected)


@pytest.mark.parametrize("kind", INDEXED)
def test_string_ids_are_mapped_outside_the_graph(kind, candidates: Matrix, queries: Matrix):
    names = [f"movie {place}" for place in range(300)]
    layer = kind(candidates, names, k=5)
    expected = exact(candidates, queries, 5, ids=names).ids
    np.testing.assert_array_equal(layer.decode(layer(queries)[1]), expected)
    np.testing.assert_array_equal(layer.decode(model_of(layer).predict(queries, verbose=0)[1]), expected)
    found = layer.query_with_exclusions(queries, expected[:, :2], k=3)[1]
    np.testing.assert_array_equal(layer.decode(found), expected[:, 2:])
    assert layer.encode([["movie 3", ""], ["nothing", "movie 0"]]).tolist() == [[3, -1], [-1, 0]]
    bytes_too = kind(candidates, [name.encode() for name in names], k=5)
    np.testing.assert_array_equal(bytes_too.decode(bytes_too(queries)[1]), expected)


@pytest.mark.parametrize("kind", INDEXED)
def test_int64_ids_come_back_whole_or_are_refused(kind, candidates: Matrix, queries: Matrix):
    large = np.arange(300) + 2**33
    expected = exact(candidates, queries, 5, ids=large).ids
    if longest_id() < 2**33:
        with pytest.raises(ValueError, match=r"does not fit int32.*positions=True"):
            kind(candidates, large, k=5)
    else:
        layer = kind(candidates, large, k=5)
        np.testing.assert_array_equal(numbers(layer(queries)[1]), expected)
        np.testing.assert_array_equal(model_of(layer).predict(queries, verbose=0)[1], expected)
        narrow = kind(candidates, np.arange(300), k=5)
        with pytest.raises(ValueError, match="ids must fit int32"):
            narrow.update_candidates(candidates, large)
    layer = kind(candidates, large, k=5, positions=True)
    np.testing.assert_array_equal(layer.decode(layer(queries)[1]), expected)


@pytest.mark.parametrize("kind", INDEXED)
def test_exclusions_and_allow_lists_at_call_time(kind, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, np.arange(300) * 2, k=4)
    ranked = exact(candidates, queries, 300, ids=np.arange(300) * 2).ids.astype(np.int32)
    seen = np.hstack([ranked[:, :3], np.full((37, 2), -1, np.int32)])
    np.testing.assert_array_equal(numbers(layer(queries, exclusions=seen)[1]), ranked[:, 3:7])
    np.testing.assert_array_equal(numbers(layer.query_with_exclusions(queries, seen, k=2)[1]), ranked[:, 3:5])
    np.testing.assert_array_equal(numbers(layer(queries, allow=ranked[:, 9:4:-1])[1]), ranked[:, 5:9])
    inputs, denied = keras.Input((8,)), keras.Input((5,), dtype="int32")
    model = keras.Model([inputs, denied], layer(inputs, exclusions=denied))
    found = model.predict([queries, seen], batch_size=16, verbose=0)[1]
    np.testing.assert_array_equal(found, ranked[:, 3:7])


@pytest.mark.parametrize("kind", LAYERS)
def test_a_query_tower_makes_the_queries(kind, candidates: Matrix):
    tower = keras.Sequential([keras.layers.Embedding(50, 8), keras.layers.Flatten()])
    layer = kind(candidates, k=5, query_tower=tower)
    users = np.arange(20, dtype=np.int32)[:, None]
    inputs = keras.Input((1,), dtype="int32")
    model = keras.Model(inputs, layer(inputs))
    assert len(layer.trainable_variables) == 1
    expected = exact(candidates, numbers(tower(users)), 5).ids
    np.testing.assert_array_equal(numbers(layer(users)[1]), expected)
    np.testing.assert_array_equal(model.predict(users, batch_size=8, verbose=0)[1], expected)


@pytest.mark.parametrize("kind", LAYERS)
def test_scores_train_the_query_tower(kind, candidates: Matrix, queries: Matrix):
    keras.utils.set_random_seed(0)
    tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    layer = kind(candidates, k=3, query_tower=tower)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layer(inputs)[0])
    model.compile("sgd", loss=lambda _, scores: -keras.ops.mean(scores))
    before = model.evaluate(queries, np.zeros((37, 3)), verbose=0)
    model.fit(queries, np.zeros((37, 3)), epochs=2, verbose=0)
    assert model.evaluate(queries, np.zeros((37, 3)), verbose=0) < before - 0.01


@pytest.mark.parametrize("kind", LAYERS)
def test_queries_stay_float32_under_a_mixed_policy(kind, candidates: Matrix, queries: Matrix):
    expected = exact(candidates, queries, 5)
    layer = kind(candidates, k=5, dtype="mixed_bfloat16")
    scores, ids = layer(queries)
    assert keras.backend.standardize_dtype(scores.dtype) == "float32"
    np.testing.assert_array_equal(numbers(ids), expected.ids)
    np.testing.assert_allclose(numbers(scores), expected.scores, rtol=1e-4, atol=1e-4)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = model_of(kind(candidates, k=5))
        np.testing.assert_array_equal(model.predict(queries, batch_size=16, verbose=0)[1], expected.ids)
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("kind", LAYERS)
def test_candidates_of_a_dataset(kind, candidates: Matrix, queries: Matrix):
    batches = [candidates[start : start + 128] for start in range(0, 300, 128)]
    expected = exact(candidates, queries, 5).ids
    layer = kind(k=5)
    assert layer.index_from_dataset(batches) is layer
    np.testing.assert_array_equal(numbers(layer(queries)[1]), expected)
    ids = np.arange(300) + 7
    with_ids = [(ids[start : start + 128], candidates[start : start + 128]) for start in range(0, 300, 128)]
    np.testing.assert_array_equal(numbers(kind(k=5).index_from_dataset(with_ids)(queries)[1]), expected + 7)
    with pytest.raises(ValueError, match="at least one batch"):
        kind(k=5).index_from_dataset([])


@pytest.mark.parametrize("kind", INDEXED)
def test_one_query_and_many_dimensions(kind, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, k=5)
    expected = exact(candidates, queries, 5).ids
    assert numbers(layer(queries[0])[1]).tolist() == expected[0].tolist()
    cube = numbers(layer(queries[:36].reshape(6, 6, 8))[1])
    np.testing.assert_array_equal(cube.reshape(36, 5), expected[:36])


def test_tensorflow_recommenders_parameters_make_the_plan(candidates: Matrix, queries: Matrix):
    layer = ScannRetrieval(
        candidates,
        k=5,
        num_leaves=20,
        num_leaves_to_search=20,
        training_iterations=3,
        dimensions_per_block=4,
        num_reordering_candidates=300,
    )
    config = layer.index.config
    assert (config.tree.num_leaves, config.tree.training_iterations) == (20, 3)
    assert config.score.dimensions_per_block == 4
    assert (config.search.leaves, config.search.candidates) == (20, 300)
    assert not layer.is_exact()
    np.testing.assert_array_equal(numbers(layer(queries)[1]), exact(candidates, queries, 5).ids)
    assert ScannRetrieval(candidates[:8], k=2, num_leaves=100).index.config.tree.num_leaves == 8
    with pytest.raises(ValueError, match="needs `num_leaves`"):
        ScannRetrieval(num_leaves_to_search=3)
    with pytest.raises(ValueError, match="whole plan"):
        ScannRetrieval(num_leaves=3, config=leafscan.Config())
    whole = ScannRetrieval(candidates, config=leafscan.Config(score=leafscan.BruteForce(dtype="int8")))
    assert whole.index.config.row_dtype == "int8"


def test_whether_a_layer_is_exact_is_told(candidates: Matrix):
    assert BruteForceRetrieval().is_exact()
    assert Streaming().is_exact()
    assert not ScannRetrieval().is_exact()
    assert ScannRetrieval(candidates).is_exact()  # few candidates: its own plan compares with all
    assert not ScannRetrieval(candidates, num_leaves=10).is_exact()


def test_an_index_that_is_there_is_published(candidates: Matrix, queries: Matrix):
    layer = ScannRetrieval(k=5)
    model = model_of(layer)
    for rows in (candidates, candidates[:3]):
        index = leafscan.build(rows, metric="dot_product")
        layer.publish(index)
        assert layer.index is index
        found = model.predict(queries, batch_size=16, verbose=0)[1]
        np.testing.assert_array_equal(found, index.search(queries, k=5).ids)
    with pytest.raises(ValueError, match="index must have the metric 'dot_product'"):
        layer.publish(leafscan.build(candidates, metric="cosine"))


@pytest.mark.parametrize("kind", INDEXED)
def test_updates_of_the_index_reach_compiled_models(kind, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, np.arange(300), k=5)
    model = model_of(layer)
    before = model.predict(queries, batch_size=16, verbose=0)[1]
    layer.index.delete(before[0, :2])
    layer.index.upsert([1000], 100 * queries[:1])
    after = model.predict(queries, batch_size=16, verbose=0)[1]
    np.testing.assert_array_equal(after, layer.index.search(queries, k=5).ids)
    assert after[0, 0] == 1000
    layer.index.upsert([2**31], 1000 * queries[:1])
    with pytest.raises(Exception, match="2147483648"):
        model.predict(queries, verbose=0)


def test_a_collected_layer_frees_its_index(candidates: Matrix, queries: Matrix):
    layer = ScannRetrieval(candidates, k=5)
    layer(queries)
    number = layer._slot.number
    del layer
    gc.collect()
    with pytest.raises(ValueError, match="is not open"):
        leafscan._engine.search_slot(number, queries, 1)


def test_a_copied_layer_goes_its_own_way(candidates: Matrix, queries: Matrix):
    layer = ScannRetrieval(candidates, k=5)
    other = copy.deepcopy(layer)
    other.update_candidates(candidates[::-1])
    np.testing.assert_array_equal(numbers(layer(queries)[1]), exact(candidates, queries, 5).ids)
    np.testing.assert_array_equal(numbers(other(queries)[1]), exact(candidates[::-1], queries, 5).ids)


@pytest.mark.parametrize("block_size", [1, 64, 100, 4096])
def test_streaming_is_exact_whatever_the_block(block_size: int, candidates: Matrix, queries: Matrix):
    layer = Streaming(candidates, np.arange(300) * 3, k=7, block_size=block_size)
    np.testing.assert_array_equal(numbers(layer(queries)[1]), exact(candidates, queries, 7).ids * 3)


def test_streaming_has_room_for_so_many(candidates: Matrix):
    layer = Streaming(candidates[:100], np.arange(100), k=5)
    with pytest.raises(ValueError, match="room for 100 candidates of 8 dimensions"):
        layer.update_candidates(candidates, np.arange(300))
    with pytest.raises(ValueError, match="must be integers"):
        Streaming(candidates, [str(place) for place in range(300)], k=5)
    with pytest.raises(ValueError, match="must fit int32"):
        layer.update_candidates(candidates[:100], np.arange(100) + 2**31)
    with pytest.raises(ValueError, match="`block_size` must be at least 1"):
        Streaming(block_size=0)
