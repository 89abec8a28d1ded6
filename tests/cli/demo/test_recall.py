import numpy as np
import pytest

from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.recall import find_all, kth_best_scores, recall

RNG = np.random.default_rng(0)
CANDIDATES = RNG.normal(size=(500, 6)).astype(np.float32)
QUERIES = RNG.normal(size=(130, 6)).astype(np.float32)
SCORES = QUERIES.astype(np.float64) @ CANDIDATES.astype(np.float64).T
BEST = np.argsort(-SCORES, axis=1)[:, :10]


def quiet(*_: object) -> None:
    """Show nothing."""


def test_the_kth_best_is_numpys():
    seen: list[tuple[object, ...]] = []
    kth = kth_best_scores(QUERIES, CANDIDATES, k=10, progress=lambda *step: seen.append(step))
    np.testing.assert_allclose(kth, np.sort(SCORES, axis=1)[:, -10], rtol=1e-12)
    assert [step[1:] for step in seen] == [(0, 130), (64, 130), (128, 130)]


def test_all_queries_are_asked_once_in_order():
    asked: list[int] = []

    def search(queries: np.ndarray) -> np.ndarray:
        asked.append(len(queries))
        return np.argsort(-(queries.astype(np.float64) @ CANDIDATES.T), axis=1)[:, :10]

    method = Method("exact", {}, np.asarray, search, exact=True, candidates=500)
    assert np.array_equal(find_all(method, QUERIES, progress=quiet), BEST)
    assert asked == [64, 64, 2]


def test_recall_counts_what_was_found():
    kth = SCORES[np.arange(130), BEST[:, -1]]
    assert recall(BEST, QUERIES, CANDIDATES, kth) == 1
    half = BEST.copy()
    half[:, 5:] = -1
    assert recall(half, QUERIES, CANDIDATES, kth) == 0.5
    repeated = np.repeat(BEST[:, :1], 10, axis=1)
    assert recall(repeated, QUERIES, CANDIDATES, kth) == pytest.approx(0.1)
    worst = np.argsort(SCORES, axis=1)[:, :10]
    assert recall(worst, QUERIES, CANDIDATES, kth) == 0


def test_near_ties_count_either_way():
    candidates = np.array([[1.0], [1.0 - 1e-7], [0.9]], np.float32)
    query, kth = np.ones((1, 1), np.float32), np.array([1.0])
    assert recall(np.array([[1]]), query, candidates, kth) == 1
    assert recall(np.array([[2]]), query, candidates, kth) == 0
