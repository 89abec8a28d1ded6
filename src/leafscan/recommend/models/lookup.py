"""Look rows of a table up so that every backend learns the same."""

from __future__ import annotations

from typing import Any

from keras import ops  # type: ignore[import-untyped, import-not-found, unused-ignore]

__all__ = ["dense_lookup"]


def dense_lookup(table: Any, rows: Any) -> Any:
    """Take rows of a table, with a gradient of the whole table's shape.

    TensorFlow keeps the gradient of a lookup as a list of rows, in which a row that was taken twice stands
    twice, and Keras' optimisers square each by itself; JAX and PyTorch add them up first. The product makes
    it dense, and so equal.

    Parameters
    ----------
    table
        A variable of shape (n, d).
    rows
        Integers of any shape, each in 0..n-1.

    Returns
    -------
    tensor
        Shape (*rows.shape, d).
    """
    return ops.take(ops.multiply(table, 1.0), rows, axis=0)
