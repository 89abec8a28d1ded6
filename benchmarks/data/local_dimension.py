"""How many dimensions a set really has around its points: what makes it easy or hard to search."""

import numpy as np
from numpy.typing import NDArray


def local_intrinsic_dimension(
    base: NDArray[np.float32], sample: int = 1000, neighbours: int = 100, seed: int = 0
) -> float:
    """Return the maximum-likelihood estimate of the local intrinsic dimension of ``base``.

    Points at distance zero (copies) are left out; see :func:`dimension_of`.

    Parameters
    ----------
    base
        Rows; Euclidean distances are used whatever the metric of the search.
    sample
        Base points looked at.
    neighbours
        Neighbours of each.
    seed
        Of the sample.
    """
    chosen = np.random.default_rng(seed).choice(len(base), min(sample, len(base)), replace=False)
    points = np.asarray(base[np.sort(chosen)])
    half_norms = 0.5 * np.einsum("ij,ij->i", base, base)
    found: list[NDArray[np.float64]] = []
    for start in range(0, len(points), 50):
        block = points[start : start + 50]
        score = block @ base.T - half_norms
        keep = min(2 * neighbours + 1, len(base))
        near = np.argpartition(score, len(base) - keep, axis=1)[:, len(base) - keep :]
        for point, rows in zip(block, near, strict=True):
            distances = np.sort(np.linalg.norm(base[rows].astype(np.float64) - point, axis=1))
            found.append(distances[distances > 1e-6 * max(distances[-1], 1e-30)][:neighbours])
    return dimension_of(found)


def dimension_of(distances: list[NDArray[np.float64]]) -> float:
    """Return the estimate from the distances of points to their nearest neighbours.

    For a point with distances ``r_1 <= ... <= r_k`` the estimate is the inverse of the mean of
    ``log(r_k / r_i)`` over i < k (Levina and Bickel, 2004); the inverses are averaged over the points, as
    MacKay and Ghahramani correct it. It holds at the scale of ``r_k``: where data are noise on a bent
    surface, nearer neighbours see more of the noise.

    Parameters
    ----------
    distances
        For each point its rising distances, none of them zero; a point with fewer than two does not count.

    Examples
    --------
    >>> line = [np.arange(1.0, 101.0)]
    >>> round(dimension_of(line), 1)
    1.0
    """
    inverses = [float(np.mean(np.log(r[-1] / r[:-1]))) for r in distances if len(r) > 1]
    mean = float(np.mean(inverses)) if inverses else 0.0
    return 1.0 / mean if mean > 0 else float("inf")
