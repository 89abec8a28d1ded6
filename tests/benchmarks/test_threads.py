import json

import numpy as np
from typer.testing import CliRunner

import leafscan
from benchmarks import threads


def test_processes_and_batch_take_turns_and_all_speeds_are_kept(tmp_path):
    rows = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32)
    file = tmp_path / "some.leafscan"
    leafscan.build(rows, metric="dot_product").save(file)
    outcome = threads.race(leafscan.load(file), file, rows[:100], threads=2, rounds=3)
    for speeds in (outcome.together, outcome.apart, outcome.alone):
        assert len(speeds) == 3
        assert min(speeds) > 0


def test_the_ratio_is_the_median_of_the_rounds():
    assert threads.Race(2, together=[9.0, 30.0, 10.0], apart=[10.0, 20.0, 10.0]).ratio == 1.0


def test_the_command_writes_what_it_measured_and_judges_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))
    monkeypatch.setattr(threads, "race", lambda *_: threads.Race(1, [94.0], [100.0], [50.0]))
    outcome = CliRunner().invoke(threads.app, ["--rows", "1000", "--queries", "100", "--rounds", "1"])
    assert outcome.exit_code == 1
    assert "batch over processes: 0.940" in outcome.output
    record = json.loads((tmp_path / "raw" / "threads.json").read_text())["results"]["threads"]
    assert record["ratio"] == 0.94
    assert not (tmp_path / "scratch" / "threads.leafscan").exists()
