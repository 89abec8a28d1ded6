import numpy as np
import pytest

from leafscan.recommend import noisy_candidates


def test_the_tutorials_candidates():
    table = np.random.default_rng(0).normal(size=(2682, 32)).astype(np.float32)
    made = noisy_candidates(table)
    assert (made.shape, made.dtype) == ((270_882, 32), np.float32)
    assert np.array_equal(made[:2682], table)
    noise = made[2682:].reshape(100, 2682, 32) / table
    assert noise.min() >= 0
    assert noise.max() < 1 + 1e-6
    assert noise.mean() == pytest.approx(0.5, abs=1e-3)
    assert not np.array_equal(noise[0], noise[1])


def test_seeds():
    table = np.ones((3, 4), np.float32)
    assert np.array_equal(noisy_candidates(table, seed=1), noisy_candidates(table, seed=1))
    assert not np.array_equal(noisy_candidates(table, seed=1), noisy_candidates(table, seed=2))
    assert np.array_equal(noisy_candidates(table, copies=0), table)


def test_bad_input_gets_a_sentence():
    with pytest.raises(ValueError, match=r"shape \(n, d\), received shape \(3,\)"):
        noisy_candidates(np.ones(3))
    with pytest.raises(ValueError, match="copies must be at least 0, received -1"):
        noisy_candidates(np.ones((3, 3)), copies=-1)
