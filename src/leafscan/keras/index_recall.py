"""How much of the exact answer an index finds, which says nothing about recommendations."""

from typing import Any

import keras

from leafscan.keras.retrieved import RetrievedMetric, as_ids, found_part, retrieved_ids

__all__ = ["IndexRecall"]


@keras.saving.register_keras_serializable(package="leafscan")
class IndexRecall(RetrievedMetric):
    """The part of the k best candidates, by exact search, that an index gives among its first k.

    It judges the index and not the model, whose quality is `leafscan.keras.RecallAtK`'s matter: the two are
    recalls of different things.

    Parameters
    ----------
    k
        How many ids of each count, at least 1.
    name, dtype
        Of the metric.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import BruteForceRetrieval, IndexRecall, ScannRetrieval
    >>> rows = np.random.default_rng(0).standard_normal((500, 8)).astype("float32")
    >>> exact = BruteForceRetrieval(rows, k=5, return_scores=False)
    >>> fast = ScannRetrieval(rows, k=5, return_scores=False, num_leaves=20, num_leaves_to_search=20)
    >>> metric = IndexRecall(k=5)
    >>> metric.update_state(exact(rows[:50]), fast(rows[:50]))
    >>> float(metric.result()) > 0.9
    True
    """

    default_name = "index_recall"

    def __init__(self, k: int = 10, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(k=k, name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Judge a batch of searches.

        Parameters
        ----------
        y_true
            What exact search gives, integers (b, n), best first, filled up with -1; n at least k.
        y_pred
            What the index gives, likewise.
        sample_weight
            (b,), or None.

        Raises
        ------
        ValueError
            If one of them holds no integers, or fewer than k a query: held-out items belong to
            `leafscan.keras.RecallAtK`.
        """
        exact = as_ids("y_true", y_true)
        if len(exact.shape) != 2 or (exact.shape[1] is not None and exact.shape[1] < (self.k or 1)):
            raise ValueError(
                f"y_true must hold the k = {self.k} best ids of exact search for each query; received shape "
                f"{tuple(exact.shape)}. What users chose is judged by RecallAtK."
            )
        super().update_state(retrieved_ids(exact, self.k), y_pred, sample_weight)

    def judge(self, hits: Any, totals: Any) -> Any:
        """Divide what was found by what there is."""
        return found_part(hits, totals)
