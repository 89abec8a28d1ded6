"""``leafscan search`` answers what the index answers, on the terminal and in every format of file."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import leafscan
from leafscan.cli.app import app

RUNNER = CliRunner()
WIDE = {"COLUMNS": "160", "NO_COLOR": "1"}
VECTORS = np.random.default_rng(0).standard_normal((2_000, 12)).astype(np.float32)
QUERIES = VECTORS[:30] + 0.1


@pytest.fixture(params=["numbers", "names"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    plan = leafscan.Config(
        tree=leafscan.Tree(num_leaves=40), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
    )
    ids = [f"[b]id {i}" for i in range(2_000)] if request.param == "names" else None
    leafscan.build(VECTORS, metric="cosine", config=plan, ids=ids).save(tmp_path / "some.leafscan")
    np.save(tmp_path / "queries.npy", QUERIES)
    return tmp_path / "some.leafscan"


def _search(path: Path, *options: str, queries: str = "queries.npy") -> tuple[int, str, str]:
    result = RUNNER.invoke(app, ["search", str(path), str(path.with_name(queries)), *options], env=WIDE)
    return result.exit_code, result.stdout, result.stderr


def test_few_queries_are_answered_on_the_terminal(path: Path) -> None:
    np.save(path.with_name("two.npy"), QUERIES[:2])
    code, out, err = _search(path, "-k", "3", queries="two.npy")
    assert code == 0
    found = leafscan.load(path).search(QUERIES[:2], k=3)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    for place in range(2):
        for rank in range(3):
            row = f"{rank + 1} {found.ids[place, rank]} {found.scores[place, rank]:.6g}"
            assert (f"{place} {row}" if rank == 0 else row) in lines
    assert err.startswith("2 queries in ")


def test_of_many_the_first_are_shown(path: Path) -> None:
    code, out, err = _search(path)
    assert code == 0
    assert len(out.splitlines()) < 70
    assert "30 queries in " in err
    assert "the first 5 are shown, --output FILE writes them all" in err


def test_json_has_all_answers(path: Path) -> None:
    code, out, _ = _search(path, "--json", "-k", "4")
    assert code == 0
    found = leafscan.load(path).search(QUERIES, k=4)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["query"] for line in lines] == list(range(30))
    assert [line["ids"] for line in lines] == found.ids.tolist()
    assert [line["scores"] for line in lines] == found.scores.tolist()


@pytest.mark.parametrize("ending", ["npz", "parquet", "arrow", "jsonl"])
def test_files_have_all_answers(path: Path, ending: str) -> None:
    output = path.with_name(f"answers.{ending}")
    if ending in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    code, _, err = _search(path, "-o", str(output), "--leaves", "3", "--candidates", "25")
    assert code == 0, err
    assert str(output) in err
    found = leafscan.load(path).search(QUERIES, params=leafscan.SearchParams(leaves=3, candidates=25))
    if ending == "npz":
        with np.load(output) as arrays:
            ids, scores = arrays["ids"].tolist(), arrays["scores"].tolist()
    elif ending == "jsonl":
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        ids, scores = [line["ids"] for line in lines], [line["scores"] for line in lines]
    else:
        from pyarrow import feather, parquet

        table = parquet.read_table(output) if ending == "parquet" else feather.read_table(output)
        assert table["query"].to_pylist() == list(range(30))
        ids, scores = table["ids"].to_pylist(), table["scores"].to_pylist()
    assert ids == found.ids.tolist()
    assert scores == found.scores.tolist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--leaves", "41"], "params.leaves must be between 1 and the tree's 40 leaves"),
        (["--recall", ".9", "--leaves", "4"], "--recall chooses --leaves and --candidates itself"),
        (
            ["-o", "answers.csv"],
            "--output must end on .parquet, .arrow, .npz or .jsonl; received answers.csv",
        ),
        (["-o", "nowhere/answers.npz"], "there is no folder nowhere; make it first"),
        (["--key", "x"], "holds one array, which has no name; leave --key x out"),
    ],
)
def test_what_cannot_be_gets_one_sentence(path: Path, options: list[str], words: str) -> None:
    code, _, err = _search(path, *options)
    assert code == 1
    assert words in err
    assert err.startswith("Error: ")
    assert len(err.strip().splitlines()) == 1


def test_queries_of_another_width_or_from_nowhere_get_one_sentence(path: Path) -> None:
    np.save(path.with_name("wide.npy"), np.zeros((3, 5), np.float32))
    code, _, err = _search(path, queries="wide.npy")
    assert code == 1
    assert "queries must have the shape (12,) or (q, 12)" in err
    code, _, err = _search(path, queries="none.npy")
    assert code == 1
    assert err.strip().endswith("none.npy: No such file or directory.")
