import itertools
from math import sqrt

import pytest

from benchmarks.peers import PEERS
from benchmarks.peers.ladders import RUNGS, fine_leaves, tree_ladders
from benchmarks.peers.peer import Shape
from benchmarks.peers.scann import fair_threshold

SHAPES = [
    Shape(331_479, 100, "cosine"),
    Shape(60_000, 784, "squared_l2", 3000.0),
    Shape(270_882, 32, "dot_product", 0.17),
    Shape(1_000_000, 128, "squared_l2", 512.0),
]


def test_the_threshold_gives_the_weight_it_was_made_from():
    d, norm = 100, 2.5
    t = (fair_threshold(3.0, d, norm) / norm) ** 2
    assert (d - 1) * t / (1 - t) == pytest.approx(3.0)
    assert fair_threshold(4.125, 100, 1.0) == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_plans_have_ladders_of_rising_effort(name, shape):
    for quick in (True, False):
        plans = PEERS[name].plans(shape, quick)
        assert len({plan.label for plan in plans}) == len(plans)
        assert len(plans) == 1 or not quick
        for ladder in (ladder for plan in plans for ladder in plan.ladders):
            assert len(ladder) == RUNGS
            for low, high in itertools.pairwise(ladder):
                assert all(low[key] <= high[key] for key in low)


def test_peers_that_share_an_import_name_have_environments_of_their_own():
    assert PEERS["scann"].requirements != PEERS["scann-core"].requirements


def test_leaves_grow_with_the_root_and_stop_at_2000():
    assert fine_leaves(60_000) == round(4 * sqrt(60_000))
    assert fine_leaves(10_000_000) == 2000
    assert tree_ladders(3)[0][0]["leaves"] == 1
