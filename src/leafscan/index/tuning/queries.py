"""The queries that a caller gives to be tuned for."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_queries

__all__ = ["as_query_rows"]


def as_query_rows(queries: ArrayLike, dim: int) -> NDArray[np.float32]:
    """Return (m, d) float32 of a caller's queries.

    Raises
    ------
    TypeError
        If they are no numbers, or lie on a GPU.
    ValueError
        If there is none, they have another width, or one is not finite; the first such one is named.

    Examples
    --------
    >>> as_query_rows([[0, 1], [1, np.nan]], 2)
    Traceback (most recent call last):
    ValueError: queries must be finite; query 1 holds NaN or infinity.
    """
    rows = np.atleast_2d(np.asarray(as_queries(queries, dim)))
    if not len(rows):
        raise ValueError("queries must hold at least one query; received none.")
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise ValueError(f"queries must be finite; query {bad[0]} holds NaN or infinity.")
    return np.ascontiguousarray(rows)
