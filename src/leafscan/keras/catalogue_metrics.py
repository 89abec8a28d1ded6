"""What recommendations do to a catalogue: how much of it is shown, and whether but what is popular."""

from typing import Any

import keras
import numpy as np
from keras import ops

from leafscan.keras.retrieved import check_k, relevant_ids, retrieved_ids

__all__ = ["CatalogCoverage", "PopularityBias"]


@keras.saving.register_keras_serializable(package="leafscan")
class CatalogCoverage(keras.metrics.Metric):  # type: ignore[misc]
    """The part of the catalogue that anybody was given among the first k.

    Parameters
    ----------
    num_items
        How many items there are, at least 1; ids lie in 0 ... num_items - 1 (have a layer return
        ``positions=True`` where they do not). Others do not count.
    k
        How many of the first ids count, at least 1; None: all.
    name, dtype
        Of the metric.

    Raises
    ------
    ValueError
        If num_items or k is below 1.

    Examples
    --------
    >>> from leafscan.keras import CatalogCoverage
    >>> metric = CatalogCoverage(num_items=8, k=2)
    >>> metric.update_state(None, [[1, 2, 5], [2, -1, -1]])
    >>> float(metric.result())
    0.25
    """

    def __init__(
        self, num_items: int, k: int | None = 10, name: str = "catalog_coverage", dtype: Any = None
    ) -> None:
        if num_items < 1:
            raise ValueError(f"num_items must be at least 1; received {num_items!r:.80}.")
        check_k(k)
        super().__init__(name=name, dtype=dtype)
        self.num_items = num_items
        self.k = k
        # The last place is for what is no item.
        self.seen = self.add_variable((num_items + 1,), "zeros", dtype=self.dtype, name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """See a batch.

        Parameters
        ----------
        y_true
            Not used.
        y_pred
            The ids that were retrieved, (b, n), best first, filled up with -1; n at least k.
        sample_weight
            (b,), or None; users of weight 0 do not count, and all others do alike.
        """
        ids = retrieved_ids(y_pred, self.k)
        counts = ops.logical_and(ids >= 0, ids < self.num_items)
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
            counts = ops.logical_and(counts, weights > 0)
        places = ops.reshape(ops.cast(ops.where(counts, ids, self.num_items), "int32"), (-1, 1))
        marks = ops.ones_like(places[:, 0], dtype=self.dtype)
        self.seen.assign(ops.scatter_update(self.seen.value, places, marks))

    def result(self) -> Any:
        """Return the part that was seen, in 0..1."""
        return ops.sum(self.seen.value[: self.num_items]) / self.num_items

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"num_items": self.num_items, "k": self.k, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="leafscan")
class PopularityBias(keras.metrics.Metric):  # type: ignore[misc]
    """How much more popular than what users choose is what they are given: 0 for as popular, 1 for twice.

    It is the popularity lift of Abdollahpouri et al. ("The Connection Between Popularity Bias, Calibration,
    and Fairness in Recommendation", RecSys 2020): the mean over users of the mean popularity of the first k
    ids, over the same of their relevant ids, less 1.

    Parameters
    ----------
    counts
        How often each item was touched in training, (num_items,), not negative; ids lie in
        0 ... num_items - 1. Others do not count.
    k
        How many of the first ids count, at least 1; None: all.
    name, dtype
        Of the metric.

    Raises
    ------
    ValueError
        If counts are not of that kind, or k is below 1.

    Examples
    --------
    >>> from leafscan.keras import PopularityBias
    >>> metric = PopularityBias([30, 10, 10], k=2)
    >>> metric.update_state([1, 2], [[0, 1], [0, 2]])
    >>> float(metric.result())
    1.0
    """

    def __init__(
        self, counts: Any, k: int | None = 10, name: str = "popularity_bias", dtype: Any = None
    ) -> None:
        popularity = np.asarray(counts, np.float32)
        if popularity.ndim != 1 or not popularity.size or not (popularity >= 0).all():
            raise ValueError(
                f"counts must be numbers (num_items,), none negative; received shape {popularity.shape}."
            )
        check_k(k)
        super().__init__(name=name, dtype=dtype)
        self.counts = popularity
        self.k = k
        self.given = self.add_variable((), "zeros", dtype=self.dtype, name="given")
        self.chosen = self.add_variable((), "zeros", dtype=self.dtype, name="chosen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """See a batch.

        Parameters
        ----------
        y_true
            The relevant ids, (b,), or (b, m) filled up with -1.
        y_pred
            The ids that were retrieved, (b, n), best first, filled up with -1; n at least k. Users without
            relevant or without retrieved ids do not count.
        sample_weight
            (b,), or None.
        """
        relevant = relevant_ids(y_true)
        given, some_given = self._mean_popularity(retrieved_ids(y_pred, self.k))
        chosen, some_chosen = self._mean_popularity(relevant)
        weights = some_given * some_chosen
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, self.dtype), (-1,))
        self.given.assign(self.given.value + ops.sum(given * weights))
        self.chosen.assign(self.chosen.value + ops.sum(chosen * weights))

    def result(self) -> Any:
        """Return the lift, -1 or more; 0 before there was anything to see."""
        there = self.chosen.value > 0
        return ops.where(there, self.given.value / ops.where(there, self.chosen.value, 1) - 1, 0)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {"counts": self.counts.tolist(), "k": self.k, "name": self.name, "dtype": self.dtype}

    def _mean_popularity(self, ids: Any) -> tuple[Any, Any]:
        """Return the mean popularity of each row (b,), and whether there is any."""
        there = ops.logical_and(ids >= 0, ids < len(self.counts))
        places = ops.cast(ops.where(there, ids, 0), "int32")
        marks = ops.cast(there, self.dtype)
        found = ops.take(ops.convert_to_tensor(self.counts, dtype=self.dtype), places, axis=0) * marks
        number = ops.sum(marks, axis=1)
        return ops.sum(found, axis=1) / ops.maximum(number, 1), ops.cast(number > 0, self.dtype)
