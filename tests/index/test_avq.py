"""AVQ centroids route: fewer leaves reach the same recall where the rows' lengths differ."""

import itertools
from pathlib import Path

import numpy as np
import pytest

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree


def _lengths_differ(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(150, 16))
    rows = centers[rng.integers(150, size=n)] + 0.7 * rng.normal(size=(n, 16))
    return (rows * rng.lognormal(sigma=0.4, size=(n, 1))).astype(np.float32)


def _build(vectors: np.ndarray, metric: str, eta: float | None) -> leafscan.Index:
    config = Config(tree=Tree(num_leaves=80, avq_eta=eta), score=AsymmetricHash(), reorder=Reorder())
    return leafscan.build(vectors, metric=metric, config=config)


def _recall(index: leafscan.Index, queries: np.ndarray, truth: np.ndarray, leaves: int) -> float:
    found = index.search(queries, k=10, params=SearchParams(leaves=leaves, candidates=400)).ids
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)]))


def test_fewer_leaves_reach_the_same_recall() -> None:
    vectors = _lengths_differ(8_000, seed=1)
    queries = np.random.default_rng(2).normal(size=(300, 16)).astype(np.float32)
    truth = leafscan.build(vectors, metric="dot_product").search(queries, k=10).ids
    means, avq = _build(vectors, "dot_product", None), _build(vectors, "dot_product", 4.0)
    assert _recall(avq, queries, truth, 12) > _recall(means, queries, truth, 12) + 0.01
    assert _recall(avq, queries, truth, 20) > _recall(means, queries, truth, 20) + 0.005


@pytest.mark.parametrize("metric", ["dot_product", "cosine"])
def test_all_leaves_give_the_exact_answer_and_files_carry_it(metric: str, tmp_path: Path) -> None:
    vectors = _lengths_differ(2_000, seed=3)
    index = _build(vectors, metric, 5.0)
    params = SearchParams(leaves=80, candidates=2_000)
    exact = leafscan.build(vectors, metric=metric).search(vectors[:9], k=20)
    found = index.search(vectors[:9], k=20, params=params)
    assert np.array_equal(found.ids, exact.ids)
    index.save(tmp_path / "avq.leafscan")
    again = leafscan.load(tmp_path / "avq.leafscan", verify=True)
    assert again.config == index.config
    for mine, theirs in zip(index.search(vectors[:99]), again.search(vectors[:99]), strict=True):
        assert np.array_equal(mine, theirs)


def test_upper_leaves_stand_for_what_their_leaves_are_routed_by() -> None:
    config = Config(tree=Tree(num_leaves=90, upper_leaves=8, avq_eta=4.0), score=AsymmetricHash())
    index = leafscan.build(_lengths_differ(4_000, seed=6), metric="dot_product", config=config)
    sections = index._contents.sections
    offsets = sections["upper_offsets"].astype(np.int64)
    groups = [sections["routing_centroids"][a:b] for a, b in itertools.pairwise(offsets)]
    means = np.stack([group.mean(axis=0) for group in groups])
    assert sections["upper_centroids"] == pytest.approx(means, abs=1e-5)


def test_codes_do_not_see_which_centroids_route() -> None:
    # Without reordering, scores are those of the codes: they are made of the means either way.
    vectors = _lengths_differ(3_000, seed=4)
    found = []
    for eta in (None, 6.0):
        config = Config(
            tree=Tree(num_leaves=30, avq_eta=eta), score=AsymmetricHash(), search=SearchParams(leaves=30)
        )
        found.append(leafscan.build(vectors, metric="dot_product", config=config).search(vectors[:50], k=20))
    exact = vectors[:50].astype(np.float64) @ vectors.T.astype(np.float64)
    errors = [np.abs(scores - np.take_along_axis(exact, ids, 1)).mean() for ids, scores in found]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"avq_eta must be finite and at least 1; received 0\.5"):
        Tree(num_leaves=4, avq_eta=0.5)
    with pytest.raises(ValueError, match=r"avq_eta weighs errors of dot products; .*received 3\.0"):
        _build(_lengths_differ(200, seed=5), "squared_l2", 3.0)
    assert _build(_lengths_differ(200, seed=5), "squared_l2", 1.0).config.tree.avq_eta == 1.0  # type: ignore[union-attr]
