"""A two-tower model that recommends well: what a user touched last decides what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras  # type: ignore[import-untyped, import-not-found, unused-ignore]
import numpy as np
from keras import ops
from numpy.typing import NDArray

from leafscan.recommend.models.initializers import SeededUniform
from leafscan.recommend.models.lookup import dense_lookup

__all__ = ["HistoryModel"]

_SEEN = 1e4  # subtracted from the logit of what the user has seen, as good as minus infinity


@keras.saving.register_keras_serializable(package="leafscan")
class HistoryModel(keras.Model):  # type: ignore[misc, unused-ignore]
    """Two towers: a user's latest items, weighted by recency, against item embeddings with a bias.

    The query tower looks the last ``history_length`` items up, pools them several times with learned weights
    for each place (that start as exponential decays of the given timescales), mixes the pools to one vector,
    adds the user's own embedding, and appends a 1. The candidate tower is the same table of item embeddings,
    with a bias as its last column. So the inner product of the two is the logit, and an index for inner
    products serves the model.

    Parameters
    ----------
    num_users, num_items
        Rows of the tables, at least 1.
    width
        Width of the embeddings; queries and candidates have ``width + 1`` columns.
    history_length
        How many of the latest items are looked at.
    timescales
        One pool each: after so many items the initial weight has fallen to 1/e.
    history_dropout, dropout
        The chance that an item of the history is dropped in training, and that a value of the pools or of the
        user's embedding is; both in 0..1.
    seed
        Seeds the initial weights (equal on every backend) and the dropout (drawn by the backend's own
        generator).
    **kwargs
        Passed to ``keras.Model``.

    Raises
    ------
    ValueError
        If a size is below 1, no timescale is given or one is not positive, or a rate is not in 0..1.

    Notes
    -----
    A call takes ``{"user": (b,), "history": (b, history_length)}``, integers, the latest item first;
    ``num_items`` fills a short history and ``num_users`` stands for a user without an embedding. It gives
    queries of shape (b, width + 1). Targets are items of shape (b,); the loss is the cross-entropy of a
    softmax over the target and all items which the history does not hold, since what a user has seen is not
    recommended again. With a full softmax no sampling needs to be corrected for.

    The idea is that of Covington, Adams and Sargin, "Deep Neural Networks for YouTube Recommendations",
    RecSys 2016, with decays in place of an average.

    Examples
    --------
    >>> import numpy as np
    >>> model = HistoryModel(num_users=3, num_items=9, width=4, history_length=2)
    >>> queries = model.query_embeddings(np.array([0, 3]), np.array([[8, 1], [9, 9]]))
    >>> queries.shape, model.candidate_embeddings().shape
    ((2, 5), (9, 5))
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        width: int = 64,
        history_length: int = 50,
        timescales: Sequence[float] = (2.0, 8.0, 32.0),
        history_dropout: float = 0.2,
        dropout: float = 0.5,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        sizes = {
            "num_users": num_users,
            "num_items": num_items,
            "width": width,
            "history_length": history_length,
        }
        for name, value in sizes.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, received {value}.")
        if not timescales or min(timescales) <= 0:
            raise ValueError(
                f"timescales must be one or more positive numbers of items, received {tuple(timescales)}."
            )
        for name, rate in (("history_dropout", history_dropout), ("dropout", dropout)):
            if not 0 <= rate < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, received {rate}.")
        self.num_users, self.num_items, self.width, self.history_length = (
            num_users,
            num_items,
            width,
            history_length,
        )
        self.timescales = [float(scale) for scale in timescales]
        self.history_dropout, self.dropout, self.seed = history_dropout, dropout, seed
        pools = len(self.timescales)
        scale = 0.05 * 3**0.5  # a standard deviation of 0.05
        self.item = self.add_weight(
            shape=(num_items + 1, width), initializer=SeededUniform(scale, seed), name="item"
        )
        self.bias = self.add_weight(shape=(num_items,), initializer="zeros", name="bias")
        self.user = self.add_weight(shape=(num_users + 1, width), initializer="zeros", name="user")
        self.decay = self.add_weight(shape=(pools, history_length), initializer="zeros", name="decay")
        self.mix = self.add_weight(shape=(pools * width, width), initializer="zeros", name="mix")
        self.decay.assign(
            -np.arange(history_length, dtype=np.float32) / np.array(self.timescales, np.float32)[:, None]
        )
        self.mix.assign(np.tile(np.eye(width, dtype=np.float32), (pools, 1)))
        self._history_seeds = keras.random.SeedGenerator(3 * seed)
        self._drop_pools = keras.layers.Dropout(dropout, seed=3 * seed + 1)
        self._drop_user = keras.layers.Dropout(dropout, seed=3 * seed + 2)
        self.built = True

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: the weights are made with the model."""
        self.built = True

    def set_popularity(self, counts: NDArray[Any]) -> None:
        """Start the candidates' biases at their logarithmic popularity, which training then corrects.

        Parameters
        ----------
        counts
            How often each item was touched, of shape (num_items,), not negative.

        Raises
        ------
        ValueError
            If there is not one count for each item.
        """
        if np.shape(counts) != (self.num_items,):
            raise ValueError(f"counts must have shape ({self.num_items},), received {np.shape(counts)}.")
        logs = np.log1p(np.asarray(counts, np.float32))
        self.bias.assign(logs - logs.mean())

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Make queries.

        Parameters
        ----------
        inputs
            ``user``, integers of shape (b,), and ``history``, integers of shape (b, history_length).
        training
            Whether to drop items and values.

        Returns
        -------
        tensor
            Queries of shape (b, width + 1); the last column is 1.
        """
        history = inputs["history"]
        present = ops.cast(ops.less(history, self.num_items), "float32")
        if training and self.history_dropout > 0:
            kept = keras.random.uniform(ops.shape(history), seed=self._history_seeds) >= self.history_dropout
            present = present * ops.cast(kept, "float32")
        weights = ops.expand_dims(ops.exp(self.decay), 0) * ops.expand_dims(present, 1)
        weights = weights / ops.sqrt(ops.sum(weights * weights, axis=-1, keepdims=True) + 1e-3)
        pools = ops.matmul(weights, dense_lookup(self.item, history))
        pools = ops.reshape(pools, (-1, len(self.timescales) * self.width))
        query = ops.matmul(self._drop_pools(pools, training=training), self.mix)
        query = query + self._drop_user(dense_lookup(self.user, inputs["user"]), training=training)
        return ops.concatenate([query, ops.ones_like(query[:, :1])], axis=-1)

    def compute_loss(
        self,
        x: Mapping[str, Any] | None = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Take the cross-entropy of the next item among itself and all that the history does not hold.

        Parameters
        ----------
        x
            The inputs of `call`.
        y
            The next items, integers of shape (b,).
        y_pred
            The queries which `call` gave.
        sample_weight
            Weights of shape (b,), or none.
        training
            Not used: validation masks as training does.

        Returns
        -------
        tensor
            The mean cross-entropy, a scalar.
        """
        if x is None or y is None or y_pred is None:
            raise ValueError(
                "x, y and y_pred must be given; the loss masks the history and compares with the next item."
            )
        candidates = ops.concatenate([self.item[: self.num_items], ops.expand_dims(self.bias, -1)], axis=-1)
        logits = ops.matmul(y_pred, ops.transpose(candidates))
        history = ops.cast(x["history"], "int32")
        rows = ops.shape(history)[0]
        places = ops.stack(
            [ops.repeat(ops.arange(rows, dtype="int32"), self.history_length), ops.reshape(history, (-1,))],
            axis=-1,
        )
        marks = ops.zeros((rows, self.num_items + 1))
        marks = ops.scatter_update(marks, places, ops.full((rows * self.history_length,), _SEEN))
        # A target that comes again is still the target.
        targets = ops.stack([ops.arange(rows, dtype="int32"), ops.cast(y, "int32")], axis=-1)
        marks = ops.scatter_update(marks, targets, ops.zeros((rows,)))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return loss(y, logits - marks[:, : self.num_items], sample_weight)

    def query_embeddings(
        self, users: NDArray[np.integer], history: NDArray[np.integer], *, batch_size: int = 4096
    ) -> NDArray[np.float32]:
        """Make queries, as NumPy.

        Parameters
        ----------
        users
            User rows of shape (q,); ``num_users`` for one without an embedding.
        history
            Item rows of shape (q, history_length), the latest first, filled with ``num_items``.
        batch_size
            How many queries are made at once.

        Returns
        -------
        ndarray of float32
            Shape (q, width + 1).
        """
        users, history = np.asarray(users, np.int32), np.asarray(history, np.int32)
        parts = [
            ops.convert_to_numpy(
                self({"user": users[start:][:batch_size], "history": history[start:][:batch_size]})
            )
            for start in range(0, len(users), batch_size)
        ]
        return (
            np.concatenate(parts).astype(np.float32) if parts else np.empty((0, self.width + 1), np.float32)
        )

    def candidate_embeddings(self) -> NDArray[np.float32]:
        """Copy the candidates: embeddings with the bias as last column.

        Returns
        -------
        ndarray of float32
            Shape (num_items, width + 1).
        """
        table = [ops.convert_to_numpy(self.item)[:-1], ops.convert_to_numpy(self.bias)[:, None]]
        return np.concatenate(table, axis=1).astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make the same model."""
        return {
            **super().get_config(),
            "num_users": self.num_users,
            "num_items": self.num_items,
            "width": self.width,
            "history_length": self.history_length,
            "timescales": self.timescales,
            "history_dropout": self.history_dropout,
            "dropout": self.dropout,
            "seed": self.seed,
        }
