"""A small index of each kind of ids, and a catalogue of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan

Matrix = NDArray[np.float32]


@pytest.fixture(scope="session")
def points() -> Matrix:
    return np.random.default_rng(3).standard_normal((60, 8)).astype(np.float32)


@pytest.fixture(scope="session")
def index(points: Matrix) -> leafscan.Index:
    return leafscan.build(points, metric="squared_l2", ids=np.arange(60) * 10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue"


@pytest.fixture
def catalogue(path: Path, index: leafscan.Index) -> Iterator[leafscan.Catalogue]:
    with leafscan.open(path, index) as catalogue:
        yield catalogue
