"""Whether the whole catalogue gives each query its own candidate."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

from leafscan.keras.brute_force_retrieval import BruteForceRetrieval
from leafscan.keras.retrieved import as_ids

__all__ = ["FactorizedTopK"]

#: By how much of its size a score may differ by rounding from the same score, computed elsewhere.
_ROUNDING = 1e-5


@keras.saving.register_keras_serializable(package="leafscan")
class FactorizedTopK(keras.metrics.Metric):  # type: ignore[misc]
    """The part of queries whose own candidate is among the first k of the catalogue, for several k.

    With ``true_candidate_ids`` it is by ids. Without, it is by scores: how many candidates score higher than
    the query's own. An inexact index does not find them all, so that its every miss would look like a hit;
    there ids are required.

    Parameters
    ----------
    candidates
        A `leafscan.keras.BruteForceRetrieval`, `Streaming` or `ScannRetrieval` without a query tower; or
        embeddings (num_candidates, d), whose ids are 0, 1, and so on.
    ks
        The numbers k, each at least 1.
    name, dtype
        Of the metric. Results are ``NAME/top_K_categorical_accuracy``, as TensorFlow Recommenders calls them.

    Raises
    ------
    TypeError
        If candidates are something else.
    ValueError
        If there is a query tower, or a k is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import FactorizedTopK
    >>> metric = FactorizedTopK(np.eye(4, dtype="float32"), ks=(1, 2))
    >>> metric.update_state(np.array([[4, 3, 2, 1]] * 2, "float32"), true_candidate_ids=np.array([1, 3]))
    >>> [float(value) for value in metric.result().values()]
    [0.0, 0.5]
    """

    def __init__(
        self,
        candidates: Any,
        ks: Sequence[int] = (1, 5, 10, 50, 100),
        name: str = "factorized_top_k",
        dtype: Any = None,
    ) -> None:
        if not ks or min(ks) < 1:
            raise ValueError(f"ks must be numbers of candidates, each at least 1; received {ks!r:.80}.")
        super().__init__(name=name, dtype=dtype)
        if isinstance(candidates, keras.layers.Layer):
            if not hasattr(candidates, "is_exact"):
                raise TypeError(
                    "candidates must be a retrieval layer of leafscan.keras, or embeddings; received "
                    f"{type(candidates).__name__}."
                )
        else:
            candidates = BruteForceRetrieval(candidates, k=1)
        if candidates.query_tower is not None:
            raise ValueError(
                "candidates must be a layer without a query tower, since the metric is given queries and not "
                f"what makes them; received {candidates.name}."
            )
        self.candidates = candidates
        self.ks = tuple(int(k) for k in ks)
        self.hits = self.add_variable((len(self.ks),), "zeros", dtype=self.dtype, name="hits")
        self.total = self.add_variable((), "zeros", dtype=self.dtype, name="total")

    def update_state(
        self,
        query_embeddings: Any,
        true_candidate_embeddings: Any = None,
        true_candidate_ids: Any = None,
        sample_weight: Any = None,
    ) -> None:
        """Search the catalogue for a batch.

        Parameters
        ----------
        query_embeddings
            (b, d).
        true_candidate_embeddings
            (b, d), each query's own candidate; needed without ids.
        true_candidate_ids
            Integers (b,), as the layer returns them (with string ids: their ``layer.encode``).
        sample_weight
            (b,), or None.

        Raises
        ------
        ValueError
            If neither is given; or no ids, and the candidates are searched inexactly or return no scores.
        """
        queries = ops.stop_gradient(ops.cast(query_embeddings, "float32"))
        most = max(self.ks)
        if true_candidate_ids is not None:
            found = self.candidates(queries, k=most)
            found = found[1] if self.candidates.return_scores else found
            ids = ops.reshape(as_ids("true_candidate_ids", true_candidate_ids), (-1, 1))
            same = ops.logical_and(ops.equal(found, ids), found >= 0)
            hits = [ops.any(same[:, :k], axis=1) for k in self.ks]
        else:
            above = self._better(queries, true_candidate_embeddings, most)
            hits = [above < k for k in self.ks]
        values = ops.cast(ops.stack(hits, axis=1), self.dtype)
        weights = ops.ones_like(values[:, :1])
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
        self.hits.assign(self.hits.value + ops.sum(values * weights, axis=0))
        self.total.assign(self.total.value + ops.sum(weights))

    def result(self) -> dict[str, Any]:
        """Return the accuracy for each k, in 0..1, by name."""
        total = self.total.value
        means = ops.where(total > 0, self.hits.value / ops.where(total > 0, total, 1), 0)
        return {f"{self.name}/top_{k}_categorical_accuracy": means[at] for at, k in enumerate(self.ks)}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor; candidates are saved by a model that holds their layer."""
        candidates = keras.saving.serialize_keras_object(self.candidates)
        return {"candidates": candidates, "ks": list(self.ks), "name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a metric of its configuration."""
        given = dict(config)
        if isinstance(given["candidates"], dict):
            given["candidates"] = keras.saving.deserialize_keras_object(given["candidates"])
        return cls(**given)

    def _better(self, queries: Any, true_candidates: Any, most: int) -> Any:
        """Count the candidates that score higher than each query's own, up to ``most``."""
        layer = self.candidates
        if not layer.is_exact():
            raise ValueError(
                f"true_candidate_ids must be given, since {layer.name} does not search exactly: what it "
                "misses would count as ranked below the true candidate. Received None."
            )
        if true_candidates is None or not layer.return_scores:
            raise ValueError(
                "true_candidate_ids must be given; or true_candidate_embeddings, and candidates that return "
                "scores. Received None."
            )
        own = ops.stop_gradient(ops.cast(true_candidates, "float32"))
        if layer.metric == "cosine":
            score = ops.sum(ops.normalize(queries, axis=-1) * ops.normalize(own, axis=-1), axis=-1)
        elif layer.metric == "squared_l2":
            score = -ops.sum(ops.square(queries - own), axis=-1)
        else:
            score = ops.sum(queries * own, axis=-1)
        scores = layer(queries, k=most)[0]
        scores = -scores if layer.metric == "squared_l2" else scores
        # Else rounding would rank the candidate below itself.
        size = 1 + ops.abs(score)
        if layer.metric == "dot_product":
            size = ops.norm(queries, axis=-1) * ops.norm(own, axis=-1)
        bar = ops.expand_dims(score + np.float32(_ROUNDING) * size, 1)
        return ops.sum(ops.cast(scores > bar, "int32"), axis=1)
