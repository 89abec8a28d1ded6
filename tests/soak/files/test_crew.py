"""A worker that dies is counted, and the next goes on where it was."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from soak.__main__ import app
from soak.files import crew
from soak.files.worker import Job

#: Stands in for soak.files.worker: file 3 ends it by a signal, 5 hangs it.
WORKER = """
import json, os, signal, sys, time
job = json.loads(sys.argv[1])
for number in range(job["first"], job["first"] + job["count"]):
    if number == 3:
        print("what it said", file=sys.stderr, flush=True)
        os.abort()
    if number == 5:
        time.sleep(60)
    print(json.dumps({"number": number, "status": "refused"}), flush=True)
"""


def test_a_crash_and_a_hang_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soak" / "files").mkdir(parents=True)
    (tmp_path / "soak" / "files" / "worker.py").write_text(WORKER)
    monkeypatch.setattr(crew, "REPOSITORY", tmp_path)
    monkeypatch.setattr(crew, "PATIENCE", 2.0)
    told: list[dict[str, Any]] = []
    crew.run_job(Job(seed=1, first=1, count=7), told.append)
    assert [trial["number"] for trial in told] == list(range(1, 8))
    statuses = {trial["number"]: trial["status"] for trial in told}
    assert [number for number, status in statuses.items() if status == "crashed"] == [3, 5]
    assert "what it said" in told[2]["problem"]
    assert "without a result" in told[4]["problem"]


def test_the_command_writes_what_it_found(tmp_path: Path) -> None:
    output = tmp_path / "out" / "files.json"
    arguments = ["files", "--count", "30", "--seed", "2", "--workers", "2", "--output", str(output)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(output.read_text())
    assert found["workload"] == {"count": 30, "seed": 2, "first": 0, "workers": 2}
    assert sum(found["totals"].values()) == 30
    assert found["totals"]["crashed"] == found["totals"]["failed"] == 0
    assert found["problems"] == []
    assert found["machine"]["python"] == sys.version.split()[0]
