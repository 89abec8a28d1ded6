import numpy as np
import pytest

from benchmarks.data.exact_by_parts import best_scores, neighbours_by_parts
from benchmarks.data.ground_truth import exact_neighbours


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_parts_agree_with_the_whole(metric):
    generator = np.random.default_rng(0)
    base = generator.standard_normal((3000, 24)).astype(np.float32)
    queries = generator.standard_normal((40, 24)).astype(np.float32)
    if metric == "cosine":
        base /= np.linalg.norm(base, axis=1, keepdims=True)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    told: list[int] = []
    ids, scores = neighbours_by_parts(base, queries, metric, 30, threads=2, part=700, tell=told.append)
    right_ids, right_scores = exact_neighbours(base, queries, metric, 10)
    np.testing.assert_array_equal(ids[:, :10], right_ids)
    np.testing.assert_allclose(scores[:, :10], right_scores, rtol=1e-12)
    np.testing.assert_allclose(best_scores(base, queries, metric, 10, part=700), right_scores, rtol=1e-12)
    assert told == [700, 700, 700, 700, 200]


def test_parts_smaller_than_k_are_no_trouble():
    base = np.arange(9, dtype=np.float32)[:, None]
    ids, scores = neighbours_by_parts(base, np.ones((1, 1), np.float32), "dot_product", 5, threads=1, part=4)
    assert ids.tolist() == [[8, 7, 6, 5, 4]]
    assert scores.tolist() == ids.tolist()
