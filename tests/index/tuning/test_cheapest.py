"""The walk over made-up benches, whose recall and time are known."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.tuning.budget import Budget
from leafscan.index.tuning.cheapest import axes, cheapest, explore, nudged
from leafscan.index.tuning.effort import Effort


class MadeUp:
    """Recall and time by formulas: each neighbour is in a visited leaf, and survives the codes."""

    def __init__(self, leaves: int = 1_000, *, reorder: bool = True, tree: bool = True, a_leaf: float = 0.1):
        self.config = Config(
            tree=Tree(num_leaves=leaves) if tree else None,
            score=AsymmetricHash(),
            reorder=Reorder() if reorder else None,
            search=SearchParams(leaves=leaves // 10 if tree else None, candidates=300 if reorder else None),
        )
        self.judge = SimpleNamespace(k=10)
        self._a_leaf = a_leaf
        self.asked: set[Effort] = set()
        self.timed: set[Effort] = set()

    def recall(self, effort: Effort) -> tuple[float, float, float]:
        self.asked.add(effort)
        routed = effort.leaves / (effort.leaves + 5) if effort.leaves else 1.0
        coded = effort.candidates / (effort.candidates + 8) if effort.candidates else 1.0
        mean = routed * coded
        return mean, mean - 0.002, mean + 0.002

    def reaches(self, effort: Effort, target: float) -> bool:
        return self.recall(effort)[1] >= target

    def latency(self, effort: Effort) -> float:
        self.timed.add(effort)
        return 3 + self._a_leaf * effort.leaves + 0.03 * effort.candidates


@pytest.mark.parametrize("target", [0.5, 0.8, 0.9, 0.95, 0.98])
@pytest.mark.parametrize("a_leaf", [0.01, 0.1, 1.0])
def test_it_is_within_three_percent_of_the_best_of_all(target: float, a_leaf: float) -> None:
    bench: Any = MadeUp(a_leaf=a_leaf)
    found = cheapest(bench, target, 100_000, Budget(60))
    assert found is not None
    assert bench.recall(found)[1] >= target
    seen, timed = len(bench.asked), len(bench.timed)
    leaves, candidates = axes(bench, 100_000)
    every = [Effort(*pair) for pair in product(leaves, candidates)]
    best = min(bench.latency(effort) for effort in every if bench.reaches(effort, target))
    assert bench.latency(found) <= 1.03 * best
    assert seen < len(every) / 15
    assert timed < 25


def test_a_plan_with_one_number_gets_the_least_of_it() -> None:
    for bench, place in ((MadeUp(reorder=False), 0), (MadeUp(tree=False), 1)):
        of: Any = bench
        found = cheapest(of, 0.9, 100_000, Budget(60))
        assert found is not None
        rungs = axes(of, 100_000)[place]
        least = min(
            rung for rung in rungs if of.reaches(Effort(*((rung, 0) if place == 0 else (0, rung))), 0.9)
        )
        assert found[place] == least
        assert found[1 - place] == 0


def test_what_is_out_of_reach_is_none() -> None:
    bench: Any = MadeUp(leaves=10)
    assert cheapest(bench, 0.9, 100_000, Budget(60)) is None


def test_without_time_the_first_that_reaches_it_has_to_do() -> None:
    bench: Any = MadeUp()
    found = cheapest(bench, 0.9, 100_000, Budget(0))
    assert found is not None
    assert bench.recall(found)[1] >= 0.9
    assert len(bench.timed) == 0


def test_a_recall_that_wavers_along_the_ladder_still_ends_at_what_reaches_it() -> None:
    class Wavering(MadeUp):
        def recall(self, effort: Effort) -> tuple[float, float, float]:
            mean, low, high = super().recall(effort)
            shift = 0.003 if (effort.leaves + effort.candidates) % 2 else -0.003
            return mean + shift, low + shift, high + shift

    for target in (0.8, 0.9, 0.95):
        bench: Any = Wavering()
        found = cheapest(bench, target, 100_000, Budget(60))
        assert found is not None
        assert bench.recall(found)[1] >= target


def test_exploring_makes_a_curve_on_both_sides() -> None:
    bench: Any = MadeUp()
    around = cheapest(bench, 0.9, 100_000, Budget(60))
    assert around is not None
    bench.timed.clear()
    explore(bench, around, 100_000, Budget(60))
    recalls = sorted(bench.recall(effort)[0] for effort in bench.timed)
    assert recalls[0] < 0.65
    assert recalls[-1] > 0.98
    assert len(recalls) > 12


def test_a_nudge_adds_candidates_and_gives_up_when_that_does_not_do() -> None:
    bench: Any = MadeUp()
    effort = Effort(100, 60)
    target = bench.recall(effort)[1] + 0.01
    near = nudged(bench, effort, target, 100_000)
    assert near is not None
    assert near.leaves == 100
    assert 60 < near.candidates < 140
    assert nudged(bench, effort, 0.99, 100_000) is None
