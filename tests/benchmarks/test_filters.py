import json

import numpy as np
from typer.testing import CliRunner

from benchmarks import filters


def test_recall_counts_what_there_is_to_find():
    truth = np.array([[3, 1, -1], [2, 0, 5], [-1, -1, -1]])
    assert filters.recall(np.array([[1, -1, -1], [5, 2, 0], [-1, -1, -1]]), truth) == 0.75


def test_calls_are_taken_in_turn_and_the_median_counts():
    order = []

    def call(name, seconds):
        def taken():
            order.append(name)
            return seconds.pop(0)

        return taken

    assert filters.in_turn(3, call("a", [1.0, 9.0, 2.0]), call("b", [5.0, 3.0, 4.0])) == [2.0, 4.0]
    assert order == ["a", "b"] * 3


def test_the_command_writes_what_it_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))
    asked = ["--rows", "20000", "--queries", "100", "--rounds", "1", "--deny", "10", "--tags", "2000"]
    outcome = CliRunner().invoke(filters.app, asked)
    assert outcome.exit_code in (0, 1), outcome.output
    assert "1% allowed:" in outcome.output
    record = json.loads((tmp_path / "raw" / "filters.json").read_text())["results"]["filters"]
    assert [way["share"] for way in record["compiled"]] == [0.001, 0.01, 0.1, 0.5, 0.9]
    for way in record["compiled"]:
        assert way["equal_recall"] >= way["recall"] - filters.EQUAL
    assert {way["way"] for way in record["denied"]} == {"batch", "one a call"}
    assert record["tags"]["write_ms"] > 0
