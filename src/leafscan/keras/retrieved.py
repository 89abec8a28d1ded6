"""Ids that were retrieved beside those that should have been: what ranking metrics are made of."""

from abc import abstractmethod
from typing import Any

import keras
import numpy as np
from keras import ops

from leafscan.keras.dispatch import longest_id

__all__ = ["RetrievedMetric", "as_ids", "check_k", "found_part", "relevant_ids", "retrieved_ids"]


class RetrievedMetric(keras.metrics.Mean):  # type: ignore[misc]
    """A mean over users of how good the ids are that each was given.

    Parameters
    ----------
    k
        How many of the first ids count, at least 1; None: all.
    name, dtype
        Of the metric.

    Raises
    ------
    ValueError
        If k is below 1.
    """

    #: Followed by k, the name of a metric that was given none.
    default_name = ""

    def __init__(self, k: int | None = 10, name: str | None = None, dtype: Any = None) -> None:
        suffix = "" if check_k(k) is None else f"_at_{k}"
        super().__init__(name=name or f"{self.default_name}{suffix}", dtype=dtype)
        self.k = k

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Judge a batch.

        Parameters
        ----------
        y_true
            The relevant ids, integers: (b,), one each, or (b, m), filled up with -1. Users without any do not
            count.
        y_pred
            The ids that were retrieved, (b, n), best first, filled up with -1; n at least k.
        sample_weight
            (b,), or None.

        Raises
        ------
        ValueError
            If these are no integers (scores, strings), or shapes do not fit.
        """
        retrieved = retrieved_ids(y_pred, self.k)
        relevant = relevant_ids(y_true)
        totals = ops.cast(_count(relevant), self.dtype)
        values = self.judge(ops.cast(_hits(relevant, retrieved), self.dtype), totals)
        weights = ops.cast(totals > 0, self.dtype)
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        super().update_state(values, weights)

    @abstractmethod
    def judge(self, hits: Any, totals: Any) -> Any:
        """Judge each user.

        Parameters
        ----------
        hits
            (b, k), 1 where a relevant id was retrieved (the first time), else 0.
        totals
            (b,), how many different ids are relevant.

        Returns
        -------
        tensor
            (b,); for users without relevant ids anything finite.
        """

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"k": self.k, "name": self.name, "dtype": self.dtype}


def check_k(k: int | None) -> int | None:
    """Return how many ids count, or None for all, or say what is wrong with it.

    Examples
    --------
    >>> check_k(0)
    Traceback (most recent call last):
    ValueError: k must be at least 1, or None for all ids; received 0.
    """
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, or None for all ids; received {k!r:.80}.")
    return k


def found_part(hits: Any, totals: Any) -> Any:
    """Divide hits by what is relevant, as every recall does: (b,)."""
    return ops.sum(hits, axis=1) / ops.maximum(totals, 1)


def as_ids(name: str, values: Any) -> Any:
    """Return ids as the backend has them, or say what is wrong with them.

    Examples
    --------
    >>> as_ids("y_true", [0.5])
    Traceback (most recent call last):
        ...
    ValueError: y_true must hold ids, which are integers; received float64...
    """
    if isinstance(values, (list, tuple, np.ndarray, np.generic)):
        values = np.asarray(values)
        if values.dtype.kind in "iu" and values.size and values.max() > longest_id():
            raise ValueError(
                f"{name} must hold ids of up to {longest_id()}, which is what this backend's integers hold; "
                f"received {values.max()}. Compare positions in place of ids."
            )
        kind = str(values.dtype)
    else:
        kind = keras.backend.standardize_dtype(values.dtype)
    if "int" not in kind:
        raise ValueError(
            f"{name} must hold ids, which are integers; received {kind}. Scores are judged by Keras' and "
            "KerasRS' metrics; strings become positions by layer.encode(...)."
        )
    return ops.convert_to_tensor(values)


def relevant_ids(values: Any) -> Any:
    """Return the ids that should have been retrieved, (b, m), of (b,) or (b, m)."""
    relevant = as_ids("y_true", values)
    if len(relevant.shape) == 1:
        relevant = ops.expand_dims(relevant, 1)
    if len(relevant.shape) != 2:
        raise ValueError(
            f"y_true must have shape (b,) or (b, m); received {tuple(relevant.shape)}: ids, not a mask."
        )
    return relevant


def retrieved_ids(values: Any, k: int | None) -> Any:
    """Return the first k ids that were retrieved, (b, k)."""
    ids = as_ids("y_pred", values)
    if len(ids.shape) != 2:
        raise ValueError(f"y_pred must have shape (b, n); received {tuple(ids.shape)}.")
    if k is None:
        return ids
    if ids.shape[1] is not None and ids.shape[1] < k:
        raise ValueError(
            f"y_pred must hold at least k = {k} ids for each query; received {ids.shape[1]}. Retrieve more "
            "of them, or fill up with -1."
        )
    return ids[:, :k]


def _hits(relevant: Any, retrieved: Any) -> Any:
    """Tell which retrieved ids are relevant, each id once: (b, k)."""
    wanted = ops.any(ops.equal(ops.expand_dims(retrieved, 2), ops.expand_dims(relevant, 1)), axis=2)
    places = ops.arange(ops.shape(retrieved)[1], dtype="int32")
    before = ops.less(ops.expand_dims(places, 0), ops.expand_dims(places, 1))
    same = ops.equal(ops.expand_dims(retrieved, 2), ops.expand_dims(retrieved, 1))
    again = ops.any(ops.logical_and(same, before), axis=2)
    return ops.logical_and(ops.logical_and(wanted, retrieved >= 0), ops.logical_not(again))


def _count(relevant: Any) -> Any:
    """Count the different ids of each row: (b,)."""
    ordered = ops.sort(relevant, axis=1)
    new = ops.cast(ops.not_equal(ordered[:, 1:], ordered[:, :-1]), "int32")
    new = ops.concatenate([ops.ones_like(ordered[:, :1], dtype="int32"), new], axis=1)
    return ops.sum(new * ops.cast(ordered >= 0, "int32"), axis=1)
