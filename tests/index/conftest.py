"""Small data, and the exact answer that an index is held to."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree

Matrix = NDArray[np.float32]
Exact = Callable[[Matrix, Matrix, str], NDArray[np.float64]]


@pytest.fixture(scope="session")
def vectors() -> Matrix:
    return np.random.default_rng(0).standard_normal((600, 24)).astype(np.float32)


@pytest.fixture(scope="session")
def queries() -> Matrix:
    return np.random.default_rng(1).standard_normal((40, 24)).astype(np.float32)


@pytest.fixture(scope="session")
def whole() -> Config:
    """Every part there is, visiting all leaves and reordering all rows: it must be exact."""
    return Config(
        tree=Tree(num_leaves=12),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=12, candidates=600),
    )


@pytest.fixture(scope="session")
def exact() -> Exact:
    """Scores of all rows for all queries, in float64."""

    def scores(vectors: Matrix, queries: Matrix, metric: str) -> NDArray[np.float64]:
        rows, points = vectors.astype(np.float64), queries.astype(np.float64)
        if metric == "squared_l2":
            distances: NDArray[np.float64] = np.square(points[:, None, :] - rows[None]).sum(axis=2)
            return distances
        products: NDArray[np.float64] = points @ rows.T
        if metric == "cosine":
            lengths = np.linalg.norm(points, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
            products = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
        return products

    return scores
