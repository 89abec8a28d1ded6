"""Upper leaves: most centroids need not be scored, and nearly the same leaves are visited."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.errors import FileFormatError
from leafscan.index.sections import check_contents

METRICS = ["dot_product", "cosine", "squared_l2"]


def _clustered(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Clusters of clusters, so that leaves have something to be grouped by."""
    rng = np.random.default_rng(seed)
    outer = rng.normal(size=(60, dim))
    inner = outer[rng.integers(60, size=n // 20)] + 0.5 * rng.normal(size=(n // 20, dim))
    return (inner[rng.integers(len(inner), size=n)] + 0.4 * rng.normal(size=(n, dim))).astype(np.float32)


def _build(
    vectors: NDArray[np.float32], metric: str, upper: int, soar: float | None = None, pca: int | None = None
) -> leafscan.Index:
    config = Config(
        tree=Tree(num_leaves=300, upper_leaves=upper, soar_lambda=soar),
        score=AsymmetricHash(pca_dimensions=pca),
        reorder=Reorder(),
        search=SearchParams(leaves=20, candidates=200),
    )
    return leafscan.build(vectors, metric=metric, config=config)


def _upper_scores(index: leafscan.Index, queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the documentation says that upper leaves score."""
    sections = index._contents.sections
    centers = sections["upper_centroids"].astype(np.float64)
    rows = queries.astype(np.float64)
    if index.metric == "squared_l2":
        rows = rows - sections["center"]
        return np.asarray(2 * rows @ centers.T - (centers**2).sum(1))
    if index.metric == "cosine":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows @ centers.T * sections["upper_scales"] + lengths * sections["upper_biases"])


@pytest.mark.parametrize("metric", METRICS)
def test_a_quarter_of_the_centroids_finds_nearly_all_of_the_leaves(metric: str) -> None:
    rows = _clustered(9_200, 16, seed=1)
    vectors, queries = rows[:9_000], rows[9_000:]
    index = _build(vectors, metric, 36)
    offsets = index._contents.sections["upper_offsets"].astype(np.int64)
    upper_of = np.repeat(np.arange(36), np.diff(offsets))
    given = queries / np.linalg.norm(queries, axis=1, keepdims=True) if metric == "cosine" else queries
    plain = index._living.searcher.route(given, 6)
    some = index._living.searcher.route(given, 6, 9)
    best = np.argsort(-_upper_scores(index, queries), axis=1)[:, :10]
    scored = np.diff(offsets)[best[:, :9]].sum(1).mean() / 300
    kept = np.mean([len(set(a) & set(b)) / 6 for a, b in zip(plain, some, strict=True)])
    assert scored < 0.35
    # The largest products lie scattered: no grouping of centroids serves dot products as it serves distances.
    assert kept > (0.85 if metric == "dot_product" else 0.95)
    # They come from the best upper leaves (the tenth may be the ninth by the engine's integers).
    assert np.mean([np.isin(upper_of[a], b).all() for a, b in zip(some, best, strict=True)]) > 0.99
    # Fewer find fewer: the scores of upper leaves do choose.
    fewer = index._living.searcher.route(given, 6, 2)
    worse = np.mean([len(set(a) & set(b)) / 6 for a, b in zip(plain, fewer, strict=True)])
    assert 0.5 < worse < kept


@pytest.mark.parametrize("metric", METRICS)
def test_all_upper_leaves_are_a_plain_search(metric: str) -> None:
    vectors = _clustered(6_000, 12, seed=2)
    index = _build(vectors, metric, 17)
    every = index.search(vectors[:60], k=10, params=SearchParams(upper_leaves=17))
    plain = index._living.searcher.route(vectors[:60], 20, 0)
    assert np.array_equal(plain, index._living.searcher.route(vectors[:60], 20, 17))
    exact = leafscan.build(vectors, metric=metric).search(vectors[:60], k=10)
    thorough = index.search(
        vectors[:60], k=10, params=SearchParams(leaves=300, candidates=6_000, upper_leaves=1)
    )
    assert np.array_equal(thorough.ids, exact.ids)  # too few leaves in one upper leaf: more are taken
    if metric != "dot_product":
        assert np.array_equal(every.ids[:, 0], np.arange(60))


@pytest.mark.parametrize("metric", METRICS)
def test_upper_leaves_cost_little_recall(metric: str) -> None:
    rows = _clustered(8_200, 20, seed=3)
    vectors, queries = rows[:8_000], rows[8_000:]
    truth = leafscan.build(vectors, metric=metric).search(queries, k=10).ids
    for soar, pca in ((1.0, None), (None, 10)):
        index = _build(vectors, metric, 34, soar, pca)
        recalls = []
        for upper in (34, 9):
            found = index.search(queries, k=10, params=SearchParams(upper_leaves=upper)).ids
            recalls.append(float((found[:, :, None] == truth[:, None, :]).any(2).mean()))
        assert recalls[1] > recalls[0] - 0.02


def test_a_filter_finds_what_lies_under_any_upper_leaf() -> None:
    vectors = _clustered(6_000, 12, seed=4)
    index = _build(vectors, "squared_l2", 17)
    few = index.filter(allow=np.arange(5))
    params = SearchParams(leaves=20, upper_leaves=1)
    assert set(index.search(vectors[5_000], k=5, params=params, filter=few).ids) == set(range(5))
    many = index.filter(deny=np.arange(3_000))
    found = index.search(vectors[:40], k=10, params=params, filter=many).ids
    assert (found >= 3_000).all()


def test_a_query_is_answered_alike_alone_and_on_any_number_of_threads() -> None:
    vectors = _clustered(5_000, 16, seed=5)
    index = _build(vectors, "cosine", 20)
    assert index.config.search.upper_leaves == 5
    batch = index.search(vectors[:40], k=10, threads=1)
    assert np.array_equal(batch.ids, index.search(vectors[:40], k=10, threads=2).ids)
    assert np.array_equal(batch.ids, np.stack([index.search(row, k=10).ids for row in vectors[:40]]))
    again = leafscan.build(vectors, metric="cosine", config=index.config, threads=2)
    for name, section in index._contents.sections.items():
        assert np.array_equal(section, again._contents.sections[name]), name


def test_files_carry_the_upper_leaves(tmp_path: Path) -> None:
    vectors = _clustered(4_000, 12, seed=6)
    index = _build(vectors, "dot_product", 18)
    index.save(tmp_path / "upper.leafscan")
    again = leafscan.load(tmp_path / "upper.leafscan", verify=True)
    assert again.config == index.config
    assert again.config.tree is not None
    assert again.config.tree.upper_leaves == 18
    for mine, theirs in zip(index.search(vectors[:9]), again.search(vectors[:9]), strict=True):
        assert np.array_equal(mine, theirs)
    offsets = index._contents.sections["upper_offsets"].copy()
    offsets[-1] += 1
    sections = {**index._contents.sections, "upper_offsets": offsets}
    broken = dataclasses.replace(index._contents, sections=sections)
    with pytest.raises(FileFormatError, match="'upper_offsets' is wrong: its values must rise from 0 to 300"):
        check_contents(broken, 4_000)


def test_plans_from_before_have_no_upper_leaves() -> None:
    tree = Tree(num_leaves=9).to_dict()
    search = SearchParams(leaves=3).to_dict()
    del tree["upper_leaves"], search["upper_leaves"]
    assert Tree.from_dict(tree) == Tree(num_leaves=9)
    assert SearchParams.from_dict(search) == SearchParams(leaves=3)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="upper_leaves must be at least 2; received 1"):
        Tree(num_leaves=9, upper_leaves=1)
    with pytest.raises(ValueError, match=r"upper_leaves must be at most num_leaves \(9\).* received 10"):
        Tree(num_leaves=9, upper_leaves=10)
    with pytest.raises(ValueError, match=r"search\.upper_leaves is 2, but the plan has no upper leaves"):
        Config(tree=Tree(num_leaves=9), search=SearchParams(upper_leaves=2))
    with pytest.raises(ValueError, match=r"between 1 and the tree's 3 upper leaves; received 4"):
        Config(tree=Tree(num_leaves=9, upper_leaves=3), search=SearchParams(upper_leaves=4))
    with pytest.raises(ValueError, match="SearchParams's upper_leaves must be at least 1; received 0"):
        SearchParams(upper_leaves=0)
