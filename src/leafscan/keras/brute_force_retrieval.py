"""Exact retrieval."""

import keras

import leafscan
from leafscan.keras.index_retrieval import IndexRetrieval

__all__ = ["BruteForceRetrieval"]


@keras.saving.register_keras_serializable(package="leafscan")
class BruteForceRetrieval(IndexRetrieval):
    """Retrieve the best candidates exactly, without ever holding all scores of a batch.

    It is what `keras_rs.layers.BruteForceRetrieval` is, and has `leafscan.keras.ScannRetrieval`'s other
    arguments and methods. The engine searches, on the CPU; or, with Keras on JAX and a GPU or TPU for its
    default device, `leafscan.accelerator.exact_top_k` there.

    Parameters
    ----------
    candidate_embeddings, candidate_ids, k, return_scores
        As of `leafscan.keras.ScannRetrieval`.
    query_tower, metric, positions, seed, threads, device
        As of `leafscan.keras.ScannRetrieval`.
    **kwargs
        For `keras.layers.Layer`.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import BruteForceRetrieval
    >>> layer = BruteForceRetrieval(np.eye(4, dtype="float32"), k=2)
    >>> scores, ids = layer(np.array([[0, 3, 2, 1]], "float32"))
    >>> np.asarray(ids).tolist(), layer.is_exact()
    ([[1, 2]], True)
    """

    def _plan(self, rows: int) -> leafscan.Config:
        return leafscan.Config(score=leafscan.BruteForce())

    def is_exact(self) -> bool:
        """Tell whether every query is compared with every candidate; it is."""
        return True
