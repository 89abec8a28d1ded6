"""Codes that see principal components alone: what they buy, and that they stay right."""

from pathlib import Path

import numpy as np
import pytest

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.projection import components_for, principal_components


def _steep(n: int, dim: int, seed: int, offset: float = 0.0) -> np.ndarray:
    """Clusters whose variance falls steeply over hidden directions, far from the origin if asked."""
    rng = np.random.default_rng(seed)
    scales = np.exp(-np.arange(dim) / 6.0)
    turn = np.linalg.qr(np.random.default_rng(99).normal(size=(dim, dim)))[0]
    centers = np.random.default_rng(98).normal(size=(100, dim)) * 2
    rows = (centers[rng.integers(100, size=n)] + rng.normal(size=(n, dim))) * scales
    return (rows @ turn + offset).astype(np.float32)


def _recall(index: leafscan.Index, queries: np.ndarray, truth: np.ndarray) -> float:
    found = index.search(queries, k=10).ids
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)]))


# A common offset would decide dot products and cosines by itself.
@pytest.mark.parametrize(
    ("metric", "offset"),
    [("dot_product", 0.0), ("cosine", 0.0), ("squared_l2", 0.0), ("squared_l2", 30.0)],
)
@pytest.mark.parametrize("tree", [None, Tree(num_leaves=40)])
def test_a_quarter_of_the_codes_keeps_the_recall(metric: str, tree: Tree | None, offset: float) -> None:
    vectors, queries = _steep(4_000, 64, 1, offset), _steep(100, 64, 2, offset)
    truth = leafscan.build(vectors, metric=metric).search(queries, k=10).ids
    search = SearchParams(leaves=40 if tree else None, candidates=100)
    built = {}
    for seen in (None, 16):
        config = Config(
            tree=tree, score=AsymmetricHash(pca_dimensions=seen), reorder=Reorder(), search=search
        )
        built[seen] = leafscan.build(vectors, metric=metric, config=config)
    assert _recall(built[16], queries, truth) > _recall(built[None], queries, truth) - (
        0.1 if tree is None else 0.02
    )
    assert built[16].nbytes < built[None].nbytes - 4_000 * 10


def test_the_file_carries_the_components(tmp_path: Path) -> None:
    vectors = _steep(2_000, 32, 3)
    config = Config(tree=Tree(num_leaves=20), score=AsymmetricHash(pca_dimensions=9), reorder=Reorder())
    index = leafscan.build(vectors, metric="squared_l2", config=config)
    index.save(tmp_path / "pca.leafscan")
    again = leafscan.load(tmp_path / "pca.leafscan", verify=True)
    for mine, theirs in zip(index.search(vectors[:20]), again.search(vectors[:20]), strict=True):
        assert np.array_equal(mine, theirs)


def test_the_default_plan_projects_steep_rows_and_leaves_flat_ones() -> None:
    steep = leafscan.build(_steep(20_000, 128, 4), metric="squared_l2")
    flat = leafscan.build(
        np.random.default_rng(5).normal(size=(20_000, 128)).astype(np.float32), metric="squared_l2"
    )
    assert isinstance(steep.config.score, AsymmetricHash)
    assert isinstance(flat.config.score, AsymmetricHash)
    assert steep.config.score.pca_dimensions is not None
    assert steep.config.score.pca_dimensions <= 64
    assert flat.config.score.pca_dimensions is None


def test_components_are_orthonormal_and_ordered() -> None:
    rows = _steep(3_000, 24, 6)
    found = principal_components(rows, 24, normalize=False)
    assert np.allclose(found @ found.T, np.eye(24), atol=1e-5)
    variances = np.var(rows @ found.T, axis=0)
    assert (np.diff(variances) <= 1e-4).all()
    assert components_for(rows, 1.0, normalize=False) == 24
    assert components_for(np.zeros((9, 4), np.float32), 0.9, normalize=True) == 1


@pytest.mark.parametrize(
    ("seen", "width", "complaint"),
    [
        (65, 2, "pca_dimensions must be at most the number of"),
        (3, 4, "dimensions_per_block must be at most pca_dimen"),
    ],
)
def test_what_cannot_be_is_refused(seen: int, width: int, complaint: str) -> None:
    config = Config(score=AsymmetricHash(pca_dimensions=seen, dimensions_per_block=width), reorder=Reorder())
    with pytest.raises(ValueError, match=complaint):
        leafscan.build(_steep(100, 64, 7), metric="squared_l2", config=config)
