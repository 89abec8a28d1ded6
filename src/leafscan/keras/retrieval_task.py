"""The loss that retrieval models are trained with: a softmax over the batch, with its corrections."""

from collections.abc import Sequence
from typing import Any, Self

import keras
import keras_rs
from keras import ops

from leafscan.keras.accidental_hits import MASKED, RemoveAccidentalHits

__all__ = ["RetrievalTask"]


@keras.saving.register_keras_serializable(package="leafscan")
class RetrievalTask(keras.layers.Layer):  # type: ignore[misc]
    """Score queries against the candidates of a batch: each query's own is right, all others are wrong.

    The arguments, and the order in which they are applied, are those of TensorFlow Recommenders' task of the
    same purpose: temperature, correction for sampling, accidental hits, mask, hard negatives, loss. Call it
    in a model's ``compute_loss``.

    Parameters
    ----------
    loss
        A `keras.losses.Loss` or its name, called with one-hot labels and logits; None is
        ``CategoricalCrossentropy(from_logits=True, reduction="sum")``.
    metrics
        `leafscan.keras.FactorizedTopK`, one or several: whether the whole catalogue gives the right
        candidate.
    batch_metrics
        Metrics of labels and logits within the batch, one or several.
    loss_metrics
        Metrics of the loss, one or several.
    temperature
        What logits are divided by, above 0; None is 1.
    num_hard_negatives
        How many of the negatives with the highest logits count, at least 1; None: all.
    remove_accidental_hits
        Whether a negative with the id of a query's own candidate is taken out. Calls must give
        ``candidate_ids`` then.
    **kwargs
        For `keras.layers.Layer`. All is computed in float32 whatever the dtype policy.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Notes
    -----
    The correction subtracts the logarithm of the sampling probability: popular candidates are negatives more
    often, and would else be pushed down too far (Yi et al., "Sampling-Bias-Corrected Neural Modeling for
    Large Corpus Item Recommendations", RecSys 2019). Corrected logits are for training alone; retrieve by the
    plain ones.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import RetrievalTask
    >>> task = RetrievalTask(temperature=0.5)
    >>> loss = task(np.eye(2, 4, dtype="float32"), np.eye(2, 4, dtype="float32"))
    >>> round(float(loss), 4)
    0.2539
    """

    def __init__(
        self,
        loss: Any = None,
        metrics: Any = None,
        batch_metrics: Any = None,
        loss_metrics: Any = None,
        temperature: float | None = None,
        num_hard_negatives: int | None = None,
        remove_accidental_hits: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if temperature is not None and not temperature > 0:
            raise ValueError(f"temperature must be above 0, or None; received {temperature!r:.80}.")
        if num_hard_negatives is not None and num_hard_negatives < 1:
            raise ValueError(
                f"num_hard_negatives must be at least 1, or None; received {num_hard_negatives!r:.80}."
            )
        self.autocast = False
        self.supports_masking = True
        self.loss = (
            keras.losses.CategoricalCrossentropy(from_logits=True, reduction="sum")
            if loss is None
            else keras.losses.get(loss)
        )
        self.factorized_metrics = _listed(metrics)
        self.batch_metrics = _listed(batch_metrics)
        self.loss_metrics = _listed(loss_metrics)
        # So that models save the candidates, and hand their weights to compiled steps.
        self.candidate_layers = [
            metric.candidates for metric in self.factorized_metrics if hasattr(metric, "candidates")
        ]
        self.temperature = temperature
        self.num_hard_negatives = num_hard_negatives
        self.remove_accidental_hits = remove_accidental_hits
        self._correction = keras_rs.layers.SamplingProbabilityCorrection(epsilon=1e-12)
        self._accidental = RemoveAccidentalHits()
        self._hardest = (
            None if num_hard_negatives is None else keras_rs.layers.HardNegativeMining(num_hard_negatives)
        )
        self.built = True

    def call(
        self,
        query_embeddings: Any,
        candidate_embeddings: Any,
        sample_weight: Any = None,
        candidate_sampling_probability: Any = None,
        candidate_ids: Any = None,
        compute_metrics: bool = True,
        compute_batch_metrics: bool = True,
        score_mask: Any = None,
    ) -> Any:
        """Return the loss of a batch, and update the metrics.

        Parameters
        ----------
        query_embeddings
            (q, d); or (q, h, d), several vectors a query, of which a candidate is scored by the nearest.
        candidate_embeddings
            (c, d), c at least q: the first q are the queries' own, in their order, the others negatives.
        sample_weight
            (q,), or None.
        candidate_sampling_probability
            (c,), the probability in 0..1 with which each candidate comes into a batch, or None for no
            correction. What is below 1e-12 counts as 1e-12.
        candidate_ids
            Integers (c,), or (q, c); needed to remove accidental hits, and by metrics of an inexact index.
        compute_metrics, compute_batch_metrics
            Whether to update the metrics of the catalogue, which cost a search, and those of the batch.
        score_mask
            Booleans (q, c), false where a candidate must not count as a query's negative; a query's own
            candidate always counts.

        Returns
        -------
        tensor
            The loss: a scalar, unless ``loss`` reduces nothing.

        Raises
        ------
        ValueError
            If there are fewer candidates than queries, or ids are missing.
        """
        if self.remove_accidental_hits and candidate_ids is None:
            raise ValueError("candidate_ids must be given where remove_accidental_hits is on; received None.")
        queries = ops.cast(query_embeddings, "float32")
        candidates = ops.cast(candidate_embeddings, "float32")
        _check_sizes(queries.shape, candidates.shape)
        logits = ops.matmul(queries, ops.transpose(candidates))
        if len(queries.shape) == 3:
            logits = ops.max(logits, axis=1)
        own = ops.equal(
            ops.expand_dims(ops.arange(ops.shape(logits)[0], dtype="int32"), 1),
            ops.expand_dims(ops.arange(ops.shape(logits)[1], dtype="int32"), 0),
        )
        labels = ops.cast(own, "float32")
        if self.temperature is not None:
            logits = logits / self.temperature
        # .call: calling a layer would cast to the policy's dtype.
        if candidate_sampling_probability is not None:
            probability = ops.cast(candidate_sampling_probability, "float32")
            logits = self._correction.call(logits, probability)
        if self.remove_accidental_hits:
            logits = self._accidental.call(logits, labels, candidate_ids)
        if score_mask is not None:
            logits = ops.where(ops.logical_or(ops.cast(score_mask, "bool"), own), logits, MASKED)
        if self._hardest is not None:
            logits, labels = self._hardest.call(logits, labels)
        loss = self.loss(labels, logits, sample_weight)
        for metric in self.loss_metrics:
            metric.update_state(loss)
        if compute_metrics:
            self._update_factorized(queries, candidates, candidate_ids, sample_weight)
        if compute_batch_metrics:
            for metric in self.batch_metrics:
                metric.update_state(labels, logits, sample_weight)
        return loss

    def compute_output_spec(self, *arguments: Any, **options: Any) -> Any:
        """Tell that the loss is a scalar."""
        return keras.KerasTensor((), dtype="float32")

    def _update_factorized(self, queries: Any, candidates: Any, ids: Any, sample_weight: Any) -> None:
        if not self.factorized_metrics:
            return
        if len(queries.shape) == 3:
            raise ValueError(
                "metrics of the catalogue need queries (q, d), since an index is searched by one vector; "
                f"received {tuple(queries.shape)}. Pass compute_metrics=False."
            )
        count = ops.shape(queries)[0]
        if ids is not None:
            ids = ops.diagonal(ids) if len(ids.shape) == 2 else ids[:count]
        for metric in self.factorized_metrics:
            metric.update_state(
                queries, candidates[:count], true_candidate_ids=ids, sample_weight=sample_weight
            )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        config: dict[str, Any] = super().get_config()
        save = keras.saving.serialize_keras_object
        config.update(
            loss=save(self.loss),
            metrics=[save(metric) for metric in self.factorized_metrics],
            batch_metrics=[save(metric) for metric in self.batch_metrics],
            loss_metrics=[save(metric) for metric in self.loss_metrics],
            temperature=self.temperature,
            num_hard_negatives=self.num_hard_negatives,
            remove_accidental_hits=self.remove_accidental_hits,
        )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a task of its configuration."""
        given = dict(config)
        for name in ("metrics", "batch_metrics", "loss_metrics"):
            given[name] = [_restored(each) for each in given[name]]
        given["loss"] = _restored(given["loss"])
        return cls(**given)


def _check_sizes(queries: Any, candidates: Any) -> None:
    if len(queries) not in (2, 3) or len(candidates) != 2:
        raise ValueError(
            "query_embeddings must have shape (q, d) or (q, h, d), and candidate_embeddings (c, d); "
            f"received {tuple(queries)} and {tuple(candidates)}."
        )
    if queries[0] is not None and candidates[0] is not None and candidates[0] < queries[0]:
        raise ValueError(
            "candidate_embeddings must hold each query's own candidate, in the order of the queries; "
            f"received {candidates[0]} candidates for {queries[0]} queries."
        )


def _listed(metrics: Any) -> list[Any]:
    if metrics is None:
        return []
    return list(metrics) if isinstance(metrics, Sequence) else [metrics]


def _restored(value: Any) -> Any:
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
