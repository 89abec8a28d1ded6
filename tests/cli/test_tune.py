"""``leafscan tune`` makes the cheapest search that reaches a recall the default of a file."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import leafscan
from leafscan.cli.app import app

RUNNER = CliRunner()
WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}
RNG = np.random.default_rng(0)
CENTERS = RNG.normal(size=(40, 12))
VECTORS = (CENTERS[RNG.integers(40, size=4_000)] + RNG.normal(size=(4_000, 12))).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    plan = leafscan.Config(
        tree=leafscan.Tree(num_leaves=60),
        score=leafscan.AsymmetricHash(),
        reorder=leafscan.Reorder(),
        search=leafscan.SearchParams(leaves=60, candidates=1_000),
    )
    leafscan.build(VECTORS, metric="cosine", config=plan).save(tmp_path / "some.leafscan")
    return tmp_path / "some.leafscan"


def _tune(path: Path, *options: str) -> tuple[int, str, str]:
    result = RUNNER.invoke(app, ["tune", str(path), *options], env=WIDE)
    return result.exit_code, " ".join(result.stdout.split()), " ".join(result.stderr.split())


def test_it_saves_the_cheapest_search_that_reaches_the_recall(path: Path) -> None:
    code, out, err = _tune(path, "--recall", ".9")
    assert code == 0, err
    index = leafscan.load(path)
    assert index.tuning is not None
    point = index.tuning.point
    assert index.config.search == point.params
    assert point.params.leaves is not None
    assert point.params.leaves < 60
    assert point.low >= 0.9
    assert f"recall@10 {point.recall:.4f} ({point.low:.4f} to {point.high:.4f}), asked for 0.9; " in out
    assert f"{path} searches so by default." in out
    searched = RUNNER.invoke(app, ["search", str(path), _queries(path), "--recall", ".8", "--json"], env=WIDE)
    assert searched.exit_code == 0, searched.output
    found = index.search(VECTORS[:300] + 0.05, k=10, recall=0.8).ids.tolist()
    assert [json.loads(line)["ids"] for line in searched.stdout.splitlines()] == found


def test_a_dry_run_saves_nothing(path: Path) -> None:
    before = path.read_bytes()
    code, out, _ = _tune(path, "--recall", ".9", "--dry-run", "--queries", _queries(path))
    assert code == 0
    assert "Nothing was saved." in out
    assert "over 300 queries." in out
    assert path.read_bytes() == before


def test_it_saves_elsewhere_and_tells_json(path: Path) -> None:
    before, other = path.read_bytes(), path.with_name("other.leafscan")
    code, out, _ = _tune(path, "--recall", ".9", "-o", str(other), "--json")
    assert code == 0
    assert path.read_bytes() == before
    tuning = leafscan.load(other).tuning
    assert tuning is not None
    assert json.loads(out) == json.loads(json.dumps(tuning.to_dict()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "leafscan tune needs --recall, as --recall .95."),
        (["--recall", ".9", "--queries", "nowhere.npy"], "nowhere.npy: No such file or directory."),
        (["--recall", ".9", "-o", "nowhere/other.leafscan"], "there is no folder nowhere; make it first."),
        (["--recall", "0"], "recall must be above 0"),
    ],
)
def test_what_cannot_be_gets_one_sentence(path: Path, options: list[str], words: str) -> None:
    before = path.read_bytes()
    code, _, err = _tune(path, *options)
    assert code == 1
    assert err.startswith("Error: ")
    assert words in err
    assert path.read_bytes() == before


def test_a_search_by_recall_of_an_index_that_was_never_tuned_gets_one_sentence(path: Path) -> None:
    result = RUNNER.invoke(app, ["search", str(path), _queries(path), "--recall", ".8"], env=WIDE)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.strip().splitlines()) == 1


def _queries(path: Path) -> str:
    np.save(path.with_name("queries.npy"), VECTORS[:300] + 0.05)
    return str(path.with_name("queries.npy"))


def test_queries_of_another_kind_are_told_when_searched_by_recall(path: Path) -> None:
    assert _tune(path, "--recall", ".9")[0] == 0
    np.save(path.with_name("odd.npy"), RNG.normal(size=(200, 12)).astype(np.float32))
    command = ["search", str(path), str(path.with_name("odd.npy")), "--recall", ".9", "--json"]
    result = RUNNER.invoke(app, command, env=WIDE)
    assert result.exit_code == 0
    assert result.stderr.startswith("Note: ")
    assert "farther from their neighbours" in result.stderr
    assert len(result.stdout.splitlines()) == 200
