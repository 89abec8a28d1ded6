"""Copies side by side are an index of that size."""

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree, _engine
from leafscan.index.contents import Contents
from leafscan.index.estimating import replica
from leafscan.index.estimating.replica import copied, measured_latency
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.sections import check_contents

Matrix = NDArray[np.float32]

PLANS = {
    "exact": Config(),
    "codes": Config(score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(candidates=30)),
    "everything": Config(
        tree=Tree(num_leaves=12, soar_lambda=1.0, upper_leaves=4),
        score=AsymmetricHash(pca_dimensions=8),
        reorder=Reorder(first_dtype="int8"),
        search=SearchParams(leaves=4, candidates=30, refined=15, upper_leaves=2),
    ),
}
COPIES = 5


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
@pytest.mark.parametrize("plan", PLANS)
def test_copies_are_a_sound_index(vectors: Matrix, queries: Matrix, plan: str, metric: Metric) -> None:
    # Whole groups of 32: without leaves copies leave no gap.
    vectors = vectors[:576]
    index = leafscan.build(vectors, metric=metric, config=PLANS[plan])
    contents = index._living.contents
    made = copied(dict(contents.sections), COPIES)
    config = contents.config
    if config.tree is not None:
        tree = leafscan.index.config.Tree.from_dict(
            {**config.tree.to_dict(), "num_leaves": 12 * COPIES, "upper_leaves": 4 * COPIES}
        )
        config = Config(tree=tree, score=config.score, reorder=config.reorder, search=config.search)
    check_contents(
        Contents(sections=made, dim=24, metric=metric, config=config, seed=0, ids=None), COPIES * len(vectors)
    )
    engines, normalize = engine_metric(metric)
    searcher = _engine.Searcher(made, metric=engines, dim=24)
    ids, scores = searcher.search(queries, 10, 12 * COPIES, 3_000, 1, normalize, None, 3_000, 0)
    exact = leafscan.build(vectors, metric=metric, config=Config()).search(queries, k=2)
    # The best two rows, each of them as often as there are copies.
    np.testing.assert_array_equal(ids % len(vectors), np.repeat(exact.ids, COPIES, axis=1))
    np.testing.assert_allclose(scores, np.repeat(exact.scores, COPIES, axis=1), rtol=1e-6)


@pytest.mark.parametrize("plan", PLANS)
def test_latency_divides_into_stages(vectors: Matrix, queries: Matrix, plan: str) -> None:
    index = leafscan.build(vectors, metric="cosine", config=PLANS[plan])
    latency = measured_latency(dict(index._living.contents.sections), 3, queries, "cosine", index.config, 10)
    assert latency.total > 0
    assert sum(latency.stages.values()) == pytest.approx(latency.total)
    assert (latency.stages["first_rows"] > 0) == (plan == "everything")


def test_codes_that_end_within_a_group_are_not_copied(vectors: Matrix, queries: Matrix) -> None:
    index = leafscan.build(vectors, metric="cosine", config=PLANS["codes"])
    sections = dict(index._living.contents.sections)
    with pytest.raises(ValueError, match="groups of 32"):
        copied(sections, 2)
    one = measured_latency(sections, 1, queries, "cosine", index.config, 10)
    many = measured_latency(sections, 500, queries, "cosine", index.config, 10)
    assert many.total > 10 * one.total


def test_what_there_is_no_room_for_is_reckoned(
    vectors: Matrix, queries: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = leafscan.build(vectors, metric="cosine", config=Config())
    sections = dict(index._living.contents.sections)
    whole = measured_latency(sections, 40, queries, "cosine", index.config, 10)
    monkeypatch.setattr(replica, "MOST_BYTES", 4 * index.nbytes)
    part = measured_latency(sections, 40, queries, "cosine", index.config, 10)
    assert part.total == pytest.approx(whole.total, rel=0.9)
    assert part.stages["rows"] > 3 * part.stages["merge"]
