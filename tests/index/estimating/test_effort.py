"""Leaves and candidates for a recall."""

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.estimating.effort import expected_effort, measured_effort, scaled_effort
from leafscan.index.metric import Metric

Matrix = NDArray[np.float32]
PLAN = Config(tree=Tree(num_leaves=60), score=AsymmetricHash(), reorder=Reorder())


def test_more_recall_takes_more() -> None:
    efforts = [expected_effort(PLAN, recall, 10) for recall in (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)]
    leaves = [effort.leaves for effort in efforts if effort.leaves is not None]
    candidates = [effort.candidates for effort in efforts if effort.candidates is not None]
    assert len(leaves) == len(candidates) == len(efforts)
    assert leaves == sorted(leaves)
    assert leaves[-1] <= 60
    assert candidates == sorted(candidates)
    assert expected_effort(Config(score=AsymmetricHash(), reorder=Reorder()), 0.9, 10).leaves is None


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
def test_what_is_measured_reaches_the_recall(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((4_200, 6)) @ rng.standard_normal((6, 16))).astype(np.float32)
    index = leafscan.build(rows[200:], metric=metric, config=PLAN)
    queries = np.ascontiguousarray(rows[:200])
    best = leafscan.build(rows[200:], metric=metric, config=Config()).search(queries).ids
    efforts = []
    for recall in (0.8, 0.95):
        sections = dict(index._living.contents.sections)
        effort = measured_effort(sections, queries, metric, index.config, recall, 10, 1)
        found = index.search(queries, params=effort).ids
        hits = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(best, found, strict=True)])
        assert recall <= hits + 0.001
        efforts.append(effort)
    assert efforts[0].leaves < efforts[1].leaves  # type: ignore[operator]


def test_a_small_index_stands_for_a_large_one() -> None:
    large = Config(tree=Tree(num_leaves=240), score=AsymmetricHash(), reorder=Reorder())
    found = scaled_effort(SearchParams(leaves=6, candidates=9), (PLAN, 2), (large, 10))
    assert found == SearchParams(leaves=15, candidates=50)
    assert scaled_effort(SearchParams(leaves=60, candidates=1), (PLAN, 10), (PLAN, 10)) == SearchParams(
        leaves=60, candidates=10
    )
    assert scaled_effort(SearchParams(), (Config(), 2), (Config(), 10)) == SearchParams()
