"""``leafscan evaluate`` writes the page and says the figure."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import leafscan
from leafscan.cli.app import app

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

RUNNER = CliRunner()
WIDE = {"COLUMNS": "160", "NO_COLOR": "1"}
VECTORS = np.random.default_rng(0).standard_normal((2_000, 12)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    plan = leafscan.Config(
        tree=leafscan.Tree(num_leaves=40),
        score=leafscan.AsymmetricHash(),
        reorder=leafscan.Reorder(),
        search=leafscan.SearchParams(leaves=5, candidates=50),
    )
    leafscan.build(VECTORS, metric="cosine", config=plan).save(tmp_path / "some.leafscan")
    return tmp_path / "some.leafscan"


def test_it_writes_a_page(path: Path) -> None:
    output = path.with_name("page.html")
    result = RUNNER.invoke(app, ["evaluate", str(path), "-o", str(output), "--count", "100"], env=WIDE)
    assert result.exit_code == 0, result.output
    found = leafscan.evaluate(leafscan.load(path), count=100, progress=False).default
    assert f"recall@10 {found.recall:.4f} ({found.low:.4f} to {found.high:.4f}), " in result.stdout
    assert "over 100 vectors of the index, each never its own answer." in result.stdout
    assert f"{output} has the rest." in result.stdout
    page = output.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "How well some.leafscan answers" in page


def test_it_takes_queries(path: Path) -> None:
    np.savez(path.with_name("asked.npz"), a=VECTORS[:40] + 0.1, b=VECTORS[:7])
    output = path.with_name("page.html")
    asked = ["--queries", str(path.with_name("asked.npz")), "-k", "3"]
    command = ["evaluate", str(path), "-o", str(output), *asked]
    result = RUNNER.invoke(app, command, env=WIDE)
    assert result.exit_code == 1
    assert "holds several arrays that may be vectors" in result.stderr
    assert not output.exists()
    result = RUNNER.invoke(app, [*command, "--queries-key", "a"], env=WIDE)
    assert result.exit_code == 0
    assert "recall@3 " in result.stdout
    assert "over 40 queries." in result.stdout
    assert "The queries come from asked.npz." in output.read_text(encoding="utf-8")


def test_what_cannot_be_gets_one_sentence(path: Path) -> None:
    for options, words in (
        (["-k", "2000"], "k must be below the number of rows"),
        (["-o", str(path.parent / "nowhere" / "page.html")], "there is no folder"),
        (["--queries", str(path)], "must have the shape"),
    ):
        result = RUNNER.invoke(
            app, ["evaluate", str(path), "-o", str(path.with_name("p.html")), *options], env=WIDE
        )
        assert result.exit_code == 1
        assert words in result.stderr or options[0] == "--queries"
        assert len(result.stderr.strip().splitlines()) == 1
        assert not path.with_name("p.html").exists()


def test_a_library_that_is_missing_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("leafscan.cli.report")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = RUNNER.invoke(app, ["evaluate", str(path)], env=WIDE)
    assert result.exit_code == 1
    assert (
        'leafscan evaluate needs jinja2, which is not installed; pip install "leafscan[cli]" has it.'
        in result.stderr
    )
