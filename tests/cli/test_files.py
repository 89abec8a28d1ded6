import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import leafscan
from leafscan.cli.app import app

RUNNER = CliRunner()
WIDE = {"COLUMNS": "160", "NO_COLOR": "1"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    index = leafscan.build(
        np.random.default_rng(0).standard_normal((90, 8)).astype(np.float32),
        metric="cosine",
        config=leafscan.Config(
            tree=leafscan.Tree(num_leaves=5), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
        ),
        ids=[f"id {i}" for i in range(90)],
    )
    index.save(tmp_path / "some.leafscan")
    return tmp_path / "some.leafscan"


def damage(path: Path, section: str) -> None:
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[:8], "little")
    begin, _ = json.loads(data[8 : 8 + length])[section]["data_offsets"]
    data[8 + length + begin] ^= 1
    path.write_bytes(data)


def test_inspect_shows_what_is_inside(path: Path) -> None:
    result = RUNNER.invoke(app, ["inspect", str(path)], env=WIDE)
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    assert f"format 1, written by leafscan {leafscan.__version__}" in said
    assert f"{path.stat().st_size:,} bytes" in said
    for fact in (
        "cosine",
        "90 of 8 dimensions",
        "strings",
        "num_leaves 5",
        "asymmetric_hash",
        "candidates 300",
    ):
        assert fact in said
    for section in ("rows float32 90 x 8 2,880", "order uint32 90 360", "id_offsets uint64 91 728"):
        assert section in said


def test_inspect_gives_json(path: Path) -> None:
    result = RUNNER.invoke(app, ["inspect", str(path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output) == json.loads(json.dumps(leafscan.inspect(path).to_dict()))


def test_inspect_shows_names_as_they_are(path: Path) -> None:
    odd = path.with_name("[bold]odd.leafscan")
    path.rename(odd)
    assert "[bold]odd.leafscan" in RUNNER.invoke(app, ["inspect", str(odd)], env=WIDE).output


def test_verify_passes_what_is_whole(path: Path) -> None:
    result = RUNNER.invoke(app, ["verify", str(path)], env=WIDE)
    assert result.exit_code == 0
    assert f"some.leafscan is whole: {len(leafscan.inspect(path).sections)} sections" in result.output


def test_verify_names_the_section_that_is_damaged(path: Path) -> None:
    damage(path, "codes")
    assert RUNNER.invoke(app, ["inspect", str(path)]).exit_code == 0
    result = RUNNER.invoke(app, ["verify", str(path)], env=WIDE)
    assert result.exit_code == 1
    assert "Error: " in result.stderr
    assert "the section 'codes' does not agree with its checksum" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_file_that_is_missing_or_foreign_gets_one_sentence(tmp_path: Path, command: str) -> None:
    result = RUNNER.invoke(app, [command, str(tmp_path / "none")], env=WIDE)
    assert result.exit_code == 1
    assert "none cannot be read: " in result.stderr
    (tmp_path / "other").write_bytes(b"PK\x03\x04" + bytes(100))
    result = RUNNER.invoke(app, [command, str(tmp_path / "other")], env=WIDE)
    assert result.exit_code == 1
    assert "other is not a leafscan index" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
