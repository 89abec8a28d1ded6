"""ann-benchmarks' module for scann makes these calls, in this order."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import scann

Matrix = NDArray[np.float32]


class Algorithm:
    """What its module does with ``scann``: fit, set_query_arguments, query."""

    def __init__(self, n_leaves: int, avq_threshold: float, dims_per_block: int, dist: str) -> None:
        self.n_leaves, self.avq_threshold, self.dims_per_block = n_leaves, avq_threshold, dims_per_block
        self.dist = dist
        self.searcher: Any = None
        self.leaves_to_search = self.reorder = 0

    def fit(self, rows: Matrix) -> None:
        if self.dist == "dot_product":
            spherical = True
            rows = rows.copy()
            rows[np.linalg.norm(rows, axis=1) == 0] = 1.0 / np.sqrt(rows.shape[1])
            rows /= np.linalg.norm(rows, axis=1)[:, np.newaxis]
        else:
            spherical = False
        self.searcher = (
            scann.scann_ops_pybind.builder(rows, 10, self.dist)
            .tree(
                self.n_leaves,
                1,
                training_sample_size=len(rows),
                spherical=spherical,
                quantize_centroids=True,
            )
            .score_ah(self.dims_per_block, anisotropic_quantization_threshold=self.avq_threshold)
            .reorder(1)
            .build()
        )

    def set_query_arguments(self, leaves_reorder: tuple[int, int]) -> None:
        self.leaves_to_search, self.reorder = leaves_reorder

    def query(self, query: Matrix, n: int) -> Any:
        return self.searcher.search(query, n, self.reorder, self.leaves_to_search)[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("dist", "leaves", "threshold", "block"),
    [
        ("dot_product", 40, 0.2, 2),
        ("dot_product", 30, 0.55, 1),
        ("dot_product", 20, 0.15, 3),
        ("squared_l2", 20, np.nan, 2),
        ("squared_l2", 40, np.nan, 4),
    ],
)
def test_the_calls_of_ann_benchmarks(
    rows: Matrix, queries: Matrix, dist: str, leaves: int, threshold: float, block: int
) -> None:
    algorithm = Algorithm(leaves, threshold, block, dist)
    algorithm.fit(rows)
    exact = np.square(queries[:, None] - rows).sum(axis=2)
    if dist == "dot_product":
        exact = -queries @ (rows / np.linalg.norm(rows, axis=1, keepdims=True)).T
    near = np.argsort(exact, axis=1)[:, :10]
    recalls = []
    for arguments in ((1, 25), (5, 50), (20, 300), (800, 1000)):
        algorithm.set_query_arguments(arguments)
        found = [algorithm.query(query, 10) for query in queries]
        recalls.append(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, near, strict=True)]))
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1.0
