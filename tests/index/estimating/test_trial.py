"""Small builds stand for large ones."""

import pytest

from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.estimating.trial import invented_rows, like, shrunk, time_of, timed_build
from leafscan.index.estimating.work import Size, build_work

PLAN = Config(
    tree=Tree(num_leaves=2_000, upper_leaves=90, training_sample_size=200_000),
    score=AsymmetricHash(),
    reorder=Reorder(),
    search=SearchParams(leaves=100, candidates=100, upper_leaves=30),
)


def test_a_trial_has_the_stages_of_the_whole() -> None:
    whole = Size(500_000, 16, PLAN)
    trial = like(whole, 8_192)
    assert trial.n == 8_192
    assert trial.config.tree is not None
    assert 512 <= trial.config.tree.num_leaves <= 8_192 // 16
    _, stages = timed_build(invented_rows(trial.n, 16, 0), "cosine", trial, seed=0, threads=1)
    assert stages.seconds.keys() == build_work(whole).keys()
    assert stages.total == pytest.approx(sum(stages.seconds.values()))
    reckoned = time_of(whole, stages)
    assert reckoned.keys() == stages.seconds.keys()
    assert all(reckoned[stage] >= 0 for stage in reckoned)
    assert sum(reckoned.values()) > stages.total


def test_a_trial_of_all_rows_is_the_build_itself() -> None:
    size = Size(3_000, 16, Config(tree=Tree(num_leaves=50), score=AsymmetricHash(), reorder=Reorder()))
    trial = like(size, 10_000)
    assert trial == size
    _, stages = timed_build(invented_rows(3_000, 16, 0), "squared_l2", trial, seed=0, threads=1)
    assert time_of(size, stages) == pytest.approx(stages.seconds)


def test_shrinking_keeps_a_plan_valid() -> None:
    for leaves, upper in ((1, None), (5, 1), (40, 4)):
        small = shrunk(PLAN, leaves, upper)
        assert small.tree is not None
        assert small.tree.num_leaves == max(2, leaves)
        assert small.tree.upper_leaves is not None
        assert 2 <= small.tree.upper_leaves <= small.tree.num_leaves
        small.check_search(small.search, "search")
    assert shrunk(Config(), 4) == Config()
