"""Work goes with the rows as the stages of a build do."""

from dataclasses import replace

import pytest

from leafscan import AsymmetricHash, Config, Reorder, Tree
from leafscan.index.estimating.work import Size, build_work

PLAN = Config(
    tree=Tree(num_leaves=1_000, soar_lambda=1.0, upper_leaves=60, avq_eta=2.0),
    score=AsymmetricHash(pca_dimensions=32),
    reorder=Reorder(),
)


def test_each_stage_of_a_plan_has_work() -> None:
    assert set(build_work(Size(10_000, 64, PLAN))) == {
        "before",
        "training the tree",
        "training the upper tree",
        "spilling into second leaves",
        "refitting the centroids",
        "training the codes",
        "coding the rows",
        "laying out the rows",
    }
    assert set(build_work(Size(10_000, 64, Config()))) == {"before", "laying out the rows"}


def test_stages_that_see_every_row_go_with_them() -> None:
    small, large = (build_work(Size(n, 64, PLAN)) for n in (100_000, 400_000))
    for stage in ("spilling into second leaves", "coding the rows", "laying out the rows"):
        assert large[stage] == pytest.approx(4 * small[stage]), stage
    # A sample trains the codes, and a tree has work that goes with the leaves alone.
    assert large["training the codes"] == small["training the codes"]
    assert 2 < large["training the tree"] / small["training the tree"] < 4


def test_rows_beyond_the_sample_of_the_tree_are_filled_in() -> None:
    plan = Config(tree=Tree(num_leaves=1_000, training_sample_size=50_000))
    assert "filling the leaves" not in build_work(Size(50_000, 64, plan))
    assert build_work(Size(100_000, 64, plan))["filling the leaves"] > 0


def test_components_are_sought_twice_where_leafscan_chooses() -> None:
    size = Size(30_000, 128, Config(score=AsymmetricHash(pca_dimensions=64), reorder=Reorder()))
    plain = build_work(replace(size, config=Config(score=AsymmetricHash(), reorder=Reorder())))["before"]
    once, twice = (build_work(replace(size, chosen=chosen))["before"] for chosen in (False, True))
    assert twice - once == pytest.approx(once - plain)
    assert once > 2 * plain
