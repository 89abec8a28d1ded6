import numpy as np
import pytest

from benchmarks.data.ground_truth import exact_neighbours, exact_scores
from benchmarks.recall import Judge

METRICS = ("dot_product", "cosine", "squared_l2")


def rows(count: int, dimensions: int, seed: int, unit: bool = False) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True) if unit else made


@pytest.mark.parametrize("metric", METRICS)
def test_exact_neighbours_are_those_of_a_full_float64_sort(metric, monkeypatch):
    monkeypatch.setattr("benchmarks.data.ground_truth.ROW_BLOCK", 97)
    monkeypatch.setattr("benchmarks.data.ground_truth.QUERY_BLOCK", 7)
    base, queries = rows(500, 13, 1, metric == "cosine"), rows(20, 13, 2, metric == "cosine")
    ids, scores = exact_neighbours(base, queries, metric, 10)
    for query, found, score in zip(queries, ids, scores, strict=True):
        full = exact_scores(base, query, metric)
        assert found.tolist() == np.argsort(-full, kind="stable")[:10].tolist()
        assert score == pytest.approx(np.sort(full)[::-1][:10])


def test_rounding_of_float32_cannot_hide_a_neighbour():
    # A large common offset: the float32 squared distances of near rows are all rounding error.
    base = rows(400, 8, 3) * np.float32(1e-3) + np.float32(300)
    ids, _ = exact_neighbours(base, base[:5], "squared_l2", 3)
    assert ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    for i in range(5):
        assert (
            ids[i].tolist()
            == np.argsort(-exact_scores(base, base[i], "squared_l2"), kind="stable")[:3].tolist()
        )


def test_ties_go_to_the_lower_row_and_few_rows_are_enough():
    base = np.ones((12, 4), dtype=np.float32)
    ids, _ = exact_neighbours(base, base[:1], "dot_product", 10)
    assert ids[0].tolist() == list(range(10))


def judge(base: np.ndarray, queries: np.ndarray, metric: str = "squared_l2", k: int = 4) -> Judge:
    return Judge(base, queries, metric, *exact_neighbours(base, queries, metric, k))


def test_recall_counts_the_share_of_exact_neighbours():
    base, queries = rows(50, 6, 4), rows(3, 6, 5)
    marks = judge(base, queries)
    assert marks.recall(marks.ids) == 1.0
    half = marks.ids.copy()
    half[:, 2:] = -1
    assert marks.recall(half) == 0.5


def test_a_repeated_id_counts_once():
    base, queries = rows(50, 6, 4), rows(1, 6, 5)
    marks = judge(base, queries)
    assert marks.hits(np.repeat(marks.ids[:, :1], 4, axis=1)).tolist() == [1]


def test_a_copy_of_a_neighbour_is_as_good_as_the_neighbour():
    base = np.concatenate([rows(20, 6, 6), rows(20, 6, 6)])
    marks = judge(base, rows(2, 6, 7), k=3)
    copies = (marks.ids + 20) % 40
    assert marks.hits(copies)[0] >= 2
    # The pair at ranks 0 and 1, and whichever of the second pair's two rows the third rank holds.
    assert marks.hits(np.stack([[*marks.ids[0, :2].tolist(), (marks.ids[0, 2] + 20) % 40]]))[0] == 3


def test_ids_that_are_no_rows_count_nothing():
    marks = judge(rows(50, 6, 4), rows(1, 6, 5))
    assert marks.hits(np.array([[-1, 50, 10**12, -7]])).tolist() == [0]


def test_answers_may_start_at_any_query_and_wrap_round():
    marks = judge(rows(50, 6, 8), rows(5, 6, 9))
    order = [3, 4, 0, 1]
    assert marks.recall(marks.ids[order], first=3) == 1.0
    assert marks.recall(marks.ids[order], first=0) < 1.0
