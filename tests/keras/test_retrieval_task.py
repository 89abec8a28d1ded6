"""The loss of a batch, held to a reference in float64, on the backend of this process."""

import json

import keras
import keras_rs
import numpy as np
import pytest

from leafscan.keras import BruteForceRetrieval, FactorizedTopK, RemoveAccidentalHits, RetrievalTask, Streaming

Matrix = np.ndarray
QUERIES, CANDIDATES, DIM = 6, 9, 4
IDS = np.array([3, 5, 3, 7, 5, 3, 9, 7, 2])


def numbers(tensor) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@pytest.fixture
def embeddings() -> tuple[Matrix, Matrix]:
    rng = np.random.default_rng(3)
    return (
        rng.standard_normal((QUERIES, DIM)).astype(np.float32),
        rng.standard_normal((CANDIDATES, DIM)).astype(np.float32),
    )


def reference(
    queries: Matrix,
    candidates: Matrix,
    *,
    temperature: float = 1.0,
    probability=None,
    ids=None,
    mask=None,
    hard: int | None = None,
    weights=None,
) -> tuple[float, Matrix, Matrix]:
    """Return the loss and its derivatives, in float64, one row at a time."""
    q, c = queries.astype(np.float64), candidates.astype(np.float64)
    logits = q @ c.T / temperature
    if probability is not None:
        logits = logits - np.log(np.asarray(probability, np.float64))
    loss, slope = 0.0, np.zeros_like(logits)
    for row, scores in enumerate(logits):
        kept = [
            place
            for place in range(len(c))
            if place != row
            and not (
                ids is not None
                and np.broadcast_to(ids, logits.shape)[row, place]
                == np.broadcast_to(ids, logits.shape)[row, row]
            )
            and (mask is None or mask[row, place])
        ]
        if hard is not None:
            kept = sorted(kept, key=lambda place: -scores[place])[:hard]
        kept.append(row)
        weight = 1.0 if weights is None else float(weights[row])
        shifted = np.exp(scores[kept] - scores[kept].max())
        loss += weight * (np.log(shifted.sum()) - (scores[row] - scores[kept].max()))
        slope[row, kept] += weight * shifted / shifted.sum()
        slope[row, row] -= weight
    slope /= temperature
    return loss, slope @ c, slope.T @ q


class Tables(keras.Model):
    """Two tables, so that one step of plain descent shows the derivatives on every backend."""

    def __init__(self, queries: Matrix, candidates: Matrix, task: RetrievalTask, options: dict) -> None:
        super().__init__()
        self.queries = self.add_weight(shape=queries.shape, name="queries")
        self.candidates = self.add_weight(shape=candidates.shape, name="candidates")
        self.queries.assign(queries)
        self.candidates.assign(candidates)
        self.task, self.options = task, options
        self.built = True

    def call(self, inputs):
        return inputs

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.task(self.queries.value, self.candidates.value, **self.options)


def loss_and_slopes(queries: Matrix, candidates: Matrix, task: RetrievalTask, **options):
    model = Tables(queries, candidates, task, options)
    model.compile(keras.optimizers.SGD(1.0))
    loss = float(np.asarray(model.train_on_batch(np.zeros((1, 1), np.float32), np.zeros((1,), np.float32))))
    return loss, queries - numbers(model.queries), candidates - numbers(model.candidates)


RNG = np.random.default_rng(4)
PROBABILITY = RNG.uniform(0.01, 0.6, CANDIDATES).astype(np.float32)
MASK = RNG.random((QUERIES, CANDIDATES)) < 0.7
WEIGHTS = RNG.uniform(0.1, 2, QUERIES).astype(np.float32)
ROWS_OF_IDS = RNG.integers(0, 4, (QUERIES, CANDIDATES)).astype(np.int32)


@pytest.mark.parametrize(
    ("made", "called"),
    [
        ({}, {}),
        ({"temperature": 0.3}, {}),
        ({}, {"probability": PROBABILITY}),
        ({"remove_accidental_hits": True}, {"ids": IDS}),
        ({"remove_accidental_hits": True}, {"ids": ROWS_OF_IDS}),
        ({}, {"mask": MASK}),
        ({"num_hard_negatives": 3}, {}),
        ({"num_hard_negatives": 50}, {}),
        ({}, {"weights": WEIGHTS}),
        ({"num_hard_negatives": 8, "remove_accidental_hits": True}, {"ids": IDS}),
        (
            {"temperature": 0.5, "num_hard_negatives": 2, "remove_accidental_hits": True},
            {"probability": PROBABILITY, "ids": IDS, "mask": MASK, "weights": WEIGHTS},
        ),
    ],
)
def test_loss_and_derivatives_are_those_of_the_reference(made: dict, called: dict, embeddings):
    names = {
        "probability": "candidate_sampling_probability",
        "ids": "candidate_ids",
        "mask": "score_mask",
        "weights": "sample_weight",
    }
    options = {names[name]: value for name, value in called.items()}
    found = loss_and_slopes(*embeddings, RetrievalTask(**made), **options)
    about = {"temperature": made.get("temperature", 1.0), "hard": made.get("num_hard_negatives")}
    for mine, true in zip(found, reference(*embeddings, **called, **about), strict=True):
        np.testing.assert_allclose(mine, true, rtol=2e-5, atol=2e-5)


def test_the_correction_of_sampling_gives_the_popular_less(embeddings):
    """With the wrong sign they would be pushed down more than the others."""
    queries = np.ones((1, 1), np.float32)
    plain = loss_and_slopes(queries, np.ones((3, 1), np.float32), RetrievalTask())
    popular = np.array([0.1, 0.8, 0.1], np.float32)
    corrected = loss_and_slopes(
        queries, np.ones((3, 1), np.float32), RetrievalTask(), candidate_sampling_probability=popular
    )
    assert corrected[2][1, 0] < plain[2][1, 0] < corrected[2][2, 0]


def test_accidental_hits_are_removed_where_kerasrs_does_not():
    """KerasRS 0.4.0 adds 1e-40, and with a list for each row compares with the first row's positive."""
    logits = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)
    labels = np.eye(3, dtype=np.float32)
    layer = RemoveAccidentalHits()
    assert isinstance(layer, keras_rs.layers.RemoveAccidentalHits)
    masked = numbers(layer(logits, labels, np.array([7, 8, 7]))) < -1e30
    np.testing.assert_array_equal(masked, [[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    rows = np.array([[7, 8, 7], [7, 8, 8], [1, 2, 2]])
    out = numbers(layer(logits, labels, rows))
    np.testing.assert_array_equal(out < -1e30, [[0, 0, 1], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(out[out > -1e30], logits[out > -1e30])
    assert np.isfinite(out).all()
    one = numbers(layer(logits[2], labels[2], np.array([7, 8, 7])))
    np.testing.assert_array_equal(one < -1e30, [1, 0, 0])
    no_positive = numbers(layer(logits, np.zeros_like(labels), np.array([7, 8, 7])))
    np.testing.assert_array_equal(no_positive, logits)
    with pytest.raises(ValueError, match="`candidate_ids` should have the same shape"):
        layer(logits, labels, np.arange(4))
    with pytest.raises(ValueError, match="`labels` and `logits` should have the same shape"):
        layer(logits, labels[:2], np.arange(3))


def test_a_masked_positive_still_counts(embeddings):
    mask = np.ones((QUERIES, CANDIDATES), bool)
    plain = loss_and_slopes(*embeddings, RetrievalTask(), score_mask=mask)
    np.fill_diagonal(mask, False)
    found = loss_and_slopes(*embeddings, RetrievalTask(), score_mask=mask)
    assert found[0] == pytest.approx(plain[0])


def test_several_vectors_a_query(embeddings):
    queries, candidates = embeddings
    heads = np.stack([queries, -queries], axis=1)
    logits = np.abs(queries.astype(np.float64) @ candidates.T.astype(np.float64))
    true = (np.log(np.exp(logits).sum(axis=1)) - np.diagonal(logits)).sum()
    assert float(RetrievalTask()(heads, candidates)) == pytest.approx(true, rel=1e-5)


def test_a_mixed_policy_keeps_float32(embeddings):
    loss = RetrievalTask(dtype="mixed_bfloat16", temperature=0.1, num_hard_negatives=4)(*embeddings)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    true = reference(*embeddings, temperature=0.1, hard=4)[0]
    assert float(loss) == pytest.approx(true, rel=1e-5)


def test_what_is_wrong_is_said(embeddings):
    queries, candidates = embeddings
    with pytest.raises(ValueError, match="temperature must be above 0"):
        RetrievalTask(temperature=0)
    with pytest.raises(ValueError, match="num_hard_negatives must be at least 1"):
        RetrievalTask(num_hard_negatives=0)
    with pytest.raises(ValueError, match="candidate_ids must be given"):
        RetrievalTask(remove_accidental_hits=True)(queries, candidates)
    with pytest.raises(ValueError, match="5 candidates for 6 queries"):
        RetrievalTask()(queries, candidates[:5])
    with pytest.raises(ValueError, match="must have shape"):
        RetrievalTask()(queries[0], candidates)


def test_a_task_is_made_again_of_its_configuration(embeddings):
    task = RetrievalTask(
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, reduction="mean"),
        metrics=FactorizedTopK(BruteForceRetrieval(embeddings[1], k=1), ks=(1, 3)),
        batch_metrics=[keras.metrics.TopKCategoricalAccuracy(k=2, name="in_batch")],
        loss_metrics=keras.metrics.Mean(name="task_loss"),
        temperature=0.2,
        num_hard_negatives=4,
        remove_accidental_hits=True,
    )
    config = keras.saving.serialize_keras_object(task)
    other = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    other.candidate_layers[0].update_candidates(embeddings[1])
    ids = np.arange(CANDIDATES)
    losses = [float(each(*embeddings, candidate_ids=ids)) for each in (task, other)]
    assert losses[0] == pytest.approx(losses[1])
    names = {metric.name for metric in other.metrics}
    assert names == {"factorized_top_k", "in_batch", "task_loss"}
    for mine, theirs in zip(task.metrics, other.metrics, strict=True):
        assert str(mine.result()) == str(theirs.result())
    assert other.get_config() == task.get_config()


@keras.saving.register_keras_serializable(package="leafscan_tests")
class TwoTowers(keras.Model):
    def __init__(self, users: int = 60, items: int = 20, task=None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.sizes = (users, items)
        self.users = keras.layers.Embedding(users, 8)
        self.items = keras.layers.Embedding(items, 8)
        self.task = task
        self.items.build((None,))

    def call(self, inputs):
        return self.users(inputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.task(y_pred, self.items(y), sample_weight, candidate_ids=y, compute_metrics=not training)

    def get_config(self):
        task = keras.saving.serialize_keras_object(self.task)
        return {"users": self.sizes[0], "items": self.sizes[1], "task": task}

    @classmethod
    def from_config(cls, config):
        return cls(config["users"], config["items"], keras.saving.deserialize_keras_object(config["task"]))


@pytest.mark.parametrize("kind", [BruteForceRetrieval, Streaming])
def test_fit_and_evaluate_compiled_and_saved(kind, tmp_path):
    """Users of one kind choose one item; the task learns it, and the whole catalogue's metric sees it."""
    keras.utils.set_random_seed(0)
    users = np.tile(np.arange(60, dtype=np.int32), 4)
    items = users % 20
    catalogue = kind(np.zeros((20, 8), np.float32), k=1)
    task = RetrievalTask(
        metrics=FactorizedTopK(catalogue, ks=(1, 5)),
        batch_metrics=keras.metrics.TopKCategoricalAccuracy(k=1, name="in_batch"),
        remove_accidental_hits=True,
        temperature=0.5,
    )
    model = TwoTowers(task=task)
    model.compile(keras.optimizers.Adam(0.05))
    history = model.fit(users, items, batch_size=48, epochs=15, verbose=0).history
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert history["in_batch"][-1] > 0.95
    before = model.evaluate(users, items, batch_size=48, verbose=0, return_dict=True)
    catalogue.update_candidates(numbers(model.items.embeddings))
    after = model.evaluate(users, items, batch_size=50, verbose=0, return_dict=True)
    assert before["factorized_top_k/top_1_categorical_accuracy"] < 0.3
    assert after["factorized_top_k/top_1_categorical_accuracy"] > 0.95
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded.evaluate(users, items, batch_size=50, verbose=0, return_dict=True)
    for name, value in after.items():
        assert again[name] == pytest.approx(value, rel=1e-5), name
