"""Which of the exact answers count as found."""

import numpy as np

from leafscan.index.evaluation import truth as room
from leafscan.index.evaluation.truth import Truth


def _truth(names: list[list[int]], scores: list[list[float]]) -> Truth:
    count = len(names)
    return Truth(
        queries=np.zeros((count, 2), np.float32),
        itself=np.full(count, -1, np.int64),
        names=np.array(names),
        scores=np.array(scores, np.float32),
    )


def test_the_equal_of_the_last_stands_for_it() -> None:
    truth = _truth([[1, 2, 3], [1, 2, 3]], [[9, 5, 5], [9, 5, 5]])
    # Row 7 ties with the last; row 8 does not.
    hits = truth.hits(np.array([[1, 7, 8], [1, 7, 6]]), np.array([[9, 5, 4], [9, 5, 5]], np.float32))
    assert hits.tolist() == [[True, True, False], [True, True, True]]
    assert truth.recalls(hits).tolist() == [2 / 3, 1.0]


def test_the_equal_of_another_does_not() -> None:
    truth = _truth([[1, 2, 3]], [[9, 9, 5]])
    assert truth.hits(np.array([[2, 7, 3]]), np.array([[9, 9, 5]], np.float32)).tolist() == [
        [False, True, True]
    ]


def test_answers_that_do_not_exist_are_not_missed() -> None:
    infinite = float("-inf")
    truth = _truth([[4, -1, -1], [-1, -1, -1]], [[3, infinite, infinite], [infinite] * 3])
    none = np.full((2, 3), -1, np.int64)
    hits = truth.hits(none, np.full((2, 3), infinite, np.float32))
    assert not hits.any()
    assert truth.recalls(hits).tolist() == [0.0, 1.0]


def test_pieces_give_what_the_whole_gives(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    scores = -np.sort(-rng.integers(0, 6, size=(50, 8)).astype(np.float32), axis=1)
    truth = _truth(np.argsort(rng.random((50, 30)), axis=1)[:, :8].tolist(), scores.tolist())
    names = np.argsort(rng.random((50, 30)), axis=1)[:, :8]
    whole = truth.hits(names, scores)
    monkeypatch.setattr(room, "CELLS", 200)
    assert np.array_equal(truth.hits(names, scores), whole)
