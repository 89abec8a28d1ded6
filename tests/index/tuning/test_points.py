import dataclasses
import json
from typing import Any

import pytest

import leafscan
from leafscan import Config, OperatingPoint, RecallCurve, SearchParams, Trial, Tuning


def point(recall: float, us: float, *, leaves: int = 3) -> OperatingPoint:
    return OperatingPoint(
        params=SearchParams(leaves=leaves), recall=recall, low=recall - 0.01, high=recall, latency_us=us
    )


@pytest.fixture
def curve() -> RecallCurve:
    return RecallCurve(
        k=10,
        queries=500,
        given=True,
        confidence=0.95,
        points=(point(0.8, 5), point(0.9, 9), point(0.99, 30)),
        nearness=(0.1, 0.5, 0.9),
    )


@pytest.fixture
def tuning(curve: RecallCurve) -> Tuning:
    trial = Trial(
        config=Config(tree=leafscan.Tree(num_leaves=9), search=SearchParams(leaves=3)),
        nbytes=1_000,
        build_seconds=0.5,
        points=curve.points,
        chosen=True,
        verdict="chosen",
    )
    return Tuning(
        recall=0.89, point=curve.points[1], curve=curve, trials=(trial,), seconds=1.5, notes=("So it is.",)
    )


def test_the_cheapest_that_is_sure_enough_is_taken(curve: RecallCurve) -> None:
    assert curve.at(0.79).latency_us == 5
    assert curve.at(0.8).latency_us == 9
    assert curve.at(0.98).latency_us == 30
    with pytest.raises(
        ValueError, match=r"recall of 0\.985 was not reached: the best .* is 0\.99 \(at least"
    ):
        curve.at(0.985)


def test_it_comes_back_from_json(tuning: Tuning) -> None:
    again = Tuning.from_dict(json.loads(json.dumps(tuning.to_dict())))
    assert again == tuning
    assert again.k == 10
    assert str(again) == "recall@10 0.9000 (0.8900 to 0.9000), asked 0.89; 9.0 us a query"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"recall": 0}, "recall must be above 0"),
        ({"recall": 1.5}, "at most 1"),
        ({"recall": "much"}, "must be a number|real number|finite"),
        ({"seconds": -1}, "seconds must be"),
        ({"seconds": float("nan")}, "seconds must be"),
        ({"point": {}}, "params"),
        ({"notes": "one"}, "notes must be a list"),
        ({"notes": [3]}, "notes must be a tuple of str"),
        ({"trials": [{}]}, "Trial needs|points must be"),
        ({"more": 1}, "no parameter 'more'"),
    ],
)
def test_what_is_wrong_is_named(tuning: Tuning, change: dict[str, Any], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        Tuning.from_dict({**tuning.to_dict(), **change})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"k": 0}, "k must be"),
        ({"queries": 0}, "queries must be"),
        ({"given": 1}, "given must be"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"confidence": 0.4}, "confidence must be"),
        ({"points": ()}, "at least one"),
        ({"points": [point(0.9, 1)]}, "must be a tuple"),
        ({"points": (point(0.9, 5), point(0.8, 6))}, "rise in recall"),
        ({"points": (point(0.8, 5), point(0.9, 4))}, "rise in latency_us"),
        ({"nearness": (0.5, 0.1)}, "ascend"),
        ({"nearness": (0.5, float("nan"))}, "finite"),
    ],
)
def test_a_curve_checks_itself(curve: RecallCurve, change: dict[str, Any], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        dataclasses.replace(curve, **change)


def test_a_point_checks_itself() -> None:
    with pytest.raises(ValueError, match="must rise, up to 1"):
        OperatingPoint(params=SearchParams(), recall=0.5, low=0.6, high=0.7, latency_us=1)
    with pytest.raises(ValueError, match="must rise, up to 1"):
        OperatingPoint(params=SearchParams(), recall=0.5, low=0.4, high=1.1, latency_us=1)
    with pytest.raises(TypeError, match="must be a SearchParams"):
        OperatingPoint(params=3, recall=0.5, low=0.4, high=0.6, latency_us=1)  # type: ignore[arg-type]
