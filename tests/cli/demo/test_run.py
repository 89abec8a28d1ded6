"""What the whole demo does otherwise with another preset and without implicit; its parts are replaced."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from leafscan.cli.demo import run as module
from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.retrieval import Retrieval
from leafscan.cli.demo.settings import PresetName, Settings
from leafscan.recommend import Recommendation, TrainingHistory, synthetic_movielens


@pytest.mark.parametrize(("preset", "runs"), [(PresetName.tutorial, 2), (PresetName.quality, 1)])
def test_the_quality_model_is_trained_once(
    preset: PresetName,
    runs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    methods: list[Method],
    results: list[Retrieval],
    quality: list[dict[str, object]],
):
    trained: list[str] = []
    raced: list[np.ndarray] = []

    def towers(name: str) -> SimpleNamespace:
        trained.append(name)
        history = TrainingHistory(name, [2.0, 1.0], [], [], 0.1)
        return SimpleNamespace(history=history, table=np.ones((9, 3)), queries=np.ones((400, 3)), model=None)

    def compare(candidates: np.ndarray, queries: np.ndarray, rows: np.ndarray, *_: object, **__: object):
        raced.append(rows)
        return methods, results

    monkeypatch.setattr(module, "train_towers", lambda data, settings, **_: towers(settings.preset))
    monkeypatch.setattr(module, "quality_towers", lambda data, **_: towers("quality"))
    monkeypatch.setattr(module, "compare_retrieval", compare)
    monkeypatch.setattr(module, "compare_quality", lambda *_, **__: quality)
    monkeypatch.setattr(module, "recommend_movies", lambda d, t, user, **_: Recommendation(user, (), ()))
    out = Console(file=io.StringIO(), width=100)
    data = synthetic_movielens(users=400, movies=12, ratings_per_user=2)
    module.run(data, Settings(preset=preset, output=tmp_path), out=out, err=Console(file=io.StringIO()))
    said = out.file.getvalue()
    assert len(trained) == runs
    assert trained[-1] == "quality"
    assert raced[0].tolist() == [9, 4, 41, 344]
    assert "users 10, 5, 42, 345" in said
    assert "User 42 rated highest" in said
    assert "ALS and BPR are left out" in said
    assert (tmp_path / "training.png").stat().st_size > 5_000
