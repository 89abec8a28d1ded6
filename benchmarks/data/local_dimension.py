"""How many dimensions a set really has around its points: what makes it easy or hard to search."""

import numpy as np
from numpy.typing import NDArray


def local_intrinsic_dimension(
    base: NDArray[np.float32], sample: int = 1000, neighbours: int = 100, seed: int = 0
) -> float:
    """Return the maximum-likelihood estimate of the local intrinsic dimension of ``base``.

    For a point with distances ``r_1 <= ... <= r_k`` to its neighbours the estimate is the inverse of
    the mean of ``log(r_k / r_i)`` (Levina and Bickel); the inverses are averaged over the sample, as
    MacKay and Ghahramani correct it. Points at distance zero (copies) are left out.

    Parameters
    ----------
    base
        Rows; Euclidean distances are used whatever the metric of the search.
    sample
        Base points looked at.
    neighbours
        Neighbours of each, ``k`` above.
    seed
        Of the sample.
    """
    chosen = np.random.default_rng(seed).choice(len(base), min(sample, len(base)), replace=False)
    points = np.asarray(base[np.sort(chosen)])
    half_norms = 0.5 * np.einsum("ij,ij->i", base, base)
    inverses: list[float] = []
    for start in range(0, len(points), 50):
        block = points[start : start + 50]
        score = block @ base.T - half_norms
        keep = min(2 * neighbours + 1, len(base))
        near = np.argpartition(score, len(base) - keep, axis=1)[:, len(base) - keep :]
        for point, rows in zip(block, near, strict=True):
            distances = np.sort(np.linalg.norm(base[rows].astype(np.float64) - point, axis=1))
            distances = distances[distances > 1e-6 * max(distances[-1], 1e-30)][:neighbours]
            if len(distances) > 1:
                inverses.append(float(np.mean(np.log(distances[-1] / distances[:-1]))))
    mean = float(np.mean(inverses)) if inverses else 0.0
    return 1.0 / mean if mean > 0 else float("inf")
