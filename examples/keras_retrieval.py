"""KerasRS' retrieval tutorial with an index inside the model, on the backend that KERAS_BACKEND names.

Run it as ``KERAS_BACKEND=jax python examples/keras_retrieval.py``, or with ``torch`` or ``tensorflow``.
Ratings are made up; ``--movielens`` fetches MovieLens-100K. Needs
``leafscan[keras,recommend]`` and a backend.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leafscan.keras import (
    BruteForceRetrieval,
    FactorizedTopK,
    IndexRecall,
    NDCGAtK,
    RecallAtK,
    RetrievalTask,
    ScannRetrieval,
)
from leafscan.recommend import Interactions, LeaveLastOut, leave_last_out, load_movielens, synthetic_movielens


class TwoTowers(keras.Model):  # type: ignore[misc]
    """A table of users and one of movies, trained to tell a user's movies from the others of a batch."""

    def __init__(self, users: int, movies: int, dimensions: int = 32) -> None:
        super().__init__()
        self.user = keras.Sequential(
            [keras.Input((), dtype="int32"), keras.layers.Embedding(users, dimensions)]
        )
        self.movie = keras.layers.Embedding(movies, dimensions)
        self.movie.build((None,))
        self.catalogue = BruteForceRetrieval(self.movie.embeddings, k=10)
        # What users have seen is not taken out there, and comes first: large ks.
        self.task = RetrievalTask(
            metrics=FactorizedTopK(self.catalogue, ks=(50, 100)), temperature=0.2, remove_accidental_hits=True
        )

    def call(self, inputs: dict[str, Any]) -> Any:
        """Look users up."""
        return self.user(inputs["user"])

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Compare each user with the movies of the batch; popular ones are negatives more often."""
        return self.task(
            y_pred,
            self.movie(y["movie"]),
            sample_weight,
            candidate_sampling_probability=y["probability"],
            candidate_ids=y["movie"],
            compute_metrics=not training,
        )


def columns(events: Interactions, popularity: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the model takes and what it is compared with."""
    return {"user": events.users}, {"movie": events.items, "probability": popularity[events.items]}


def seen_by(users: np.ndarray, events: Interactions) -> np.ndarray:
    """Return the movies of each user, one row each, filled up with -1."""
    rows = [events.items[events.users == user] for user in users]
    seen = np.full((len(rows), max(len(row) for row in rows)), -1, np.int32)
    for row, movies in zip(seen, rows, strict=True):
        row[: len(movies)] = movies
    return seen


def trained(split: LeaveLastOut, epochs: int) -> TwoTowers:
    """Train, and print how often the whole catalogue gives the held-out movie."""
    model = TwoTowers(split.train.num_users, split.train.num_items)
    counts = np.bincount(split.train.items, minlength=split.train.num_items).astype(np.float32)
    popularity = np.maximum(counts, 1) / counts.sum()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(*columns(split.train, popularity), batch_size=256, epochs=epochs, verbose=0)
    model.catalogue.update_candidates(model.movie.embeddings)
    for name, value in model.evaluate(
        *columns(split.validation, popularity), batch_size=256, verbose=0, return_dict=True
    ).items():
        print(f"validation {name}: {value:.4f}")
    return model


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, retrieve inside a compiled model, judge, save and load; return what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movielens", action="store_true", help="fetch MovieLens-100K")
    parser.add_argument("--epochs", type=int, default=20, help="how many passes over the ratings")
    given = parser.parse_args(arguments)
    keras.utils.set_random_seed(42)

    data = load_movielens() if given.movielens else synthetic_movielens(users=200, movies=300)
    split = leave_last_out(data)
    model = trained(split, given.epochs)

    # The towers' movies go into an index, and the index into a model that is compiled as any other.
    movies = np.asarray(keras.ops.convert_to_numpy(model.movie.embeddings))
    layer = ScannRetrieval(movies, k=10, query_tower=model.user)
    user, seen = keras.Input((), dtype="int32"), keras.Input((None,), dtype="int32")
    server = keras.Model([user, seen], layer(user, exclusions=seen))
    users = np.unique(split.test.users)
    exclusions = seen_by(users, split.refit)
    scores, ids = server.predict([users, exclusions], batch_size=64, verbose=0)

    titles = data.movies["movie_title"]
    print(f"user {users[0]} gets: " + ", ".join(titles[movie] for movie in ids[0, :3]))

    held_out = seen_by(users, split.test)
    measured = {}
    for metric in (RecallAtK(10), NDCGAtK(10)):
        metric.update_state(held_out, ids)
        measured[metric.name] = float(metric.result())
    exact = BruteForceRetrieval(movies, k=10, query_tower=model.user, return_scores=False)
    of_index = IndexRecall(10)
    of_index.update_state(exact(users, exclusions=exclusions), ids)
    measured[of_index.name] = float(of_index.result())

    with tempfile.TemporaryDirectory() as folder:
        server.save(Path(folder) / "server.keras")
        loaded = keras.saving.load_model(Path(folder) / "server.keras")
        again = loaded.predict([users, exclusions], batch_size=64, verbose=0)
    measured["same_when_loaded"] = float(np.array_equal(again[1], ids) and np.allclose(again[0], scores))
    for name, value in measured.items():
        print(f"{name}: {value:.4f}")
    return measured


if __name__ == "__main__":
    main()
