import json

import pytest
from typer.testing import CliRunner

from benchmarks.ten_million.__main__ import app


@pytest.fixture
def asked(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_a_small_trial_keeps_every_bound_and_writes_what_it_saw(asked, tmp_path):
    outcome = asked("--rows", "20000", "--queries", "600", "--threads", "1")
    assert outcome.exit_code == 0, outcome.output
    assert "Every bound was kept." in outcome.output
    assert "local intrinsic dimension around the queries" in outcome.output
    content = json.loads((tmp_path / "raw" / "ten-million-20000.json").read_text())
    record = content["results"]["ten-million-20000"]
    assert record["broken"] == []
    assert record["recall"] >= 0.95
    assert record["trial"]["rows"] == 20_000
    assert set(record["local_dimension"]) == {"20", "50", "100"}
    assert 10 < record["local_dimension"]["100"] < 25
    assert 0 < record["milliseconds"]["median"] <= record["milliseconds"]["p99"]
    assert content["machine"]["date"]


def test_a_broken_bound_ends_with_status_1_and_a_sentence(asked, monkeypatch):
    monkeypatch.setattr("benchmarks.ten_million.bounds.MOST_MS", 1e-6)
    outcome = asked("--rows", "20000", "--queries", "200", "--threads", "1")
    assert outcome.exit_code == 1
    assert "it must take less than" in outcome.output
