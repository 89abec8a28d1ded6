import json

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as command
from benchmarks.report.results import NoResultsError, results_page

MACHINE = {
    "processor": "abacus",
    "cores": 2,
    "memory_gib": 1.0,
    "system": "Linux",
    "python": "3.11",
    "load_1min": 0.1,
    "date": "2026-01-02 03:04",
}
SET = {
    "dataset": {
        "name": "glove-50",
        "metric": "cosine",
        "rows": 1000,
        "dimensions": 50,
        "queries": 10,
        "local_dimension": 18.9,
    },
    "frontier": {
        "single": {
            "leafscan": {"0.90": 3000.0, "0.95": 2000.0, "0.99": 900.0},
            "scann-core": {"0.90": 1500.0, "0.95": 800.0, "0.99": None},
            "hnswlib": {"0.90": 1000.0, "0.95": 1000.0, "0.99": 300.0},
        },
        "batched": {
            "leafscan": {"0.90": 4000.0, "0.95": 2000.0, "0.99": 1000.0},
            "scann-core": {"0.90": 1000.0, "0.95": 800.0, "0.99": 500.0},
        },
    },
    "builds": [
        {
            "peer": "leafscan",
            "plan": "9 leaves",
            "seconds": 1.25,
            "peak_mb": 300.0,
            "before_mb": 100.0,
            "disk_mb": 50.0,
            "threads": 2,
            "date": "2026-01-02",
        }
    ],
}
CALL = {
    "threads": 2,
    "contenders": [
        {
            "peer": peer,
            "call": "search",
            "best_of_peer": best,
            "microseconds": micros,
            "recall_at_10": 0.9,
        }
        for peer, best, micros in (("leafscan", True, 80.0), ("scann", True, 200.0), ("scann", False, 400.0))
    ],
}
TEN_MILLION = {
    "trial": {"rows": 10_000_000, "threads": 2},
    "local_dimension": {"20": 22.9, "100": 19.5},
    "seconds": {"build": 150.0},
    "build": {"peak_mb": 8192.0, "before_mb": 4096.0, "index_bytes": 4 * 2**30},
    "params": {"leaves": 100, "candidates": 400},
    "recall": 0.9512,
    "milliseconds": {"median": 0.25, "p99": 0.5},
    "peak_gib": 8.5,
    "broken": [],
}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path / "out"))
    place = tmp_path / "out" / "raw"
    place.mkdir(parents=True)
    return place


def put(raw, name, record, complaints=()):
    content = {"machine": MACHINE, "complaints": list(complaints), "results": {name: record}}
    (raw / f"{name}.json").write_text(json.dumps(content))


def test_the_page_holds_speeds_ratios_builds_machine_and_date(raw):
    put(raw, "glove-50", SET, ["glove-50: LEFT OUT: usearch: no such wheel"])
    put(raw, "tutorial-call", CALL)
    put(raw, "ten-million", TEN_MILLION)
    page = results_page(raw, "the command")
    for line in (
        "Written by `the command` from what runs recorded; how to read it is in `README.md`.",
        "- processor: abacus",
        "| glove-50 | 2026-01-02 03:04 | 0.1 |",
        "| leafscan | 3,000 | 2,000 | 900 | 4,000 | 2,000 | 1,000 |",
        "| scann-core | 1,500 | 800 | - | 1,000 | 800 | 500 |",
        "| leafscan / scann-core | 2.00 | 2.50 | - | 4.00 | 2.50 | 2.00 |",
        "| leafscan / best peer | 2.00 (scann-core) | 2.00 (hnswlib) | 3.00 (hnswlib) "
        "| 4.00 (scann-core) | 2.50 (scann-core) | 2.00 (scann-core) |",
        "| leafscan | 9 leaves | 1.2 | 300 | 100 | 50 | 2026-01-02 |",
        "- glove-50: LEFT OUT: usearch: no such wheel",
        "| scann | search | 200.0 | 2.50 | 0.9000 |",
        "| scann | search (not its best) | 400.0 | 5.00 | 0.9000 |",
        "| build, minutes | 2.50 |",
        "| local intrinsic dimension, by neighbours | 22.9 at 20, 19.5 at 100 |",
    ):
        assert line in page.splitlines(), line


def test_cut_sets_are_passed_over_and_nothing_at_all_is_said(raw):
    put(raw, "glove-50-50000-2000", SET)
    with pytest.raises(NoResultsError, match="There is no result in"):
        results_page(raw, "x")


def test_the_command_writes_the_page_beside_the_readme(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "REPOSITORY", tmp_path)
    (tmp_path / "benchmarks").mkdir()
    assert CliRunner().invoke(command.app, ["results"]).exit_code == 2
    put(raw, "glove-50", SET)
    assert CliRunner().invoke(command.app, ["results"]).exit_code == 0
    assert "## glove-50" in (tmp_path / "benchmarks" / "RESULTS.md").read_text()
