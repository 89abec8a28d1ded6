"""What is searched, what is right, and the list of checks."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import leafscan

__all__ = ["DIM", "Checks", "K", "catalogue", "draw", "gradient", "right", "same"]

DIM, K = 16, 5


class Checks:
    """Runs checks one after the other and tells of each, whatever the others do.

    Parameters
    ----------
    framework, device
        For what is printed.
    """

    def __init__(self, framework: str, device: str) -> None:
        self.framework = framework
        self.failed = 0
        self.passed = 0
        print(f"{framework}: searching arrays on {device}", flush=True)

    def __call__(self, name: str, check: Callable[[], None]) -> None:
        """Run a check: what it raises is why it failed."""
        try:
            check()
        except Exception as error:
            self.failed += 1
            told = str(error).strip() or traceback.format_exc()
            print(f"{self.framework}: FAILED: {name}: {type(error).__name__}: {told[:2000]}", flush=True)
        else:
            self.passed += 1
            print(f"{self.framework}: {name}", flush=True)

    def raises(self, name: str, words: str, act: Callable[[], Any]) -> None:
        """Check that something is refused with these words."""

        def check() -> None:
            said = "nothing"
            try:
                act()
            except Exception as error:
                said = str(error)
            assert words in said, f"it should have raised, saying {words!r}, and said {said}"

        self(name, check)

    def end(self) -> int:
        """Say how many passed, and return the process' status."""
        print(f"{self.framework}: {self.passed} checks passed, {self.failed} failed", flush=True)
        return int(self.failed > 0)


def draw(rows: int, seed: int) -> NDArray[np.float32]:
    """Draw vectors whose scores no two of which are near enough for a rounding to swap them."""
    return np.random.default_rng(seed).standard_normal((rows, DIM)).astype(np.float32)


def catalogue(rows: NDArray[np.float32], metric: Any = "dot_product", ids: Any = None) -> leafscan.Index:
    """Index them exactly."""
    plan = leafscan.Config(score=leafscan.BruteForce())
    return leafscan.build(rows, metric=metric, ids=ids, config=plan, progress=False)


def right(
    rows: NDArray[Any], queries: NDArray[Any], k: int = K, metric: str = "dot_product"
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return places and scores in float64, best first."""
    wide, points = rows.astype(np.float64), queries.astype(np.float64)
    if metric == "cosine":
        wide = wide / np.linalg.norm(wide, axis=1, keepdims=True)
        points = points / np.linalg.norm(points, axis=-1, keepdims=True)
    scores = points @ wide.T
    if metric == "squared_l2":
        scores = np.square(points[..., None, :] - wide).sum(axis=-1)
    order = np.argsort(scores if metric == "squared_l2" else -scores, axis=-1)[..., :k]
    return order, np.take_along_axis(scores, order, axis=-1)


def gradient(rows: NDArray[Any], queries: NDArray[Any], metric: str) -> NDArray[Any]:
    """Return the derivative of the sum of scores by each query, (q, d), in float64."""
    found = rows.astype(np.float64)[right(rows, queries, metric=metric)[0]]
    points = queries.astype(np.float64)
    if metric == "squared_l2":
        return np.asarray(2 * (points[:, None] - found).sum(axis=1))
    if metric == "dot_product":
        return np.asarray(found.sum(axis=1))
    unit = found / np.linalg.norm(found, axis=2, keepdims=True)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    along, change = points / lengths, unit.sum(axis=1)
    return np.asarray((change - along * (along * change).sum(axis=1, keepdims=True)) / lengths)


def same(ids: Any, scores: Any, expected: tuple[NDArray[Any], NDArray[Any]]) -> None:
    """Assert that these are the expected ids and scores."""
    np.testing.assert_array_equal(np.asarray(ids), expected[0])
    if scores is not None:
        np.testing.assert_allclose(np.asarray(scores), expected[1], rtol=1e-4, atol=1e-4)
