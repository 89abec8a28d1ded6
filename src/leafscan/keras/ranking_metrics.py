"""How good recommendations are, by the ids that were retrieved."""

from typing import Any

import keras
from keras import ops

from leafscan.keras.retrieved import RetrievedMetric, found_part

__all__ = ["HitRateAtK", "MAPAtK", "MRRAtK", "NDCGAtK", "PrecisionAtK", "RecallAtK"]


@keras.saving.register_keras_serializable(package="leafscan")
class RecallAtK(RetrievedMetric):
    """The part of a user's relevant items that is among the first k.

    Parameters
    ----------
    k, name, dtype
        As of all metrics of retrieved ids: how many of the first ids count, at least 1; None: all.

    Examples
    --------
    >>> from leafscan.keras import RecallAtK
    >>> metric = RecallAtK(k=2)
    >>> metric.update_state([[4, 9, -1], [7, -1, -1]], [[9, 1, 4], [7, -1, -1]])
    >>> float(metric.result())
    0.75
    """

    default_name = "recall"

    def judge(self, hits: Any, totals: Any) -> Any:
        """Divide hits by what is relevant."""
        return found_part(hits, totals)


@keras.saving.register_keras_serializable(package="leafscan")
class PrecisionAtK(RetrievedMetric):
    """The part of the first k that is relevant; places without an item count as wrong.

    Parameters
    ----------
    k, name, dtype
        As of `leafscan.keras.RecallAtK`.

    Examples
    --------
    >>> from leafscan.keras import PrecisionAtK
    >>> metric = PrecisionAtK(k=2)
    >>> metric.update_state([[4, 9]], [[9, 1, 4]])
    >>> float(metric.result())
    0.5
    """

    default_name = "precision"

    def judge(self, hits: Any, totals: Any) -> Any:
        """Divide hits by k."""
        return ops.mean(hits, axis=1)


@keras.saving.register_keras_serializable(package="leafscan")
class HitRateAtK(RetrievedMetric):
    """The part of users with a relevant item among the first k.

    Parameters
    ----------
    k, name, dtype
        As of `leafscan.keras.RecallAtK`.

    Examples
    --------
    >>> from leafscan.keras import HitRateAtK
    >>> metric = HitRateAtK(k=2)
    >>> metric.update_state([4, 9], [[9, 1, 4], [8, 9, 2]])
    >>> float(metric.result())
    0.5
    """

    default_name = "hit_rate"

    def judge(self, hits: Any, totals: Any) -> Any:
        """Tell whether there is a hit."""
        return ops.max(hits, axis=1)


@keras.saving.register_keras_serializable(package="leafscan")
class MRRAtK(RetrievedMetric):
    """One over the place of the first relevant item, 0 where none is among the first k.

    Parameters
    ----------
    k, name, dtype
        As of `leafscan.keras.RecallAtK`.

    Examples
    --------
    >>> from leafscan.keras import MRRAtK
    >>> metric = MRRAtK(k=3)
    >>> metric.update_state([1, 9], [[9, 1, 4], [8, 7, 2]])
    >>> float(metric.result())
    0.25
    """

    default_name = "mrr"

    def judge(self, hits: Any, totals: Any) -> Any:
        """Take the best of hits over places."""
        return ops.max(hits / _places(hits), axis=1)


@keras.saving.register_keras_serializable(package="leafscan")
class MAPAtK(RetrievedMetric):
    """The mean, over a user's relevant items, of the precision where each was found, 0 where it was not.

    Parameters
    ----------
    k, name, dtype
        As of `leafscan.keras.RecallAtK`. With more than k relevant items the mean is over k.

    Examples
    --------
    >>> from leafscan.keras import MAPAtK
    >>> metric = MAPAtK(k=3)
    >>> metric.update_state([[9, 4]], [[9, 1, 4]])
    >>> round(float(metric.result()), 4)
    0.8333
    """

    default_name = "map"

    def judge(self, hits: Any, totals: Any) -> Any:
        """Average precisions at hits."""
        places = _places(hits)
        precisions = ops.cumsum(hits, axis=1) / places
        most = ops.clip(totals, 1, places[-1])
        return ops.sum(hits * precisions, axis=1) / most


@keras.saving.register_keras_serializable(package="leafscan")
class NDCGAtK(RetrievedMetric):
    """Normalised discounted cumulative gain of the first k (Järvelin and Kekäläinen 2002), binary gains.

    Parameters
    ----------
    k, name, dtype
        As of `leafscan.keras.RecallAtK`.

    Examples
    --------
    >>> from leafscan.keras import NDCGAtK
    >>> metric = NDCGAtK(k=3)
    >>> metric.update_state([[4, 9]], [[9, 1, 4]])
    >>> round(float(metric.result()), 4)
    0.9197
    """

    default_name = "ndcg"

    def judge(self, hits: Any, totals: Any) -> Any:
        """Divide discounted hits by what the best order has."""
        places = _places(hits)
        discounts = 1 / ops.log2(places + 1)
        right = ops.cast(places <= ops.expand_dims(ops.maximum(totals, 1), 1), hits.dtype)
        return ops.sum(hits * discounts, axis=1) / ops.sum(right * discounts, axis=1)


def _places(hits: Any) -> Any:
    return ops.cast(ops.arange(1, ops.shape(hits)[1] + 1, dtype="int32"), hits.dtype)
