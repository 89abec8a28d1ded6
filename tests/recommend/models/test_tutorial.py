"""The tutorial's model, held to the same training written out in NumPy: equal on every backend."""

from pathlib import Path

import keras
import numpy as np
import pytest

from leafscan.recommend import MovieLens, RetrievalModel, shuffle_split, train, tutorial_preset
from leafscan.recommend.batches import Batches
from leafscan.recommend.training import Preset


class NumpyTutorial:
    """Two tables, mean squared error, Adagrad: by hand."""

    def __init__(self, users: np.ndarray, items: np.ndarray, rate: float) -> None:
        self.tables = [users.astype(np.float64), items.astype(np.float64)]
        self.squares = [np.full(table.shape, 0.1) for table in self.tables]
        self.rate = rate

    def loss(self, users: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> float:
        scores = (self.tables[0][users] * self.tables[1][items]).sum(1)
        return float(((scores - ratings) ** 2).mean())

    def step(self, users: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> float:
        loss = self.loss(users, items, ratings)
        left, right = self.tables[0][users], self.tables[1][items]
        error = 2 * ((left * right).sum(1) - ratings)[:, None] / len(users)
        for place, (rows, gradient) in enumerate([(users, error * right), (items, error * left)]):
            whole = np.zeros_like(self.tables[place])
            np.add.at(whole, rows, gradient)
            self.squares[place] += whole**2
            self.tables[place] -= self.rate * whole / np.sqrt(self.squares[place] + 1e-7)
        return loss


def test_losses_and_weights_equal_the_numpy_run(data: MovieLens):
    rng = np.random.default_rng(5)
    users, items = rng.integers(0, 20, 300), rng.integers(0, 30, 300)
    ratings = rng.random(300).astype(np.float32)
    held_out = (rng.integers(0, 20, 50), rng.integers(0, 30, 50), rng.random(50).astype(np.float32))
    model = RetrievalModel(20, 30, embedding_dimension=4, seed=3)
    model.user_embedding.embeddings.assign(rng.normal(0, 0.5, (20, 4)))
    model.candidate_embedding.embeddings.assign(rng.normal(0, 0.5, (30, 4)))
    by_hand = NumpyTutorial(model.query_embeddings(np.arange(20)), model.candidate_embeddings(), rate=0.1)
    model.compile(optimizer=keras.optimizers.Adagrad(learning_rate=0.1))

    def batches(users: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> Batches:
        return Batches(
            users.astype(np.int32), {"movie_id": items.astype(np.int32), "rating": ratings}, batch_size=100
        )

    preset = Preset(
        "tiny", model, batches(users, items, ratings), batches(*held_out), epochs=20, validation_every=5
    )
    history = train(preset, progress=False)
    expected, validation = [], []
    for epoch in range(20):
        cuts = [slice(start, start + 100) for start in range(0, 300, 100)]
        expected.append(np.mean([by_hand.step(users[cut], items[cut], ratings[cut]) for cut in cuts]))
        if epoch % 5 == 4:
            validation.append(by_hand.loss(*held_out))
    assert history.loss == pytest.approx(expected, abs=1e-4)
    assert history.validation_loss == pytest.approx(validation, abs=1e-4)
    assert history.validation_epochs == [5, 10, 15, 20]
    assert expected[-1] < expected[0] - 0.01
    np.testing.assert_allclose(model.candidate_embeddings(), by_hand.tables[1], atol=1e-4)


def test_initial_weights_are_numpys_on_every_backend():
    model = RetrievalModel(6, 8, embedding_dimension=3, seed=4)
    drawn = np.random.default_rng(8).uniform(-0.05, 0.05, (6, 3)).astype(np.float32)
    assert np.array_equal(model.query_embeddings(np.arange(6)), drawn)
    other = RetrievalModel(6, 8, embedding_dimension=3, seed=5)
    assert not np.array_equal(model.candidate_embeddings(), other.candidate_embeddings())


def test_the_preset_has_the_tutorials_shapes(data: MovieLens):
    preset = tutorial_preset(data, seed=1)
    assert preset.model.candidate_embeddings().shape == (60 + 1000, 32)
    assert preset.model.query_embeddings(np.array([1])).shape == (1, 32)
    assert preset.model.num_users == 40 + 1000
    assert (preset.epochs, preset.validation_every) == (50, 5)
    assert (preset.training.batch_size, preset.training.rows, preset.validation.rows) == (1000, 640, 160)
    users, targets = preset.training[0]
    rows = shuffle_split(data, seed=1).train
    assert users.tolist() == data.ratings["user_id"][rows].astype(int).tolist()
    assert targets["movie_id"].tolist() == data.ratings["movie_id"][rows].astype(int).tolist()
    assert targets["rating"].tolist() == ((data.ratings["user_rating"][rows] - 1) / 4).tolist()
    optimizer = preset.model.optimizer
    assert isinstance(optimizer, keras.optimizers.Adagrad)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


def test_ids_must_be_numbers(data: MovieLens):
    named = MovieLens({**data.ratings, "user_id": np.full(len(data), "ann")}, data.movies, data.users)
    with pytest.raises(ValueError, match="whole numbers for ids"):
        tutorial_preset(named)


def test_the_model_is_saved_and_loaded(tmp_path: Path):
    model = RetrievalModel(6, 8, embedding_dimension=3, seed=4)
    model.candidate_embedding.embeddings.assign(np.arange(24.0).reshape(8, 3))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, RetrievalModel)
    assert np.array_equal(loaded.candidate_embeddings(), model.candidate_embeddings())
    assert np.array_equal(loaded.query_embeddings(np.arange(6)), model.query_embeddings(np.arange(6)))


def test_bad_input_gets_a_sentence():
    with pytest.raises(ValueError, match="embedding_dimension must be at least 1, received 0"):
        RetrievalModel(6, 8, embedding_dimension=0)
    with pytest.raises(ValueError, match="y and y_pred must be given"):
        RetrievalModel(6, 8).compute_loss()
