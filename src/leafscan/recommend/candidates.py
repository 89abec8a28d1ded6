"""The candidates that the KerasRS tutorial searches: a trained table and many noisy copies of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["noisy_candidates"]


def noisy_candidates(
    table: NDArray[np.floating], *, copies: int = 100, seed: int = 42
) -> NDArray[np.float32]:
    """Append copies of a table, each multiplied elementwise by uniform noise.

    Parameters
    ----------
    table
        The trained candidates, of shape (n, d); (2682, 32) in the tutorial.
    copies
        How many copies follow the table, at least 0; 100 in the tutorial, which makes 270,882 rows.
    seed
        Seeds ``numpy.random.default_rng``.

    Returns
    -------
    ndarray of float32
        Shape (n * (1 + copies), d): the table itself, then each copy times its own noise from [0, 1).

    Raises
    ------
    ValueError
        If the table is not a matrix or the number of copies is negative.

    Examples
    --------
    >>> import numpy as np
    >>> noisy_candidates(np.ones((2, 3)), copies=4).shape
    (10, 3)
    """
    table = np.asarray(table, dtype=np.float32)
    if table.ndim != 2:
        raise ValueError(f"table must be a matrix of shape (n, d), received shape {table.shape}.")
    if copies < 0:
        raise ValueError(f"copies must be at least 0, received {copies}.")
    rows, width = table.shape
    out = np.empty((1 + copies, rows, width), dtype=np.float32)
    out[0] = table
    np.random.default_rng(seed).random(dtype=np.float32, out=out[1:])
    out[1:] *= table
    return out.reshape(-1, width)
