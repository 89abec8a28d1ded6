import numpy as np

from leafscan import Config
from leafscan.index.tuning.judging import Judge, drawn
from leafscan.index.tuning.structure import built


def judge(vectors: np.ndarray, queries: np.ndarray, own: np.ndarray | None, k: int) -> Judge:
    vectors = np.ascontiguousarray(vectors, np.float32)
    made = built(vectors, Config(), metric="squared_l2", seed=0, threads=1, progress=None)
    asked = np.ascontiguousarray(queries, np.float32)
    return Judge.of(made.searcher, asked, own, k=k, normalize=False, threads=1)


def test_answers_are_the_nearest_in_float64() -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(300, 5)), rng.normal(size=(20, 5))
    of = judge(vectors, queries, None, 7)
    distances = ((queries[:, None].astype(np.float32) - vectors[None].astype(np.float32)) ** 2).sum(axis=2)
    assert np.array_equal(of.answers, np.argsort(distances, axis=1)[:, :7])
    assert of.asked == 7
    assert of.recalls(of.answers).tolist() == [1.0] * 20
    some = of.answers.copy()
    some[:, 5:] = -1
    assert np.allclose(of.recalls(some), 5 / 7)


def test_a_query_is_no_answer_to_itself() -> None:
    vectors = np.arange(10.0)[:, None]
    own = np.array([0, 5])
    of = judge(vectors, vectors[own], own, 2)
    assert of.asked == 3
    assert of.answers.tolist() == [[1, 2], [4, 6]]
    # Found together with itself, or without: its others are what counts.
    assert of.recalls(np.array([[0, 1, 2], [6, 5, 4]])).tolist() == [1.0, 1.0]
    assert of.recalls(np.array([[0, 1, 9], [4, 7, 6]])).tolist() == [0.5, 0.5]


def test_one_of_two_twins_is_as_right_as_the_other() -> None:
    vectors = np.array([[0.0], [1.0], [3.0], [3.0], [9.0]])
    of = judge(vectors, np.array([[0.0]]), None, 3)
    assert of.recalls(np.array([[0, 1, 3]])).tolist() == [1.0]
    assert of.recalls(np.array([[0, 1, 2]])).tolist() == [1.0]
    assert of.recalls(np.array([[0, 2, 3]])).tolist() == [1.0] == of.recalls(np.array([[2, 3, 1]])).tolist()
    assert np.allclose(of.recalls(np.array([[0, 1, 4]])), 2 / 3)


def test_what_there_is_is_all_where_there_are_fewer() -> None:
    of = judge(np.array([[0.0], [1.0]]), np.array([[0.0]]), np.array([0]), 4)
    assert of.recalls(np.array([[0, 1, -1, -1, -1]])).tolist() == [1.0]
    assert of.recalls(np.array([[0, -1, -1, -1, -1]])).tolist() == [0.0]


def test_drawn_positions_are_each_once_and_by_the_seed() -> None:
    first = drawn(1_000, 100, 3)
    assert len(set(first.tolist())) == 100
    assert first.max() < 1_000
    assert np.array_equal(first, drawn(1_000, 100, 3))
    assert not np.array_equal(first, drawn(1_000, 100, 4))
    # A part of them is a sample too.
    assert 200 < first[:50].mean() < 800
