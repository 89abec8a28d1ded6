"""``leafscan build`` gives the index that the library gives, of any file of vectors."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import leafscan
from leafscan.cli.app import app

RUNNER = CliRunner()
WIDE = {"COLUMNS": "200", "NO_COLOR": "1"}
VECTORS = np.random.default_rng(0).standard_normal((1_500, 12)).astype(np.float32)
NAMES = [f"id {i}" for i in range(1_500)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.savez(tmp_path / "some.npz", embedding=VECTORS, names=np.array(NAMES), flat=VECTORS[0])
    return tmp_path / "some.npz"


def _build(path: Path, *options: str, metric: str = "cosine") -> tuple[int, str, str]:
    output = str(path.with_name("some.leafscan"))
    command = ["build", str(path), "--metric", metric, "-o", output, *options]
    result = RUNNER.invoke(app, command, env=WIDE)
    return result.exit_code, " ".join(result.stdout.split()), " ".join(result.stderr.split())


def test_without_a_recall_the_plan_goes_by_size(path: Path) -> None:
    code, out, err = _build(path, "--ids", "names", "--seed", "3")
    assert code == 0, err
    index = leafscan.load(path.with_name("some.leafscan"))
    leafscan.build(VECTORS, metric="cosine", ids=NAMES, seed=3).save(path.with_name("same.leafscan"))
    assert path.with_name("some.leafscan").read_bytes() == path.with_name("same.leafscan").read_bytes()
    assert "some.leafscan: 1,500 x 12, cosine, exact search in float32; searches all rows; " in out
    assert index.ids.tolist() == NAMES
    assert err == ""


@pytest.mark.parametrize("inspected", [False, True])
def test_a_plan_is_built_as_it_says(path: Path, inspected: bool) -> None:
    plan = leafscan.Config(tree=leafscan.Tree(num_leaves=20), score=leafscan.AsymmetricHash())
    index = leafscan.build(VECTORS, metric="squared_l2", config=plan)
    index.save(path.with_name("same.leafscan"))
    wanted = plan.to_dict()
    if inspected:
        wanted = json.loads(
            RUNNER.invoke(app, ["inspect", "--json", str(path.with_name("same.leafscan"))]).stdout
        )
    path.with_name("plan.json").write_text(json.dumps(wanted))
    code, out, err = _build(path, "--config", str(path.with_name("plan.json")), "--json", metric="squared_l2")
    assert code == 0, err
    assert path.with_name("some.leafscan").read_bytes() == path.with_name("same.leafscan").read_bytes()
    made = json.loads(out)
    assert made["index"] == json.loads(
        json.dumps(leafscan.inspect(path.with_name("some.leafscan")).to_dict())
    )
    assert made["tuning"] is None
    assert made["seconds"] > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--key", "names"], "vectors must be real numbers, a row each"),
        (["--key", "flat"], "vectors must be real numbers, a row each"),
        (["--ids", "flat"], "must be integers or strings"),
        (["--max-bytes", "1GB"], "--max-bytes is for a build by recall; give --recall, too."),
        (["--queries", "some.npy"], "--queries is for a build by recall; give --recall, too."),
        (["--config", "nowhere.json"], "nowhere.json: No such file or directory."),
        (["-o", "nowhere/some.leafscan"], "--output nowhere/some.leafscan: there is no folder nowhere"),
    ],
)
def test_what_cannot_be_gets_one_sentence(path: Path, options: list[str], words: str) -> None:
    code, _, err = _build(path, *options)
    assert code == 1
    assert err.startswith("Error: ")
    assert words in err
    assert not path.with_name("some.leafscan").exists()


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("{", "plan.json is no JSON: "),
        ('{"trees": {}}', "plan.json is no plan: Config has no parameter 'trees'"),
        ('{"tree": {"num_leaves": 2000}}', "num_leaves must be at most the number of rows"),
        ("[]", "plan.json is no plan: Config.from_dict takes a mapping"),
    ],
)
def test_a_plan_that_is_none_gets_one_sentence(path: Path, plan: str, words: str) -> None:
    path.with_name("plan.json").write_text(plan)
    code, _, err = _build(path, "--config", str(path.with_name("plan.json")))
    assert code == 1
    assert words in err


def test_a_vector_that_is_not_finite_is_named(tmp_path: Path) -> None:
    vectors = VECTORS[:30].copy()
    vectors[7, 2] = np.nan
    np.save(tmp_path / "some.npy", vectors)
    code, _, err = _build(tmp_path / "some.npy")
    assert code == 1
    assert "7" in err
    assert "NaN" in err or "nan" in err


def test_sizes_are_read_or_refused(path: Path) -> None:
    code, _, err = _build(path, "--max-bytes", "many", "--recall", ".9")
    assert code == 2
    assert "give a number of bytes, as 500MB or 1.5GiB" in err


def test_a_recall_is_measured_and_kept(path: Path) -> None:
    code, out, err = _build(path, "--recall", ".9", "-k", "5")
    assert code == 0, err
    tuning = leafscan.load(path.with_name("some.leafscan")).tuning
    assert tuning is not None
    assert tuning.recall == 0.9
    assert tuning.k == 5
    assert f"recall@5 {tuning.point.recall:.4f} ({tuning.point.low:.4f} to {tuning.point.high:.4f})" in out
    assert "asked for 0.9" in out
    assert "vectors of the index, each never its own answer." in out
    for trial in tuning.trials:
        assert " ".join(trial.verdict.split()) in out or len(trial.verdict) > 40
    for note in tuning.notes:
        assert f"Note: {note}" in out


def test_queries_and_limits_go_with_a_recall(path: Path) -> None:
    np.save(path.with_name("asked.npy"), VECTORS[:200] + 0.05)
    asked = ["--recall", ".8", "--queries", str(path.with_name("asked.npy")), "--max-bytes", "1MB"]
    code, out, err = _build(path, *asked, "--max-latency-us", "1e6", "--max-build-s", "60", "--json")
    assert code == 0, err
    made = json.loads(out)
    assert made["tuning"] == json.loads(
        json.dumps(leafscan.load(path.with_name("some.leafscan")).tuning.to_dict())
    )
    assert made["tuning"]["curve"]["given"]
    assert made["tuning"]["curve"]["queries"] == 200
