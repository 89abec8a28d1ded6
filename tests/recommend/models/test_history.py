from pathlib import Path

import keras
import numpy as np
import pytest

from leafscan.recommend import HistoryModel


def numpy_query(model: HistoryModel, user: int, history: list[int]) -> np.ndarray:
    """The query tower by hand."""
    table, decay, mix, users = (
        np.asarray(keras.ops.convert_to_numpy(weight), np.float64)
        for weight in (model.item, model.decay, model.mix, model.user)
    )
    pools = []
    for row in decay:
        weights = np.array(
            [np.exp(row[place]) if item < model.num_items else 0 for place, item in enumerate(history)]
        )
        weights = weights / np.sqrt((weights**2).sum() + 1e-3)
        pools.append(weights @ table[history])
    return np.append(np.concatenate(pools) @ mix + users[user], 1.0)


@pytest.fixture
def model() -> HistoryModel:
    made = HistoryModel(5, 9, width=4, history_length=3, timescales=(1.0, 5.0), seed=1)
    rng = np.random.default_rng(0)
    made.user.assign(rng.normal(size=(6, 4)))
    made.set_popularity(np.arange(9))
    return made


HISTORIES = [[0, 1, 2], [8, 9, 9], [9, 9, 9], [3, 3, 3]]


def test_queries_equal_numpys(model: HistoryModel):
    users = [0, 4, 5, 2]
    queries = model.query_embeddings(np.array(users), np.array(HISTORIES), batch_size=3)
    expected = [numpy_query(model, user, history) for user, history in zip(users, HISTORIES, strict=True)]
    np.testing.assert_allclose(queries, expected, atol=1e-6)
    assert queries.dtype == np.float32
    assert model.query_embeddings(np.array([], int), np.empty((0, 3), int)).shape == (0, 5)


def test_the_loss_equals_numpys(model: HistoryModel):
    users, items = np.array([0, 4, 5, 2], np.int32), np.array([5, 0, 8, 1], np.int32)
    inputs = {"user": users, "history": np.array(HISTORIES, np.int32)}
    loss = model.compute_loss(inputs, items, model(inputs))
    logits = model.query_embeddings(users, np.array(HISTORIES)) @ model.candidate_embeddings().T
    for row, history in enumerate(HISTORIES):
        logits[row, [item for item in history if item < 9]] = -np.inf
    picked = logits[np.arange(4), items] - np.log(np.exp(logits).sum(1))
    assert float(keras.ops.convert_to_numpy(loss)) == pytest.approx(-picked.mean(), abs=1e-5)


def test_a_target_that_comes_again_is_not_masked(model: HistoryModel):
    users, items, history = np.array([0], np.int32), np.array([1], np.int32), np.array([[1, 2, 1]], np.int32)
    inputs = {"user": users, "history": history}
    loss = float(keras.ops.convert_to_numpy(model.compute_loss(inputs, items, model(inputs))))
    logits = (model.query_embeddings(users, history) @ model.candidate_embeddings().T)[0]
    logits[2] = -np.inf
    assert loss == pytest.approx(np.log(np.exp(logits).sum()) - logits[1], abs=1e-5)


def test_candidates_end_in_the_bias(model: HistoryModel):
    candidates = model.candidate_embeddings()
    logs = np.log1p(np.arange(9))
    np.testing.assert_allclose(candidates[:, -1], logs - logs.mean(), atol=1e-6)
    assert (candidates.shape, candidates.dtype) == ((9, 5), np.float32)


def test_the_latest_item_weighs_most(model: HistoryModel):
    candidates = model.candidate_embeddings()[:, :-1]
    query = model.query_embeddings(np.array([5]), np.array([[2, 7, 7]]))[0, :-1]
    model.user.assign(np.zeros((6, 4)))
    query = model.query_embeddings(np.array([5]), np.array([[2, 7, 7]]))[0, :-1]
    pull = np.linalg.lstsq(candidates[[2, 7]].T, query, rcond=None)[0]
    assert pull[0] > pull[1] > 0


def test_training_drops_and_inference_does_not(model: HistoryModel):
    inputs = {"user": np.zeros(64, np.int32), "history": np.tile(np.array([0, 1, 2], np.int32), (64, 1))}
    still = keras.ops.convert_to_numpy(model(inputs))
    assert np.ptp(still, axis=0).max() == pytest.approx(0, abs=1e-6)
    moving = keras.ops.convert_to_numpy(model(inputs, training=True))
    assert np.ptp(moving[:, :-1], axis=0).min() > 0
    assert (moving[:, -1] == 1).all()


def test_the_model_is_saved_and_loaded(model: HistoryModel, tmp_path: Path):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, HistoryModel)
    assert loaded.get_config() == model.get_config()
    assert np.array_equal(loaded.candidate_embeddings(), model.candidate_embeddings())
    users, history = np.array([0, 4, 5, 2]), np.array(HISTORIES)
    assert np.array_equal(loaded.query_embeddings(users, history), model.query_embeddings(users, history))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"num_items": 0}, "num_items must be at least 1, received 0"),
        ({"timescales": ()}, r"positive numbers of items, received \(\)"),
        ({"timescales": (1.0, 0.0)}, r"received \(1\.0, 0\.0\)"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, received 1"),
        ({"history_dropout": -0.1}, "history_dropout must be at least 0"),
    ],
)
def test_bad_arguments_get_a_sentence(arguments: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        HistoryModel(**{"num_users": 2, "num_items": 3, **arguments})


def test_bad_calls_get_a_sentence(model: HistoryModel):
    with pytest.raises(ValueError, match=r"shape \(9,\), received \(8,\)"):
        model.set_popularity(np.ones(8))
    with pytest.raises(ValueError, match="x, y and y_pred must be given"):
        model.compute_loss()
