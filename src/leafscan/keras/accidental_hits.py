"""Negatives that are the positive itself, taken out of a softmax over a batch."""

from typing import Any

import keras
import keras_rs
import numpy as np
from keras import ops

__all__ = ["MASKED", "RemoveAccidentalHits"]

#: The logit of what must not count: its softmax is 0, and sums of a few of it are still finite.
MASKED = float(np.finfo(np.float32).min) / 100


@keras.saving.register_keras_serializable(package="leafscan")
class RemoveAccidentalHits(keras_rs.layers.RemoveAccidentalHits):  # type: ignore[misc]
    """Take negatives out that have the id of their row's positive.

    It is what `keras_rs.layers.RemoveAccidentalHits` is; that of KerasRS 0.4.0 returns its logits unchanged.

    Parameters
    ----------
    **kwargs
        For `keras.layers.Layer`. Logits are float32 whatever the dtype policy.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import RemoveAccidentalHits
    >>> logits = RemoveAccidentalHits()(np.ones((2, 3), "float32"), np.eye(2, 3), np.array([7, 8, 7]))
    >>> (np.asarray(logits) < 0).tolist()
    [[False, False, True], [False, False, False]]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.autocast = False
        self.built = True

    def call(self, logits: Any, labels: Any, candidate_ids: Any) -> Any:
        """Mask accidental hits.

        Parameters
        ----------
        logits, labels
            (..., c); labels are 1 for the one positive of a row and 0 elsewhere.
        candidate_ids
            Integers (c,) for all rows, or (..., c), a list for each.

        Returns
        -------
        tensor
            float32 (..., c): the logits, and -3.4e36 at accidental hits, whose softmax and gradient are 0.

        Raises
        ------
        ValueError
            If shapes differ.
        """
        if not _fits(logits.shape, labels.shape):
            raise ValueError(
                "`labels` and `logits` should have the same shape. Received: "
                f"`labels.shape` = {tuple(labels.shape)}, `logits.shape` = {tuple(logits.shape)}."
            )
        rank = len(candidate_ids.shape)
        if not 1 <= rank <= len(labels.shape) or not _fits(candidate_ids.shape, labels.shape[-rank:]):
            raise ValueError(
                "`candidate_ids` should have the same shape as the last dimensions of `labels`. Received: "
                f"`candidate_ids.shape` = {tuple(candidate_ids.shape)}, "
                f"`labels.shape` = {tuple(labels.shape)}."
            )
        positive = ops.cast(labels, "bool")
        ids = ops.broadcast_to(candidate_ids, ops.shape(labels))
        place = ops.expand_dims(ops.argmax(ops.cast(labels, "float32"), axis=-1), -1)
        same = ops.equal(ops.take_along_axis(ids, place, axis=-1), ids)
        # A row without a positive has no hits.
        same = ops.logical_and(same, ops.any(positive, axis=-1, keepdims=True))
        hit = ops.logical_and(same, ops.logical_not(positive))
        return ops.where(hit, MASKED, ops.cast(logits, "float32"))


def _fits(mine: Any, theirs: Any) -> bool:
    return len(mine) == len(theirs) and all(
        one is None or other is None or one == other for one, other in zip(mine, theirs, strict=True)
    )
