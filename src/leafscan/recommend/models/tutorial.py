"""The two-tower model of the KerasRS retrieval tutorial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras  # type: ignore[import-untyped, import-not-found, unused-ignore]
import numpy as np
from keras import ops
from numpy.typing import NDArray

from leafscan.recommend.models.initializers import SeededUniform
from leafscan.recommend.models.lookup import dense_lookup

__all__ = ["RetrievalModel"]


@keras.saving.register_keras_serializable(package="leafscan")
class RetrievalModel(keras.Model):  # type: ignore[misc, unused-ignore]
    """Two embedding tables whose inner product predicts a rating.

    Parameters
    ----------
    num_users, num_candidates
        Rows of the two tables, at least 1.
    embedding_dimension
        Their width.
    seed
        Seeds the initial weights, uniform in -0.05..0.05 as Keras' embeddings are; equal on every backend.
    **kwargs
        Passed to ``keras.Model``.

    Raises
    ------
    ValueError
        If a size is below 1.

    Notes
    -----
    A call takes user ids, integers of shape (b,), and gives ``{"user_embeddings": (b,
    embedding_dimension)}``. Targets are ``{"movie_id": (b,), "rating": (b,)}``, and the loss is the mean
    squared error of the inner products. It is the model of KerasRS' "basic retrieval" and ScaNN tutorials
    (Sharma and Hertschuh 2025), written anew. It learns ratings, not choices: expect hardly any
    recommendation quality of it.

    Examples
    --------
    >>> import numpy as np
    >>> model = RetrievalModel(num_users=5, num_candidates=7, embedding_dimension=4, seed=0)
    >>> model.query_embeddings(np.array([1, 3])).shape, model.candidate_embeddings().shape
    ((2, 4), (7, 4))
    """

    def __init__(
        self, num_users: int, num_candidates: int, embedding_dimension: int = 32, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        sizes = {
            "num_users": num_users,
            "num_candidates": num_candidates,
            "embedding_dimension": embedding_dimension,
        }
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, received {value}.")
        self.num_users = num_users
        self.num_candidates = num_candidates
        self.embedding_dimension = embedding_dimension
        self.seed = seed
        self.user_embedding = keras.layers.Embedding(
            num_users, embedding_dimension, embeddings_initializer=SeededUniform(seed=2 * seed), name="user"
        )
        self.candidate_embedding = keras.layers.Embedding(
            num_candidates,
            embedding_dimension,
            embeddings_initializer=SeededUniform(seed=2 * seed + 1),
            name="candidate",
        )
        self.build((None,))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make both tables; the candidates' is never called with the inputs."""
        if not self.user_embedding.built:
            self.user_embedding.build(input_shape)
            self.candidate_embedding.build(input_shape)
            self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Look users up.

        Parameters
        ----------
        inputs
            User ids, integers of shape (b,).
        training
            Not used.

        Returns
        -------
        dict
            ``user_embeddings``, of shape (b, embedding_dimension).
        """
        return {"user_embeddings": dense_lookup(self.user_embedding.embeddings, inputs)}

    def compute_loss(
        self,
        x: Any = None,
        y: Mapping[str, Any] | None = None,
        y_pred: Mapping[str, Any] | None = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Compare inner products with ratings.

        Parameters
        ----------
        x
            The user ids; not used.
        y
            ``movie_id`` and ``rating``, each of shape (b,).
        y_pred
            What `call` gave.
        sample_weight
            Weights of shape (b,), or none.
        training
            Not used.

        Returns
        -------
        tensor
            The mean squared error, a scalar.
        """
        if y is None or y_pred is None:
            raise ValueError("y and y_pred must be given; the loss compares ratings with predictions.")
        candidates = dense_lookup(self.candidate_embedding.embeddings, y["movie_id"])
        scores = ops.sum(y_pred["user_embeddings"] * candidates, axis=-1)
        loss = keras.losses.MeanSquaredError()
        return loss(ops.expand_dims(y["rating"], -1), ops.expand_dims(scores, -1), sample_weight)

    def query_embeddings(self, users: NDArray[np.integer]) -> NDArray[np.float32]:
        """Look users up, as NumPy.

        Parameters
        ----------
        users
            User ids of shape (q,), each in 0..num_users-1.

        Returns
        -------
        ndarray of float32
            Shape (q, embedding_dimension).
        """
        return self._table(self.user_embedding)[np.asarray(users)]

    def candidate_embeddings(self) -> NDArray[np.float32]:
        """Copy the candidates' table.

        Returns
        -------
        ndarray of float32
            Shape (num_candidates, embedding_dimension).
        """
        return self._table(self.candidate_embedding)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make the same model."""
        return {
            **super().get_config(),
            "num_users": self.num_users,
            "num_candidates": self.num_candidates,
            "embedding_dimension": self.embedding_dimension,
            "seed": self.seed,
        }

    @staticmethod
    def _table(embedding: Any) -> NDArray[np.float32]:
        return np.array(ops.convert_to_numpy(embedding.embeddings), dtype=np.float32)
