"""Made-up results, so that only one test must run the whole demo."""

import os
from collections.abc import Iterator
from unittest import mock

import numpy as np
import pytest

from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.retrieval import Retrieval


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """The demo chooses a backend for its process; the tests give the environment back."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def results() -> list[Retrieval]:
    names = (
        "KerasRS BruteForceRetrieval",
        "jax.jit matmul + top_k",
        "leafscan, tutorial's parameters",
        "leafscan, own choice",
    )
    times, recalls = (1500.0, 8.0, 0.25, 0.125), (1.0, 1.0, 0.9375, 0.995)
    return [
        Retrieval(name, {"k": 10}, time, found, times[0] / time, times[1] / time)
        for name, time, found in zip(names, times, recalls, strict=True)
    ]


@pytest.fixture
def methods(results: list[Retrieval]) -> list[Method]:
    return [
        Method(result.method, {}, np.asarray, np.asarray, exact=place < 2, candidates=270_882)
        for place, result in enumerate(results)
    ]


@pytest.fixture
def quality() -> list[dict[str, object]]:
    return [
        {"model": "popularity", "ndcg_at_10": 0.05, "recall_at_10": 0.1, "seconds": 0.1, "seeds": 1},
        {"model": "quality", "ndcg_at_10": 0.1, "recall_at_10": 0.25, "seconds": 12.25, "seeds": 5},
    ]
