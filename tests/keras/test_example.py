"""The tutorial under examples/, on the backend of this process."""

import importlib.util
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[2] / "examples" / "keras_retrieval.py"


def test_the_tutorial_runs_and_recommends(capsys: pytest.CaptureFixture[str]):
    spec = importlib.util.spec_from_file_location("keras_retrieval", PLACE)
    assert spec is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    measured = example.main(["--epochs", "10"])
    assert measured["same_when_loaded"] == 1
    assert measured["index_recall_at_10"] >= 0.95
    # By chance: 10 of the 280 movies that a user has not seen.
    assert measured["recall_at_10"] > 2 * 10 / 280
    assert "validation factorized_top_k/top_50_categorical_accuracy" in capsys.readouterr().out
