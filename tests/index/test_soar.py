"""SOAR: each row in a second leaf, which buys recall at equal leaves and never shows a row twice."""

from pathlib import Path

import numpy as np
import pytest

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree


def _clustered(n: int, dim: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(n // 40, dim))
    return (centers[rng.integers(len(centers), size=n)] + rng.normal(size=(n, dim))).astype(np.float32)


def _build(vectors: np.ndarray, metric: str, soar: float | None, **search: int) -> leafscan.Index:
    config = Config(
        tree=Tree(num_leaves=60, soar_lambda=soar),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(**search),
    )
    return leafscan.build(vectors, metric=metric, config=config)


def _recall(index: leafscan.Index, queries: np.ndarray, truth: np.ndarray, leaves: int) -> float:
    found = index.search(queries, k=10, params=SearchParams(leaves=leaves, candidates=400)).ids
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)]))


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_second_leaves_buy_recall_at_equal_leaves(metric: str) -> None:
    rows = _clustered(6_300, 24, seed=1)
    vectors, queries = rows[:6_000], rows[6_000:]
    truth = leafscan.build(vectors, metric=metric).search(queries, k=10).ids
    once, twice = _build(vectors, metric, None), _build(vectors, metric, 1.0)
    for leaves in (2, 5):
        assert _recall(twice, queries, truth, leaves) > _recall(once, queries, truth, leaves) + 0.02


@pytest.mark.parametrize("metric", ["dot_product", "squared_l2"])
def test_no_row_comes_twice_and_all_come_at_last(metric: str) -> None:
    vectors = _clustered(2_000, 9, seed=2)
    index = _build(vectors, metric, 1.5, leaves=60, candidates=2_000)
    ids = index.search(vectors[:3], k=2_000).ids
    for found in ids:
        assert np.array_equal(np.sort(found), np.arange(2_000))
    exact = leafscan.build(vectors, metric=metric).search(vectors[:3], k=50)
    found = index.search(vectors[:3], k=50)
    assert np.array_equal(found.scores, exact.scores)


def test_a_query_is_answered_alike_alone_in_a_batch_and_on_two_threads() -> None:
    vectors = _clustered(4_000, 16, seed=3)
    index = _build(vectors, "dot_product", 1.0, leaves=7, candidates=60)
    batch = index.search(vectors[:50], k=10, threads=1)
    assert np.array_equal(batch.ids, index.search(vectors[:50], k=10, threads=2).ids)
    assert np.array_equal(batch.ids, np.stack([index.search(row, k=10).ids for row in vectors[:50]]))


def test_files_carry_the_second_leaves(tmp_path: Path) -> None:
    vectors = _clustered(3_000, 12, seed=4)
    index = _build(vectors, "squared_l2", 1.0, leaves=6, candidates=50)
    index.save(tmp_path / "soar.leafscan")
    again = leafscan.load(tmp_path / "soar.leafscan", verify=True)
    assert again.config == index.config
    for mine, theirs in zip(index.search(vectors[:9]), again.search(vectors[:9]), strict=True):
        assert np.array_equal(mine, theirs)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="soar_lambda needs at least 2 leaves; received 1"):
        Tree(num_leaves=1, soar_lambda=1.0)
    with pytest.raises(ValueError, match=r"soar_lambda must be finite and at least 0; received -1\.0"):
        Tree(num_leaves=4, soar_lambda=-1.0)
    with pytest.raises(ValueError, match="soar_lambda lists rows a second time"):
        Config(tree=Tree(num_leaves=4, soar_lambda=1.0), score=BruteForce())
