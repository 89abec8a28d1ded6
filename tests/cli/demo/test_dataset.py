from pathlib import Path

import pytest

from leafscan.cli.demo import dataset as module
from leafscan.cli.demo.dataset import load_dataset
from leafscan.cli.demo.errors import DemoError
from leafscan.recommend import write_synthetic_movielens


def quiet(*_: object) -> None:
    """Show nothing."""


def test_a_path_is_read(tmp_path: Path):
    path = write_synthetic_movielens(tmp_path / "ml-100k", users=6, movies=9)
    assert len(load_dataset(path, progress=quiet).users["user_id"]) == 6


def test_a_bad_path_gets_a_sentence(tmp_path: Path):
    (tmp_path / "x.zip").write_text("no archive")
    with pytest.raises(DemoError, match=r"--dataset must be ml-100k.zip, .* not a readable zip archive"):
        load_dataset(tmp_path / "x.zip", progress=quiet)


def test_without_a_path_the_option_is_named(monkeypatch: pytest.MonkeyPatch):
    def nothing(path: None, **_: object) -> None:
        raise FileNotFoundError("MovieLens-100K could not be had.")

    monkeypatch.setattr(module, "load_movielens", nothing)
    with pytest.raises(DemoError, match=r"could not be had.\nOr run leafscan demo --dataset PATH"):
        load_dataset(None, progress=quiet)
