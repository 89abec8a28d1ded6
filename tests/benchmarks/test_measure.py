from typing import Any

import numpy as np
import pytest

from benchmarks.lanes import Build, Lane
from benchmarks.measure import Effort, Meter, choose_points, measure
from benchmarks.peers.peer import Plan
from benchmarks.recall import Judge

QUERIES = 400


class SlowCrew:
    """Answers rightly the share of queries that the rung stands for, each in a hundredth of a second."""

    def __init__(self, truth: np.ndarray) -> None:
        self.truth = truth
        self.asked: list[dict[str, Any]] = []

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        self.asked.append({"do": request, **arguments})
        count = arguments.get("count", QUERIES)
        if request == "one_by_one":
            count = min(count, int(arguments["seconds"] * 100))
        rows = (arguments.get("first", 0) + np.arange(count)) % QUERIES
        found = self.truth[rows].copy()
        found[np.arange(count) % 100 >= arguments["params"]["rung"]] = -1
        np.save(arguments["ids"], found)
        return {"queries": count, "seconds": count / 100, "cpu": count / 100}


@pytest.fixture
def lane(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))
    ladder = [{"rung": rung} for rung in range(101)]
    build = Build("slow", "plan", 1.0, 1.0, 1.0, 1.0, 2, "today")
    truth = np.arange(QUERIES * 10).reshape(QUERIES, 10)
    return Lane("slow", Plan("plan", {}, (ladder,)), SlowCrew(truth), build)  # type: ignore[arg-type]


def measured(lane: Lane, effort: Effort) -> tuple[list[Any], list[dict[str, Any]]]:
    base = np.zeros((QUERIES * 10, 2), dtype=np.float32)
    queries = np.ones((QUERIES, 2), dtype=np.float32)
    truth = lane.crew.truth  # type: ignore[attr-defined]
    meter = Meter(Judge(base, queries, "dot_product", truth, np.ones(truth.shape)), effort)
    complaints: list[str] = []
    chosen = choose_points([lane], meter, effort, complaints.append)
    points = measure(chosen, meter, effort, QUERIES, complaints.append)
    assert complaints == []
    return points, lane.crew.asked  # type: ignore[attr-defined]


def test_without_hurry_every_point_answers_all_queries_in_the_first_round(lane):
    points, asked = measured(lane, Effort(points=3, rounds=2))
    assert [round(point.timings["batched"].recall, 2) for point in points] == [0.91, 0.96, 1.0]
    whole = [a for a in asked if a["do"] == "one_by_one" and a["first"] == 0]
    assert {a["seconds"] for a in whole} == {1e9}
    assert {a["count"] for a in asked if a["do"] == "all_at_once"} >= {QUERIES}


def test_a_slow_peer_answers_no_more_than_patience_allows(lane):
    points, asked = measured(lane, Effort(points=3, rounds=2, probe=100, patience=1.5))
    assert [point.timings["single"].recall for point in points] == pytest.approx([0.92, 0.96, 1.0], abs=0.04)
    assert max(a["count"] for a in asked if a["do"] == "all_at_once") == 150
    assert max(a["seconds"] for a in asked if a["do"] == "one_by_one") == 1.5
    assert all(timing.qps == [100.0] * 2 for point in points for timing in point.timings.values())
