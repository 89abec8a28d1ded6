"""Metrics of retrieved ids, held to plain definitions, on the backend of this process."""

import json

import keras
import numpy as np
import pytest

from leafscan.keras import (
    BruteForceRetrieval,
    CatalogCoverage,
    FactorizedTopK,
    HitRateAtK,
    IndexRecall,
    MAPAtK,
    MRRAtK,
    NDCGAtK,
    PopularityBias,
    PrecisionAtK,
    RecallAtK,
    ScannRetrieval,
    Streaming,
)
from leafscan.keras.dispatch import longest_id
from leafscan.recommend import ranking_metrics

Matrix = np.ndarray
ITEMS, USERS, N = 40, 60, 12


def judged(found: list[int], wanted: set[int], k: int) -> dict[type, float]:
    """Follow the definitions, one place at a time."""
    found = found[:k]
    hits = [item >= 0 and item in wanted for item in found]
    gain = sum(1 / np.log2(place + 2) for place, hit in enumerate(hits) if hit)
    ideal = sum(1 / np.log2(place + 2) for place in range(min(len(wanted), k)))
    precisions = [sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]
    return {
        RecallAtK: sum(hits) / len(wanted),
        PrecisionAtK: sum(hits) / k,
        HitRateAtK: float(any(hits)),
        MRRAtK: 1 / (hits.index(True) + 1) if any(hits) else 0.0,
        MAPAtK: sum(precisions) / min(len(wanted), k),
        NDCGAtK: gain / ideal,
    }


KINDS = [RecallAtK, PrecisionAtK, HitRateAtK, MRRAtK, MAPAtK, NDCGAtK]


@pytest.fixture
def data() -> tuple[Matrix, Matrix, Matrix]:
    """Retrieved ids, some padded; relevant ids, padded, some twice, and for some users none; weights."""
    rng = np.random.default_rng(7)
    found = np.stack([rng.permutation(ITEMS)[:N] for _ in range(USERS)])
    for row, keep in enumerate(rng.integers(3, N + 1, USERS)):
        found[row, keep:] = -1
    relevant = rng.integers(0, ITEMS, (USERS, 15))
    for row, keep in enumerate(rng.integers(0, 16, USERS)):
        relevant[row, keep:] = -1
    relevant[0] = -1
    relevant[1, :4] = [5, 5, -1, 5]
    weights = rng.uniform(0, 2, USERS).astype(np.float32)
    return found.astype(np.int32), relevant.astype(np.int32), weights


@pytest.mark.parametrize("k", [1, 5, None])
@pytest.mark.parametrize("kind", KINDS)
def test_metrics_follow_their_definitions(kind, k: int | None, data):
    found, relevant, weights = data
    values, masses = [], []
    for row, wanted, weight in zip(found.tolist(), relevant.tolist(), weights, strict=True):
        if set(wanted) - {-1}:
            values.append(judged(row, set(wanted) - {-1}, k or N)[kind])
            masses.append(weight)
    metric, weighted = kind(k=k), kind(k=k)
    for start in range(0, USERS, 16):
        batch = slice(start, start + 16)
        metric.update_state(relevant[batch], found[batch])
        weighted.update_state(relevant[batch], found[batch], weights[batch])
    assert float(metric.result()) == pytest.approx(np.mean(values), rel=1e-5)
    assert float(weighted.result()) == pytest.approx(np.average(values, weights=masses), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_they_agree_with_ranking_metrics(data):
    found, relevant, _ = data
    mask = np.zeros((USERS, ITEMS), bool)
    for row, wanted in enumerate(relevant):
        mask[row, wanted[wanted >= 0]] = True
    theirs = ranking_metrics(found, mask, k=10)
    for kind, value in ((NDCGAtK, theirs.ndcg), (RecallAtK, theirs.recall), (MRRAtK, theirs.mrr)):
        metric = kind(k=10)
        metric.update_state(relevant, found)
        assert float(metric.result()) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_that_comes_twice_counts_once(kind):
    metric = kind(k=4)
    metric.update_state([[3, 4]], [[3, 3, 7, 4]])
    assert float(metric.result()) == pytest.approx(judged([3, -1, 7, 4], {3, 4}, 4)[kind])


@pytest.mark.parametrize("kind", [*KINDS, IndexRecall])
def test_scores_strings_and_short_lists_are_refused(kind):
    metric = kind(k=2)
    ids = np.array([[1, 2]])
    with pytest.raises(ValueError, match="y_pred must hold ids, which are integers"):
        metric.update_state(ids, np.array([[0.3, 0.1]]))
    with pytest.raises(ValueError, match="y_pred must hold ids, which are integers"):
        metric.update_state(ids, keras.ops.convert_to_tensor([[0.3, 0.1]]))
    with pytest.raises(ValueError, match=r"y_true must hold ids.*encode"):
        metric.update_state(np.array([["a", "b"]]), ids)
    with pytest.raises(ValueError, match="at least k = 2 ids"):
        metric.update_state(ids, ids[:, :1])
    with pytest.raises(ValueError, match="k must be at least 1"):
        kind(k=0)
    if longest_id() < 2**40:
        with pytest.raises(ValueError, match="this backend's integers"):
            metric.update_state(ids + 2**40, ids)
    else:
        metric.update_state(ids + 2**40, ids + 2**40)
        assert float(metric.result()) > 0


@pytest.mark.parametrize("kind", [*KINDS, IndexRecall])
def test_metrics_are_made_again_of_their_configuration(kind):
    metric = kind(k=3)
    other = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    )
    assert (type(other), other.k, other.name) == (kind, 3, metric.name)
    assert metric.name.endswith("_at_3")


def test_metrics_in_a_compiled_evaluate(candidates: Matrix, queries: Matrix):
    """A model that retrieves ids is judged by held-out ids, by fixed names, uneven batches and all."""
    layer = ScannRetrieval(candidates, k=10, return_scores=False)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layer(inputs))
    held_out = np.random.default_rng(5).integers(0, 300, (len(queries), 3)).astype(np.int32)
    held_out[:, 0] = np.asarray(keras.ops.convert_to_numpy(layer(queries)))[:, 4]
    metrics = [RecallAtK(10), NDCGAtK(5), CatalogCoverage(300, 10), PopularityBias(np.arange(300), 10)]
    model.compile(loss=lambda y_true, y_pred: keras.ops.zeros(keras.ops.shape(y_pred)[0]), metrics=metrics)
    found = model.evaluate(queries, held_out, batch_size=16, verbose=0, return_dict=True)
    ids = model.predict(queries, verbose=0)
    for metric in (RecallAtK(10), NDCGAtK(5), CatalogCoverage(300, 10), PopularityBias(np.arange(300), 10)):
        metric.update_state(held_out, ids)
        assert found[metric.name] == pytest.approx(float(metric.result()), rel=1e-4)


def test_recall_of_an_index_is_beside_the_models(candidates: Matrix, queries: Matrix):
    exact = BruteForceRetrieval(candidates, k=10, return_scores=False)(queries)
    poor = ScannRetrieval(candidates, k=10, return_scores=False, num_leaves=30, num_leaves_to_search=2)
    found = np.asarray(keras.ops.convert_to_numpy(poor(queries)))
    truth = np.asarray(keras.ops.convert_to_numpy(exact))
    true = np.mean([len(set(mine) & set(best)) / 10 for mine, best in zip(found, truth, strict=True)])
    metric = IndexRecall(k=10)
    metric.update_state(exact, found)
    assert 0 < true < 1
    assert float(metric.result()) == pytest.approx(true)
    metric.reset_state()
    metric.update_state(exact, exact)
    assert float(metric.result()) == 1
    for held_out in (truth[:, 0], truth[:, :3]):
        with pytest.raises(ValueError, match=r"best ids of exact search.*RecallAtK"):
            metric.update_state(held_out, found)


def test_coverage_counts_every_item_once():
    metric = CatalogCoverage(num_items=10, k=3)
    metric.update_state(None, np.array([[1, 2, 3, 9], [3, 1, -1, 8]]))
    assert float(metric.result()) == pytest.approx(0.3)
    metric.update_state(None, np.array([[0, 12, 3], [4, 5, 6]]), sample_weight=np.array([1, 0]))
    assert float(metric.result()) == pytest.approx(0.4)
    other = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert other.get_config() == metric.get_config()
    metric.reset_state()
    assert float(metric.result()) == 0
    with pytest.raises(ValueError, match="must be at least 1"):
        CatalogCoverage(0)


def test_popularity_bias_follows_its_definition(data):
    found, relevant, weights = data
    counts = np.random.default_rng(1).integers(0, 100, ITEMS)
    given, chosen = 0.0, 0.0
    for row, wanted, weight in zip(found[:, :5], relevant, weights, strict=True):
        if (wanted >= 0).any():
            given += weight * counts[row[row >= 0]].mean()
            chosen += weight * counts[wanted[wanted >= 0]].mean()
    metric = PopularityBias(counts, k=5)
    assert float(metric.result()) == 0
    for start in range(0, USERS, 16):
        batch = slice(start, start + 16)
        metric.update_state(relevant[batch], found[batch], weights[batch])
    assert float(metric.result()) == pytest.approx(given / chosen - 1, rel=1e-4)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    other = keras.saving.deserialize_keras_object(config)
    other.update_state(relevant, found, weights)
    assert float(other.result()) == pytest.approx(given / chosen - 1, rel=1e-4)
    with pytest.raises(ValueError, match="counts must be numbers"):
        PopularityBias([-1])


def accuracies(metric: FactorizedTopK) -> list[float]:
    return [float(value) for value in metric.result().values()]


@pytest.mark.parametrize("metric_name", ["dot_product", "cosine", "squared_l2"])
@pytest.mark.parametrize("kind", [BruteForceRetrieval, Streaming])
def test_factorized_top_k_by_scores_and_by_ids(kind, metric_name: str, candidates: Matrix, queries: Matrix):
    scores = queries.astype(np.float64) @ candidates.T.astype(np.float64)
    if metric_name == "cosine":
        scores /= np.linalg.norm(candidates, axis=1)
    if metric_name == "squared_l2":
        scores = 2 * scores - (candidates.astype(np.float64) ** 2).sum(axis=1)
    # The first query's own candidate is its best, the next one's its second best, and so on.
    places = np.arange(len(queries))
    own = np.argsort(-scores, axis=1)[places, places]
    ranks = (scores > np.take_along_axis(scores, own[:, None], axis=1)).sum(axis=1)
    weights = np.random.default_rng(3).uniform(0, 2, len(queries)).astype(np.float32)
    ks = (1, 10, 100, 400)
    true = [np.average(ranks < k, weights=weights) for k in ks]
    layer = kind(candidates, k=3, metric=metric_name)
    by_ids, by_scores = FactorizedTopK(layer, ks=ks), FactorizedTopK(layer, ks=ks)
    for part in (slice(0, 20), slice(20, None)):
        by_ids.update_state(queries[part], true_candidate_ids=own[part], sample_weight=weights[part])
        by_scores.update_state(queries[part], candidates[own[part]], sample_weight=weights[part])
    assert accuracies(by_ids) == pytest.approx(true, rel=1e-5)
    assert accuracies(by_scores) == pytest.approx(true, rel=1e-5)
    assert next(iter(by_ids.result())) == "factorized_top_k/top_1_categorical_accuracy"


def test_a_candidate_is_not_ranked_below_itself_by_rounding(candidates: Matrix):
    """Scores of candidates that differ by nothing but who computed them."""
    large = candidates * 1000
    for kind in (BruteForceRetrieval, Streaming):
        metric = FactorizedTopK(kind(large / np.linalg.norm(large, axis=1, keepdims=True), k=1), ks=(1,))
        rows = large / np.linalg.norm(large, axis=1, keepdims=True)
        metric.update_state(rows, rows)
        assert accuracies(metric) == [1.0]


def test_scores_of_an_inexact_index_are_refused(candidates: Matrix, queries: Matrix):
    layer = ScannRetrieval(candidates, k=5, num_leaves=10)
    assert not layer.is_exact()
    metric = FactorizedTopK(layer, ks=(1, 5))
    with pytest.raises(ValueError, match=r"true_candidate_ids must be given.*does not search exactly"):
        metric.update_state(queries, candidates[:37])
    metric.update_state(queries, candidates[:37], true_candidate_ids=np.arange(37))
    assert 0 <= accuracies(metric)[0] <= accuracies(metric)[1] <= 1
    with pytest.raises(ValueError, match="true_candidate_ids must be given"):
        FactorizedTopK(candidates).update_state(queries)
    silent = FactorizedTopK(BruteForceRetrieval(candidates, k=1, return_scores=False))
    with pytest.raises(ValueError, match="candidates that return scores"):
        silent.update_state(queries, candidates[:37])
    silent.update_state(queries, true_candidate_ids=np.arange(37))


def test_what_is_no_catalogue_is_refused(candidates: Matrix):
    with pytest.raises(TypeError, match="must be a retrieval layer"):
        FactorizedTopK(keras.layers.Dense(2))
    with pytest.raises(ValueError, match="without a query tower"):
        FactorizedTopK(BruteForceRetrieval(candidates, query_tower=keras.layers.Dense(8)))
    with pytest.raises(ValueError, match="ks must be"):
        FactorizedTopK(candidates, ks=(0,))


def test_string_ids_are_judged_by_position(candidates: Matrix, queries: Matrix):
    names = [f"movie {place}" for place in range(300)]
    layer = ScannRetrieval(candidates, names, k=5)
    best = layer.decode(layer(queries)[1])[:, 0]
    metric = FactorizedTopK(layer, ks=(1,))
    metric.update_state(queries, true_candidate_ids=layer.encode(best))
    assert accuracies(metric) == [1.0]
