"""Rows to build ScaNN's searchers of, and the folders that the real libraries wrote."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import scann

Matrix = NDArray[np.float32]
Builder = Callable[..., scann.ScannBuilder]


@pytest.fixture(scope="session")
def rows() -> Matrix:
    return np.random.default_rng(0).standard_normal((800, 16)).astype(np.float32)


@pytest.fixture(scope="session")
def queries() -> Matrix:
    return np.random.default_rng(1).standard_normal((12, 16)).astype(np.float32)


@pytest.fixture(scope="session")
def names() -> list[str]:
    return [f"row {i}" for i in range(800)]


@pytest.fixture
def builder(rows: Matrix) -> Builder:
    """Begins a builder over the rows."""

    def begin(measure: str = "dot_product", k: int = 10, db: Matrix | None = None) -> scann.ScannBuilder:
        return scann.scann_ops_pybind.builder(rows if db is None else db, k, measure)

    return begin


@pytest.fixture(scope="session")
def directories() -> Path:
    """The folders of what the real libraries wrote."""
    return Path(__file__).parent / "directories"


@pytest.fixture(scope="session")
def protobuf() -> None:
    """For tests that read protos as text or bytes, which the extra ``scann`` brings the library for."""
    pytest.importorskip("google.protobuf")
