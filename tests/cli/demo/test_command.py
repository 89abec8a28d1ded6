"""The whole demo on a made-up data set, once."""

import json
import os
from functools import partial
from pathlib import Path
from unittest import mock

import keras
import pytest
from typer.testing import CliRunner

from leafscan.cli.app import app
from leafscan.cli.demo.settings import Settings
from leafscan.recommend import write_synthetic_movielens

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    archive = write_synthetic_movielens(folder / "ml-100k.zip", users=50, movies=60, ratings_per_user=15)
    arguments = ["--dataset", str(archive), "--epochs", "1", "--seed", "3", "--output", str(folder / "out")]
    # Keras keeps the backend which the other tests of this process have imported it with.
    arguments += ["--backend", keras.backend.backend()]
    quick = partial(Settings, quality_seeds=2, rounds=3)
    with (
        mock.patch.dict(os.environ, COLUMNS="100", NO_COLOR="1"),
        mock.patch("leafscan.cli.demo.command.Settings", quick),
    ):
        result = RUNNER.invoke(app, ["demo", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder / "out", result.stdout


def test_the_report_has_its_schema(finished: tuple[Path, str]):
    report = json.loads((finished[0] / "report.json").read_text(encoding="utf-8"))
    assert list(report) == ["retrieval", "quality", "machine"]
    assert len(report["retrieval"]) == 4
    for row in report["retrieval"]:
        assert list(row) == [
            "method",
            "parameters",
            "median_ms",
            "recall_at_10",
            "speedup_over_keras_rs",
            "speedup_over_jit",
        ]
        assert row["median_ms"] > 0
        assert 0 < row["recall_at_10"] <= 1
    brute, jit, tutorial, own = report["retrieval"]
    assert (brute["recall_at_10"], jit["recall_at_10"]) == (1, 1)
    assert (brute["speedup_over_keras_rs"], jit["speedup_over_jit"]) == (1, 1)
    assert own["speedup_over_jit"] == pytest.approx(jit["median_ms"] / own["median_ms"])
    config = tutorial["parameters"]["config"]
    assert (config["tree"]["num_leaves"], config["tree"]["training_iterations"]) == (100, 12)
    assert {name: value for name, value in config["search"].items() if value is not None} == {
        "leaves": 30,
        "candidates": 500,
    }
    assert config["score"]["asymmetric_hash"]["dimensions_per_block"] == 2
    models = [row["model"] for row in report["quality"]]
    assert [name for name in models if name not in ("als", "bpr")] == ["popularity", "tutorial", "quality"]
    assert all(list(row) == ["model", "ndcg_at_10", "recall_at_10"] for row in report["quality"])
    assert report["machine"]["threads"] == brute["parameters"]["threads"] >= 1


def test_the_plots_are_there_and_nothing_else(finished: tuple[Path, str]):
    names = sorted(path.name for path in finished[0].iterdir())
    assert names == ["report.json", "retrieval.png", "training.png"]
    for name in names[1:]:
        assert (finished[0] / name).read_bytes().startswith(b"\x89PNG")


def test_the_terminal_tells_the_story(finished: tuple[Path, str]):
    said = " ".join(finished[1].split())
    parts = [
        "750 ratings by 50 users of 60 movies",
        "tutorial, 1 epoch in",
        "107,060 x 32: the model's 1,060 and 100 noisy copies of each",
        "The best 10 for users 1, 2, 3, 4, in one call",
        "leafscan, recall=0.99",
        "recall against exact search in float64, over 50 users",
        "means of 2 seeds",
        "60 movies, indexed by leafscan for the quality model",
        "User 1 rated highest",
        "Recommended next",
        "report.json",
    ]
    places = [said.find(part) for part in parts]
    assert places == sorted(places), dict(zip(parts, places, strict=True))
    assert places[0] >= 0
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--dataset", "{folder}/nowhere"], "there is nothing at"),
        (["--dataset", "{folder}/empty"], "holds no folder with u.data"),
        (["--dataset", "{folder}/data", "--output", "{folder}/file"], "--output must be a folder"),
    ],
)
def test_what_cannot_be_used_gets_a_sentence(arguments: list[str], sentence: str, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no folder")
    write_synthetic_movielens(tmp_path / "data", users=5, movies=12)
    asked = [argument.format(folder=tmp_path) for argument in arguments]
    result = RUNNER.invoke(
        app, ["demo", "--backend", keras.backend.backend(), *asked], env={"COLUMNS": "500"}
    )
    assert result.exit_code == 1
    assert result.stderr.strip().startswith("Error: --")
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_a_wrong_number_of_threads_gets_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LEAFSCAN_NUM_THREADS", "many")
    result = RUNNER.invoke(app, ["demo"])
    assert result.exit_code == 1
    assert "LEAFSCAN_NUM_THREADS" in result.stderr
