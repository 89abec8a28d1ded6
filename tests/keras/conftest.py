"""Candidates and queries that the tests of the layers share. KERAS_BACKEND says which backend they run on."""

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("keras_rs")


@pytest.fixture(scope="session")
def candidates() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)


@pytest.fixture(scope="session")
def queries() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((37, 8)).astype(np.float32)
