"""What callers give as candidates and ids, whatever the backend, as NumPy has it."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

__all__ = ["as_embeddings", "as_names", "concatenated"]


def as_embeddings(values: Any) -> Any:
    """Return embeddings as a NumPy array, or None; their shape is for the layer to check.

    Examples
    --------
    >>> as_embeddings([[1.0, 2.0]]).shape
    (1, 2)
    """
    return None if values is None else _as_array(values)


def as_names(values: Any) -> Any:
    """Return ids as integers or strings, or None.

    Examples
    --------
    >>> as_names([b"a", "b"]).tolist()
    ['a', 'b']
    """
    if values is None:
        return None
    array = _as_array(values)
    if array.dtype.kind in "OSUT":
        text = [value.decode() if isinstance(value, bytes) else value for value in array.ravel().tolist()]
        return np.array(text, dtype=np.str_ if all(isinstance(value, str) for value in text) else object)
    return array


def concatenated(batches: Iterable[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the embeddings and ids of all batches.

    Parameters
    ----------
    batches
        Embeddings (b, d), or pairs of ids (b,) and embeddings (b, d).

    Returns
    -------
    tuple
        Embeddings (n, d), and ids (n,) or None.

    Raises
    ------
    ValueError
        If there are none, or only some have ids.

    Examples
    --------
    >>> concatenated([([5, 6], np.eye(2)), ([7], np.ones((1, 2)))])[1].tolist()
    [5, 6, 7]
    """
    embeddings, names = [], []
    for batch in batches:
        with_names = isinstance(batch, (tuple, list)) and len(batch) == 2
        embeddings.append(_as_array(batch[1] if with_names else batch))
        names.append(as_names(batch[0]) if with_names else None)
    if not embeddings:
        raise ValueError("dataset must hold at least one batch; received none.")
    given = [each for each in names if each is not None]
    if given and len(given) < len(names):
        raise ValueError("dataset must give ids with every batch or with none; received both.")
    return np.concatenate(embeddings), np.concatenate(given) if given else None


def _as_array(values: Any) -> NDArray[Any]:
    if isinstance(values, (np.ndarray, list, tuple)):
        return np.asarray(values)
    return np.asarray(keras.ops.convert_to_numpy(values))
