"""The principal components that codes see, where they are not to see everything."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["components_for", "principal_components"]

#: The components of so many rows, evenly spread, stand for those of all.
SAMPLE = 20_000


def principal_components(vectors: NDArray[np.float32], count: int, *, normalize: bool) -> NDArray[np.float32]:
    """Find the directions in which the rows vary most.

    Parameters
    ----------
    vectors
        (n, d) float32; rows that are not finite give components of no use, and no error.
    count
        How many, from 1 to d.
    normalize
        Whether rows are scaled to length 1 first (cosine).

    Returns
    -------
    ndarray of float32
        (count, d), orthonormal rows, the most varied first.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32) * [9, 1, 3]
    >>> np.abs(principal_components(rows.astype(np.float32), 2, normalize=False)).argmax(axis=1).tolist()
    [0, 2]
    """
    return np.ascontiguousarray(_spectrum(vectors, normalize)[1][:count], dtype=np.float32)


def components_for(vectors: NDArray[np.float32], share: float, *, normalize: bool) -> int:
    """Count the components that carry a share of the variance.

    Parameters
    ----------
    vectors, normalize
        As in `principal_components`.
    share
        Between 0 and 1.

    Returns
    -------
    int
        From 1 to d.

    Examples
    --------
    >>> components_for(np.diag([5, 0.1, 5]).astype(np.float32), 0.9, normalize=False)
    2
    """
    variances = _spectrum(vectors, normalize)[0]
    carried = np.cumsum(variances)
    if not carried[-1] > 0:
        return 1
    below: int = int(np.searchsorted(carried, share * carried[-1]))
    dim: int = vectors.shape[1]
    return min(below + 1, dim)


def _spectrum(
    vectors: NDArray[np.float32], normalize: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return variances, the largest first, and their directions as rows."""
    sample = vectors[:: max(1, len(vectors) // SAMPLE)].astype(np.float64)
    sample[~np.isfinite(sample).all(axis=1)] = 0.0
    if normalize:
        lengths = np.linalg.norm(sample, axis=1, keepdims=True)
        sample = np.divide(sample, lengths, out=np.zeros_like(sample), where=lengths > 0)
    sample -= sample.mean(axis=0)
    values, directions = np.linalg.eigh(sample.T @ sample)
    return np.maximum(values[::-1], 0.0), directions[:, ::-1].T
