"""Spherical leaves are directions: centroids of length 1, by which rows are assigned and queries routed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, Tree, _engine


def _directions(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    # Of some places the rows are spread wide, of others close: plain routing puts the wide ones last.
    rng = np.random.default_rng(seed)
    spread = rng.uniform(0.05, 0.5, size=(100, 1))
    centers = rng.normal(size=(100, dim))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    place = rng.integers(100, size=n)
    rows = centers[place] + spread[place] * rng.normal(size=(n, dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows, np.float32)


def _sections(vectors: NDArray[np.float32], **options: Any) -> Mapping[str, NDArray[Any]]:
    return _engine.build(
        vectors,
        metric="dot_product",
        num_leaves=60,
        tree_sample_size=len(vectors),
        tree_iterations=12,
        dimensions_per_block=0,
        code_sample_size=16,
        code_iterations=1,
        anisotropic_threshold=0.0,
        keep_rows=True,
        seed=0,
        threads=1,
        **options,
    )


@pytest.mark.parametrize("options", [{"normalize": True}, {"normalize": False, "spherical": True}])
def test_rows_belong_to_the_unit_centroid_they_point_to(options: dict[str, Any]) -> None:
    vectors = _directions(6_000, 16, seed=1)
    if not options["normalize"]:
        vectors *= np.random.default_rng(0).uniform(0.5, 2.0, size=(6_000, 1)).astype(np.float32)
    sections = _sections(vectors, **options)
    sizes = np.diff(sections["leaf_offsets"]).astype(np.int64)
    leaf_of = np.repeat(np.arange(60), sizes)
    rows = sections["rows"].astype(np.float64)
    directions = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    # Codes are seen from the means; what routes is of length 1, times the mean length of the leaf's rows.
    lengths = np.bincount(leaf_of, np.linalg.norm(rows, axis=1)) / sizes
    means = np.stack([rows[leaf_of == leaf].mean(axis=0) for leaf in range(60)])
    assert sections["centroids"] == pytest.approx(means, abs=1e-5)
    routing = sections["centroids"] * (sections["leaf_scales"] / lengths)[:, None]
    assert np.linalg.norm(routing, axis=1) == pytest.approx(np.ones(60), abs=1e-5)
    assert not sections["leaf_biases"].any()
    # The last round moved centroids a little after it had assigned the rows.
    units = np.stack([directions[leaf_of == leaf].mean(axis=0) for leaf in range(60)])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    assert np.mean((directions @ units.T).argmax(axis=1) == leaf_of) > 0.95


def test_rows_point_to_their_centroids_more_than_to_those_of_plain_leaves() -> None:
    # That is what spherical k-means maximises, and plain k-means does not.
    vectors = _directions(6_000, 24, seed=2)
    agreement = {}
    for spherical in (False, True):
        sections = _sections(vectors, normalize=False, spherical=spherical)
        sizes = np.diff(sections["leaf_offsets"]).astype(np.int64)
        units = sections["centroids"] / np.linalg.norm(sections["centroids"], axis=1, keepdims=True)
        agreement[spherical] = np.mean(np.sum(sections["rows"] * np.repeat(units, sizes, axis=0), axis=1))
    assert agreement[True] > agreement[False]


def test_cosine_is_spherical_by_itself_and_dot_products_of_unit_rows_by_choice() -> None:
    vectors = _directions(2_000, 12, seed=3)
    asked = Config(tree=Tree(num_leaves=20), score=AsymmetricHash(), reorder=Reorder())
    cosine = leafscan.build(vectors, metric="cosine", config=asked)
    assert cosine.config.tree is not None
    assert cosine.config.tree.spherical is True
    plain = leafscan.build(vectors, metric="dot_product", config=asked)
    assert plain.config.tree is not None
    assert plain.config.tree.spherical is False
    unit = leafscan.build(
        vectors,
        metric="dot_product",
        config=Config(tree=Tree(num_leaves=20, spherical=True), score=AsymmetricHash(), reorder=Reorder()),
    )
    one, two = cosine.search(vectors[:80], k=5), unit.search(vectors[:80], k=5)
    assert np.array_equal(one.ids, two.ids)
    assert one.scores == pytest.approx(two.scores, abs=1e-5)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="spherical partitions by direction, which squared_l2"):
        leafscan.build(
            _directions(100, 4, seed=4),
            metric="squared_l2",
            config=Config(tree=Tree(num_leaves=4, spherical=True)),
        )
    with pytest.raises(TypeError, match="spherical must be True, False or None; received 1"):
        Tree(num_leaves=4, spherical=1)  # type: ignore[arg-type]
