import numpy as np
import pytest

import leafscan
from benchmarks.data.ground_truth import exact_neighbours
from benchmarks.recall import Judge
from benchmarks.ten_million.sweep import mean_and_promise, one_by_one, sweep


@pytest.fixture(scope="module")
def made():
    generator = np.random.default_rng(5)
    rows = generator.standard_normal((4200, 16)).astype(np.float32)
    base, queries = rows[:4000], rows[4000:]
    config = leafscan.Config(
        tree=leafscan.Tree(num_leaves=60),
        score=leafscan.AsymmetricHash(),
        reorder=leafscan.Reorder(),
    )
    index = leafscan.build(base, metric="squared_l2", config=config)
    return (
        index,
        queries,
        Judge(base, queries, "squared_l2", *exact_neighbours(base, queries, "squared_l2", 10)),
    )


def test_what_is_chosen_promises_the_recall_and_is_the_quickest(made):
    index, queries, judge = made
    told = []
    tried = sweep(index, queries, judge, 10, 0.9, threads=1, tell=told.append)
    assert tried == sorted((t for t in told if t.promised >= 0.9), key=lambda t: t.seconds)
    for t in tried:
        found = index.search(queries, k=10, params=t.params).ids
        assert judge.recall(found) == pytest.approx(t.recall)
        fewer = leafscan.SearchParams(leaves=max(1, t.params.leaves // 2), candidates=t.params.candidates)
        shares = judge.hits(index.search(queries, k=10, params=fewer).ids) / 10
        assert mean_and_promise(shares)[1] < 0.9


def test_a_recall_out_of_reach_gives_the_most_thorough_setting(made):
    index, queries, judge = made
    (best,) = sweep(index, queries, judge, 10, 1.01, threads=1)
    assert best.params.leaves == 60


def test_an_exact_index_has_nothing_to_choose(made):
    _, queries, judge = made
    exact = leafscan.build(queries, metric="squared_l2")
    with pytest.raises(ValueError, match="index must have a tree"):
        sweep(exact, queries, judge, 10, 0.9, threads=1)


def test_one_by_one_answers_as_a_batch_does(made):
    index, queries, _ = made
    params = leafscan.SearchParams(leaves=10, candidates=50)
    found, seconds = one_by_one(index, queries, 10, params)
    np.testing.assert_array_equal(found, index.search(queries, k=10, params=params).ids)
    assert seconds.shape == (200,)
    assert (seconds > 0).all()
