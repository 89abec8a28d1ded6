import warnings

import numpy as np
import pytest

from leafscan.index.metric import Metric
from leafscan.index.tuning.likeness import (
    OutOfDistributionWarning,
    farther,
    nearness,
    quantiles,
    warn_if_unlike,
)


@pytest.fixture
def known() -> tuple[float, ...]:
    return quantiles(np.random.default_rng(0).normal(0.7, 0.05, size=2_000))


def test_the_same_kind_is_let_pass(known: tuple[float, ...]) -> None:
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in (1, 3, 30, 1_000):
            warn_if_unlike(rng.normal(0.7, 0.05, size=size), known, stacklevel=1)
        warn_if_unlike(np.full(100, 0.99), known, stacklevel=1)  # nearer is easier
        warn_if_unlike(np.empty(0), known, stacklevel=1)
        warn_if_unlike(np.full(100, 0.1), (), stacklevel=1)


@pytest.mark.parametrize("size", [1, 5, 25, 1_000])
def test_another_kind_is_told(known: tuple[float, ...], size: int) -> None:
    far = np.random.default_rng(2).normal(0.4, 0.02, size=size)
    with pytest.warns(OutOfDistributionWarning, match="100 % of these queries are farther"):
        warn_if_unlike(far, known, stacklevel=1)


def test_one_in_twenty_of_the_same_kind_is_farther_than_one_in_twenty(known: tuple[float, ...]) -> None:
    assert 0.03 < farther(np.random.default_rng(3).normal(0.7, 0.05, size=5_000), known) < 0.07


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_nearness_rises_towards_the_neighbour_and_knows_no_length(metric: Metric) -> None:
    rng = np.random.default_rng(4)
    queries = rng.normal(size=(2, 8)).astype(np.float32)
    near, far = (np.array([9.0], np.float32), np.array([2.0], np.float32))
    if metric == "squared_l2":
        near, far = far, near
    assert nearness(queries[:1], near, metric) > nearness(queries[:1], far, metric)
    if metric == "dot_product":
        assert np.allclose(nearness(3 * queries[:1], 3 * near, metric), nearness(queries[:1], near, metric))


def test_queries_without_a_neighbour_or_a_length_are_left_out() -> None:
    none = np.array([-np.inf, 1.0], np.float32)
    assert nearness(np.ones((2, 3), np.float32), none, "cosine").tolist() == [1.0]
    assert len(nearness(np.zeros((2, 3), np.float32), np.zeros(2, np.float32), "dot_product")) == 0
