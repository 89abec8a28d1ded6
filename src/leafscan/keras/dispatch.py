"""The one place that knows which backend Keras has."""

from typing import Any

import keras
import numpy as np

from leafscan import _engine
from leafscan.index.slots import Slot

__all__ = ["BACKENDS", "longest_id", "search"]

#: The backends that have a search.
BACKENDS = ("jax", "numpy", "tensorflow", "torch")


def search(
    slot: Slot, queries: Any, k: int, *, positions: bool, deny: Any, allow: Any, differentiable: bool
) -> tuple[Any, Any]:
    """Search in the operation of Keras' backend.

    Parameters
    ----------
    slot, queries, k, positions, deny, allow
        As of `leafscan.jax.search`.
    differentiable
        Whether the index keeps the rows that a gradient needs.

    Returns
    -------
    tuple
        scores and ids, as the backend's tensors.

    Raises
    ------
    NotImplementedError
        If Keras has another backend.
    """
    backend = keras.backend.backend()
    lists = {"positions": positions, "deny": deny, "allow": allow}
    if backend == "jax":
        from leafscan import jax

        found = jax.search(slot, queries, k, **lists)
    elif backend == "torch":
        from leafscan import torch

        found = torch.search(slot, queries, k, **lists)
    elif backend == "tensorflow":
        from leafscan import tensorflow

        found = tensorflow.search(slot, queries, k, **lists, differentiable=differentiable)
    elif backend == "numpy":
        return _numpy_search(slot, queries, k, **lists)
    else:
        raise NotImplementedError(
            f"leafscan's layers search on the Keras backends {', '.join(BACKENDS)}; this one is {backend}. "
            "Search the index itself: layer.index.search(queries, k=k)."
        )
    return found.scores, found.ids


def longest_id() -> int:
    """Return the largest id that the backend's integers hold.

    JAX has 32 bits unless ``jax_enable_x64`` is on.

    Examples
    --------
    >>> longest_id() >= 2**31 - 1
    True
    """
    if keras.backend.backend() == "jax":
        from leafscan.jax.call import id_dtype

        return int(np.iinfo(id_dtype()).max)
    return 2**63 - 1


def _numpy_search(
    slot: Slot, queries: Any, k: int, *, positions: bool, deny: Any, allow: Any
) -> tuple[Any, Any]:
    points = np.asarray(queries, np.float32)
    leading = points.shape[:-1]
    rows = np.ascontiguousarray(points.reshape(-1, points.shape[-1]))
    lists = [
        None
        if each is None or not np.size(each)
        else np.ascontiguousarray(
            np.broadcast_to(each, (*leading, np.shape(each)[-1])).reshape(len(rows), -1), np.int64
        )
        for each in (deny, allow)
    ]
    ids, scores, _ = _engine.search_slot(
        slot.number, rows, k, positions=positions, deny=lists[0], allow=lists[1]
    )
    return scores.reshape(*leading, k), ids.reshape(*leading, k)
