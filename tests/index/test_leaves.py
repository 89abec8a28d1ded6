"""How vectors lie in their leaves."""

import numpy as np
import pytest

import leafscan
from leafscan.index.leaves import examine_leaves


@pytest.mark.parametrize("metric", ["dot_product", "squared_l2", "cosine"])
@pytest.mark.parametrize("pca", [None, 8])
def test_sizes_and_distances_are_those_of_the_rows(vectors: np.ndarray, metric: str, pca: int | None) -> None:
    plan = leafscan.Config(
        tree=leafscan.Tree(num_leaves=12),
        score=leafscan.AsymmetricHash(pca_dimensions=pca),
        reorder=leafscan.Reorder(),
    )
    index = leafscan.build(vectors + 3, metric=metric, config=plan)
    leaves = examine_leaves(index)
    assert leaves is not None
    assert leaves.sizes.sum() == len(leaves.sizes) * 50
    rows = index.vectors(index.ids).astype(np.float64)
    # More than nothing, less than from the middle of all.
    assert 0.3 < leaves.error / np.sqrt(np.square(rows - rows.mean(axis=0)).sum(axis=1).mean()) < 1
    index.upsert(np.arange(600, 700), vectors[:100] + 9)
    later = examine_leaves(index)
    assert later is not None
    assert later.sizes.sum() == 700
    assert metric == "cosine" or later.error > leaves.error


def test_there_are_none_without_a_tree(vectors: np.ndarray) -> None:
    assert examine_leaves(leafscan.build(vectors, metric="cosine")) is None


def test_codes_alone_have_no_distance(vectors: np.ndarray) -> None:
    plan = leafscan.Config(tree=leafscan.Tree(num_leaves=12), score=leafscan.AsymmetricHash())
    leaves = examine_leaves(leafscan.build(vectors, metric="cosine", config=plan))
    assert leaves is not None
    assert np.isnan(leaves.error)
