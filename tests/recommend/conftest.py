"""Data that the tests of this folder share; nothing here touches the network or a user's cache."""

from pathlib import Path

import pytest

from leafscan.recommend import MovieLens, synthetic_movielens, write_synthetic_movielens


@pytest.fixture(scope="session")
def data() -> MovieLens:
    return synthetic_movielens(users=40, movies=60, ratings_per_user=20, seed=0)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_synthetic_movielens(tmp_path / "ml-100k.zip", users=12, movies=30, ratings_per_user=10)
