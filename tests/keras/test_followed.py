"""Candidates that are a variable, KerasRS' ``layer.candidate_embeddings = tower.embeddings``."""

from pathlib import Path

import keras
import keras_rs
import numpy as np
import pytest

import leafscan
from leafscan.keras import BruteForceRetrieval, FactorizedTopK, ScannRetrieval, Streaming, export
from leafscan.keras.blocks import best_rows

LAYERS = [ScannRetrieval, BruteForceRetrieval, Streaming]
INDEXED = [ScannRetrieval, BruteForceRetrieval]
Matrix = np.ndarray


def numbers(tensor) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def exact(candidates: Matrix, queries: Matrix, k: int, metric: str = "dot_product", ids=None):
    plan = leafscan.Config(score=leafscan.BruteForce())
    return leafscan.build(candidates, metric=metric, ids=ids, config=plan).search(queries, k=k)


def model_of(layer) -> keras.Model:
    inputs = keras.Input((8,))
    return keras.Model(inputs, layer(inputs))


def following(kind, candidates: Matrix, **options):
    layer = kind(**options)
    layer.candidate_embeddings = keras.Variable(candidates, name="movies")
    return layer


@pytest.mark.parametrize("kind", LAYERS)
def test_a_compiled_model_sees_the_values_of_the_moment(kind, candidates: Matrix, queries: Matrix):
    layer = following(kind, candidates, k=5)
    model = model_of(layer)
    assert layer.is_exact()
    assert layer.candidate_ids is None
    for rows in (candidates, candidates[::-1], -candidates):
        layer.candidate_embeddings.assign(rows)
        scores, ids = model.predict(queries, batch_size=16, verbose=0)
        expected = exact(rows, queries, 5)
        np.testing.assert_array_equal(ids, expected.ids)
        np.testing.assert_allclose(scores, expected.scores, rtol=1e-4, atol=1e-5)
        assert (ids.dtype, scores.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_metrics_ids_one_query_and_more_than_there_are(
    kind, metric: str, candidates: Matrix, queries: Matrix
):
    layer = following(kind, candidates[:6], k=4, metric=metric)
    layer.candidate_ids = keras.Variable(np.arange(6) * 10, dtype="int32", trainable=False)
    expected = exact(candidates[:6], queries, 6, metric, np.arange(6) * 10)
    scores, ids = (numbers(each) for each in layer(queries, k=8))
    np.testing.assert_array_equal(ids[:, :6], expected.ids)
    np.testing.assert_allclose(scores[:, :6], expected.scores, rtol=1e-4, atol=1e-4)
    assert (ids[:, 6:] == -1).all()
    assert (scores[:, 6:] == (np.inf if metric == "squared_l2" else -np.inf)).all()
    assert numbers(layer(queries[0])[1]).tolist() == expected.ids[0, :4].tolist()
    cube = layer(queries[:36].reshape(6, 6, 8))[1]
    np.testing.assert_array_equal(numbers(cube).reshape(36, 4), expected.ids[:36, :4])


@pytest.mark.parametrize("kind", INDEXED)
@pytest.mark.parametrize("metric", ["dot_product", "squared_l2"])
def test_exclusions_hold_and_allow_lists_are_refused(kind, metric: str, candidates: Matrix, queries: Matrix):
    layer = following(kind, candidates, k=4, metric=metric)
    ranked = exact(candidates, queries, 300, metric).ids.astype(np.int32)
    seen = np.hstack([ranked[:, 1:4], np.full((37, 2), -1, np.int32)])
    rest = np.hstack([ranked[:, :1], ranked[:, 4:7]])
    np.testing.assert_array_equal(numbers(layer(queries, exclusions=seen)[1]), rest)
    one = numbers(layer(queries, exclusions=ranked[0, :3])[1])
    assert one[0].tolist() == ranked[0, 3:7].tolist()
    inputs, denied = keras.Input((8,)), keras.Input((5,), dtype="int32")
    model = keras.Model([inputs, denied], layer(inputs, exclusions=denied))
    np.testing.assert_array_equal(model.predict([queries, seen], batch_size=16, verbose=0)[1], rest)
    few = following(kind, candidates[:5], k=4, metric=metric)
    assert (np.sort(numbers(few(queries, exclusions=[0, 1])[1]), axis=1)[:, :1] == -1).all()
    with pytest.raises(ValueError, match="`allow` needs an index"):
        layer(queries, allow=seen)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_table_may_be_trained_through_scores(kind, candidates: Matrix, queries: Matrix):
    layer = following(kind, candidates, k=3)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layer(inputs)[0])
    assert len(model.trainable_variables) == 1
    model.compile("sgd", loss=lambda _, scores: -keras.ops.mean(scores))
    before = model.evaluate(queries, np.zeros((37, 3)), verbose=0)
    model.fit(queries, np.zeros((37, 3)), epochs=2, verbose=0)
    assert model.evaluate(queries, np.zeros((37, 3)), verbose=0) < before - 0.001


@pytest.mark.parametrize("kind", LAYERS)
def test_it_is_kerasrs_layer(kind, candidates: Matrix, queries: Matrix):
    theirs = keras_rs.layers.BruteForceRetrieval(k=5)
    theirs.candidate_embeddings = keras.Variable(candidates)
    for mine, other in zip(following(kind, candidates, k=5)(queries), theirs(queries), strict=True):
        np.testing.assert_allclose(numbers(mine), numbers(other), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_what_cannot_be_followed_is_refused(kind, candidates: Matrix, queries: Matrix):
    variable = keras.Variable(candidates, name="movies")
    layer = kind(k=5)
    with pytest.raises(TypeError, match=r"takes a variable.*Received: ndarray.*update_candidates"):
        layer.candidate_embeddings = candidates
    with pytest.raises(ValueError, match="must be a tensor of rank 2"):
        layer.candidate_embeddings = keras.Variable(candidates[0])
    with pytest.raises(ValueError, match=r"candidates provided \(4\) is less than"):
        layer.candidate_embeddings = keras.Variable(candidates[:4])
    with pytest.raises(ValueError, match="where `candidate_embeddings` was assigned a variable before"):
        layer.candidate_ids = keras.Variable(np.arange(300), dtype="int32", trainable=False)
    assert not layer.variables
    layer.candidate_embeddings = variable
    layer.candidate_embeddings = variable
    with pytest.raises(ValueError, match="follows the variable 'movies'"):
        layer.update_candidates(candidates)
    with pytest.raises(ValueError, match="has candidates already"):
        layer.candidate_embeddings = keras.Variable(candidates)
    with pytest.raises(TypeError, match=r"takes a variable of integers\. Received: float32"):
        layer.candidate_ids = keras.Variable(np.zeros(300, np.float32))
    with pytest.raises(ValueError, match="must have the same number of rows"):
        layer.candidate_ids = keras.Variable(np.arange(7), dtype="int32", trainable=False)
    with pytest.raises(ValueError, match=r"queries must have the shape \(8,\)"):
        layer(queries[:, :4])
    assert [each is variable for each in layer.variables] == [True]
    had = kind(candidates, k=5)
    before = len(had.variables)
    with pytest.raises(ValueError, match="has candidates already"):
        had.candidate_embeddings = variable
    assert len(had.variables) == before


@pytest.mark.parametrize("kind", INDEXED)
def test_an_index_is_not_mixed_with_a_variable(kind, candidates: Matrix, tmp_path: Path):
    layer = following(kind, candidates, k=5)
    with pytest.raises(ValueError, match="follows the variable 'movies'"):
        layer.publish(leafscan.build(candidates, metric="dot_product"))
    with pytest.raises(ValueError, match="follows a variable and has no index to export"):
        export(layer, tmp_path)
    assert layer.index is None
    own = kind(candidates, np.arange(300) + 4, k=5)
    for name in ("candidate_embeddings", "candidate_ids"):
        assert not hasattr(own, name)
    assert kind().candidate_embeddings is None


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_called_on_symbols_before_follows(kind, candidates: Matrix, queries: Matrix):
    layer = kind(k=5)
    model = model_of(layer)
    layer.candidate_embeddings = keras.Variable(candidates)
    expected = exact(candidates, queries, 5).ids
    np.testing.assert_array_equal(model.predict(queries, batch_size=16, verbose=0)[1], expected)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_functional_model_is_saved_with_the_values(
    kind, candidates: Matrix, queries: Matrix, tmp_path: Path
):
    layer = following(kind, candidates, k=5)
    layer.candidate_ids = keras.Variable(np.arange(300) + 7, dtype="int32", trainable=False)
    model = model_of(layer)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(queries, verbose=0)[1], exact(candidates, queries, 5, ids=np.arange(300) + 7).ids
    )


def test_a_metric_follows_what_is_trained(candidates: Matrix, queries: Matrix):
    metric = FactorizedTopK(following(ScannRetrieval, candidates, k=5), ks=(1, 5))
    ids = exact(candidates, queries, 3).ids
    metric.update_state(queries, true_candidate_ids=ids[:, 2].astype(np.int32))
    assert [float(value) for value in metric.result().values()] == [0.0, 1.0]


@pytest.mark.parametrize("kind", LAYERS)
def test_a_score_of_a_subclass_is_not_passed_over(kind):
    class Mine(kind):
        def compute_score(self, query_embedding, candidate_embedding):
            return -super().compute_score(query_embedding, candidate_embedding)

    with pytest.raises(TypeError, match="Mine has a compute_score of its own"):
        Mine(k=5)


@pytest.mark.parametrize("count", [None, 1, 64, 99])
@pytest.mark.parametrize("block_size", [1, 7, 99, 4096])
def test_blocks_that_do_not_divide_the_table(block_size: int, count, candidates: Matrix, queries: Matrix):
    rows = candidates[:99]
    found = numbers(best_rows(queries, rows, 5, metric="dot_product", count=count, block_size=block_size)[1])
    expected = exact(rows[:count], queries, 5).ids
    np.testing.assert_array_equal(found, expected)
