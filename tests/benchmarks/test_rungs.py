import itertools

import pytest

from benchmarks.frontier import TARGETS
from benchmarks.rungs import choose_rungs, wanted_recalls


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 8, 12, 24])
def test_as_many_recalls_as_asked_for_rising(count):
    wanted = wanted_recalls(count)
    assert len(wanted) == count
    assert all(low < high for low, high in itertools.pairwise(wanted))


def test_three_points_are_enough_to_read_every_target():
    assert all(any(0 <= w - target < 0.003 for w in wanted_recalls(3)) for target in TARGETS)


def test_rungs_are_the_lowest_that_reach_the_recall():
    recalls = [i / 100 for i in range(100)]
    assert choose_rungs(100, recalls.__getitem__, [0.9, 0.95]) == [90, 95]


def test_a_rung_is_measured_once():
    asked: list[int] = []

    def recall_of(rung: int) -> float:
        asked.append(rung)
        return rung / 63

    choose_rungs(64, recall_of, [0.5, 0.8, 0.9, 0.99])
    assert len(asked) == len(set(asked)) < 24


def test_an_easy_set_gets_as_many_points_as_any_other():
    assert choose_rungs(20, lambda rung: 1.0, [0.9, 0.95, 0.99]) == [0, 1, 2]
    assert choose_rungs(20, lambda rung: 0.5, [0.9, 0.95, 0.99]) == [17, 18, 19]
    assert choose_rungs(2, lambda rung: 1.0, [0.9, 0.95, 0.99]) == [0, 1]
