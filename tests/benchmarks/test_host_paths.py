"""The script that checks GPUs' host paths: it fails where a check does, and where no GPU is to be had."""

import numpy as np
import pytest

from benchmarks.gpu.host_paths.checks import Checks, catalogue, draw, gradient, right, same


def test_what_is_right_is_what_an_exact_index_finds():
    rows, queries = draw(100, 0), draw(7, 1)
    for metric in ("dot_product", "cosine", "squared_l2"):
        found = catalogue(rows, metric).search(queries, k=5)
        same(found.ids, found.scores, right(rows, queries, metric=metric))
        step = 1e-4
        moved = right(rows, queries.astype(np.float64) + step * np.eye(16)[0], metric=metric)[1].sum(axis=1)
        slope = (moved - right(rows, queries, metric=metric)[1].sum(axis=1)) / step
        np.testing.assert_allclose(gradient(rows, queries, metric)[:, 0], slope, rtol=1e-2, atol=1e-2)


def test_a_check_that_fails_is_told_and_counted(capsys: pytest.CaptureFixture[str]):
    check = Checks("jax", "a device")
    check("this holds", lambda: None)
    check("this does not", lambda: same([1], None, (np.array([2]), np.array([0.0]))))
    check.raises("refused", "such words", lambda: int("x"))
    check.raises("refused, too", "such words", lambda: None)
    check.raises("rightly", "invalid literal", lambda: int("x"))
    assert check.end() == 1
    told = capsys.readouterr().out
    assert "jax: searching arrays on a device" in told
    assert "jax: FAILED: this does not: AssertionError" in told
    assert "2 checks passed, 3 failed" in told


def test_no_gpu_is_no_success(capsys: pytest.CaptureFixture[str]):
    jax = pytest.importorskip("jax")
    pytest.importorskip("keras")
    from benchmarks.gpu.host_paths import jax_checks

    if jax.default_backend() == "gpu":
        pytest.skip("there is one")
    assert jax_checks.main("gpu") == 1
    assert "no GPU, which --device gpu asks for" in capsys.readouterr().out
