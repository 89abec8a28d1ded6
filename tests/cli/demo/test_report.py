import json
from pathlib import Path

import pytest

from leafscan.cli.demo.errors import DemoError
from leafscan.cli.demo.report import prepare_folder, write_report
from leafscan.cli.demo.retrieval import Retrieval


def test_it_is_written_whole_or_not_at_all(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    results: list[Retrieval],
    quality: list[dict[str, object]],
):
    path = tmp_path / "report.json"
    assert write_report(path, retrieval=results, quality=quality, machine={"cores": 2}) == path
    first = path.read_bytes()
    report = json.loads(first)
    assert report["retrieval"][2]["speedup_over_jit"] == 32
    assert report["quality"][1] == {"model": "quality", "ndcg_at_10": 0.1, "recall_at_10": 0.25}
    assert report["machine"] == {"cores": 2}
    with pytest.raises(ValueError, match="JSON"):
        write_report(path, retrieval=results, quality=quality, machine={"load": float("nan")})

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="the disk is full"):
        write_report(path, retrieval=[], quality=[], machine={})
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_made_or_a_sentence_says_why_not(tmp_path: Path):
    prepare_folder(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="--output must be a folder that can be written to"):
        prepare_folder(tmp_path / "file")
