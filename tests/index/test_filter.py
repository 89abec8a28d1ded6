"""Filters: nothing but what is allowed, and of that the best, whatever the plan."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Filter, Index, Reorder, SearchParams, Tree, build

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]
Exact = Callable[[Matrix, Matrix, str], NDArray[np.float64]]

METRICS = ["dot_product", "cosine", "squared_l2"]

# Every leaf, and every row reordered: exact, however it is done.
PLANS = {
    "exact": Config(),
    "rows in leaves": Config(tree=Tree(num_leaves=12), search=SearchParams(leaves=12)),
    "codes": Config(score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(candidates=600)),
    "codes in leaves": Config(
        tree=Tree(num_leaves=12),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=12, candidates=600),
    ),
    "second leaves": Config(
        tree=Tree(num_leaves=12, soar_lambda=1.0),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=12, candidates=600),
    ),
}

# Without reordering scores are those of the codes.
APPROXIMATE = {
    "codes alone": Config(score=AsymmetricHash()),
    "codes alone in leaves": Config(
        tree=Tree(num_leaves=12), score=AsymmetricHash(), search=SearchParams(leaves=3)
    ),
    "codes alone in second leaves": Config(
        tree=Tree(num_leaves=12, soar_lambda=1.0), score=AsymmetricHash(), search=SearchParams(leaves=3)
    ),
}

FEW: list[tuple[str, float | None, AsymmetricHash | BruteForce, Reorder | None, int | None]] = [
    ("few leaves of rows", None, BruteForce(), None, None),
    ("few leaves of codes", None, AsymmetricHash(), Reorder(), 40),
    ("few second leaves", 1.0, AsymmetricHash(), Reorder(), 40),
]

FEW_LEAVES = {
    name: Config(
        tree=Tree(num_leaves=12, soar_lambda=soar),
        score=score,
        reorder=reorder,
        search=SearchParams(leaves=3, candidates=candidates),
    )
    for name, soar, score, reorder, candidates in FEW
}


def worst(metric: str) -> float:
    return np.inf if metric == "squared_l2" else -np.inf


def share(n: int, part: float, seed: int = 5) -> Mask:
    """Allow so many rows, all over the index."""
    allowed = np.zeros(n, np.bool_)
    allowed[np.random.default_rng(seed).permutation(n)[: round(part * n)]] = True
    return allowed


def assert_best_allowed(
    result: leafscan.SearchResult, scores: NDArray[np.float64], allowed: Mask, metric: str, k: int
) -> None:
    """Hold a result, whose ids are positions, to the exact scores of the allowed rows."""
    places = np.flatnonzero(allowed)
    found = min(k, len(places))
    sign = 1 if metric == "squared_l2" else -1
    best = sign * np.sort(sign * scores[:, places], axis=1)[:, :found]
    scale = np.abs(scores).max()
    assert result.ids.shape == result.scores.shape == (len(scores), k)
    ids = result.ids[:, :found]
    assert allowed[ids].all()
    assert all(len(set(row)) == found for row in ids.tolist())
    np.testing.assert_allclose(result.scores[:, :found], best, rtol=1e-5, atol=1e-5 * scale)
    np.testing.assert_allclose(
        np.take_along_axis(scores, ids, axis=1), result.scores[:, :found], rtol=1e-5, atol=1e-5 * scale
    )
    assert (result.ids[:, found:] == -1).all()
    assert (result.scores[:, found:] == worst(metric)).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("plan", PLANS)
def test_finds_the_best_of_what_is_allowed(
    vectors: Matrix, queries: Matrix, exact: Exact, metric: str, plan: str
) -> None:
    index = build(vectors, metric=metric, config=PLANS[plan])
    scores = exact(vectors, queries, metric)
    n = len(vectors)
    for part in (1 / n, 0.01, 0.1, 0.24, 0.26, 0.5, 0.99, 1.0):
        allowed = share(n, part)
        f = index.filter(allow=np.flatnonzero(allowed))
        assert len(f) == allowed.sum()
        for k in (1, 10, 30):
            result = index.search(queries, k=k, filter=f)
            assert_best_allowed(result, scores, allowed, metric, k)
            one = index.search(queries[7], k=k, filter=f)
            np.testing.assert_array_equal(one.ids, result.ids[7])
            np.testing.assert_array_equal(one.scores, result.scores[7])


@pytest.mark.parametrize("plan", PLANS | APPROXIMATE | FEW_LEAVES)
@pytest.mark.parametrize("metric", METRICS)
def test_where_nothing_is_allowed_nothing_comes(
    vectors: Matrix, queries: Matrix, metric: str, plan: str
) -> None:
    index = build(vectors, metric=metric, config=(PLANS | APPROXIMATE | FEW_LEAVES)[plan])
    for f in (index.filter(allow=[]), index.filter(deny=np.arange(len(vectors)))):
        assert len(f) == 0
        for asked in (queries, queries[0]):
            result = index.search(asked, k=4, filter=f)
            assert (result.ids == -1).all()
            assert (result.scores == worst(metric)).all()


@pytest.mark.parametrize("plan", PLANS | APPROXIMATE)
@pytest.mark.parametrize("metric", METRICS)
def test_a_filter_that_allows_all_changes_nothing(
    vectors: Matrix, queries: Matrix, metric: str, plan: str
) -> None:
    index = build(vectors, metric=metric, config=(PLANS | APPROXIMATE)[plan])
    for mine, theirs in zip(
        index.search(queries, filter=index.filter(deny=[])), index.search(queries), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("plan", APPROXIMATE)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("part", [1 / 600, 0.01, 0.3, 0.9])
def test_codes_alone_keep_their_order(
    vectors: Matrix, queries: Matrix, metric: str, plan: str, part: float
) -> None:
    # Nothing tells better what the codes find among the allowed than what they find among all.
    index = build(vectors, metric=metric, config=APPROXIMATE[plan])
    allowed = share(len(vectors), part)
    params = SearchParams(leaves=12) if index.config.tree else None
    found = index.search(queries, k=8, params=params, filter=index.filter(allow=allowed))
    every = index.search(queries, k=600, params=params)
    for row in range(len(queries)):
        wanted = allowed[every.ids[row]]
        ids = every.ids[row][wanted][:8]
        np.testing.assert_array_equal(found.ids[row][: len(ids)], ids)
        np.testing.assert_allclose(found.scores[row][: len(ids)], every.scores[row][wanted][:8], rtol=1e-5)
        assert (found.ids[row][len(ids) :] == -1).all()


@pytest.mark.parametrize("plan", PLANS | APPROXIMATE | FEW_LEAVES)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("part", [1 / 600, 0.02, 0.3, 0.6, 0.99])
def test_one_query_a_batch_and_any_threads_agree(
    vectors: Matrix, queries: Matrix, metric: str, plan: str, part: float
) -> None:
    index = build(vectors, metric=metric, config=(PLANS | APPROXIMATE | FEW_LEAVES)[plan])
    allowed = share(len(vectors), part)
    f = index.filter(allow=allowed)
    batch = index.search(queries, k=7, filter=f)
    assert allowed[batch.ids[batch.ids >= 0]].all()
    for threads in (1, 2, 3):
        again = index.search(queries, k=7, filter=f, threads=threads)
        np.testing.assert_array_equal(again.ids, batch.ids)
        np.testing.assert_array_equal(again.scores, batch.scores)
    for row in range(0, len(queries), 5):
        one = index.search(queries[row], k=7, filter=f)
        np.testing.assert_array_equal(one.ids, batch.ids[row])
        np.testing.assert_array_equal(one.scores, batch.scores[row])


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("part", [0.2, 0.7])
def test_ties_go_to_the_lower_row(plan: str, part: float) -> None:
    vectors = np.tile(np.random.default_rng(3).normal(size=(12, 24)).astype(np.float32), (50, 1))
    index = build(vectors, metric="squared_l2", config=PLANS[plan])
    allowed = share(600, part)
    f = index.filter(allow=allowed)
    order = index._contents.sections["order"]
    for query in range(3):
        wanted = [place for place in order if allowed[place] and place % 12 == query][:4]
        assert len(wanted) == 4
        assert index.search(vectors[query], k=4, filter=f).ids.tolist() == wanted


@pytest.mark.parametrize("plan", ["exact", "second leaves"])
def test_ids_of_every_kind(vectors: Matrix, queries: Matrix, plan: str) -> None:
    # Shuffled numbers with gaps, strings with characters of several bytes, and positions.
    n = len(vectors)
    numbers = np.random.default_rng(8).permutation(10 * n)[:n]
    names = [f"né{number}" for number in numbers]
    allowed = share(n, 0.2)
    places = np.flatnonzero(allowed)
    by_position = build(vectors, metric="cosine", config=PLANS[plan])
    wanted = by_position.search(queries, filter=by_position.filter(allow=places.tolist()))
    by_number = build(vectors, metric="cosine", config=PLANS[plan], ids=numbers)
    by_name = build(vectors, metric="cosine", config=PLANS[plan], ids=names)
    some = [names[place] for place in places]
    ways: list[tuple[Index, Any, Any]] = [
        (by_number, numbers[places], numbers),
        (by_number, numbers[places].astype(np.uint64), numbers),
        (by_number, set(numbers[places].tolist()), numbers),
        (by_number, allowed, numbers),
        (by_number, allowed.tolist(), numbers),
        (by_name, some + some[::-1], np.array(names)),
        (by_name, (name for name in some), np.array(names)),
        (by_name, np.array(some), np.array(names)),
        (by_name, np.array(some, dtype=object), np.array(names)),
        (by_name, allowed, np.array(names)),
        (by_position, places.astype(np.int32), np.arange(n)),
        (by_position, allowed, np.arange(n)),
    ]
    for index, allow, ids in ways:
        f = index.filter(allow=allow)
        assert len(f) == len(places)
        result = index.search(queries, filter=f)
        np.testing.assert_array_equal(result.ids, ids[wanted.ids])
        np.testing.assert_array_equal(result.scores, wanted.scores)


def test_deny_takes_from_allow(vectors: Matrix, queries: Matrix, exact: Exact, whole: Config) -> None:
    index = build(vectors, metric="dot_product", config=whole)
    allowed, denied = share(len(vectors), 0.5, seed=1), share(len(vectors), 0.3, seed=2)
    scores = exact(vectors, queries, "dot_product")
    for f, left in [
        (index.filter(deny=np.flatnonzero(denied)), ~denied),
        (index.filter(deny=denied), ~denied),
        (index.filter(allow=allowed, deny=np.flatnonzero(denied)), allowed & ~denied),
        (index.filter(allow=np.flatnonzero(allowed), deny=denied), allowed & ~denied),
    ]:
        assert len(f) == left.sum()
        assert_best_allowed(index.search(queries, filter=f), scores, left, "dot_product", 10)


def test_what_was_found_can_be_denied_until_nothing_is_left(vectors: Matrix, whole: Config) -> None:
    index = build(vectors[:50], metric="squared_l2", config=Config(tree=Tree(num_leaves=5)))
    seen: list[int] = []
    while len(seen) < 50:
        found = index.search(vectors[60], k=7, filter=index.filter(deny=seen)).ids
        fresh = found[found >= 0].tolist()
        assert fresh
        assert not set(fresh) & set(seen)
        seen += fresh
    assert sorted(seen) == list(range(50))


def test_a_loaded_index_filters_too(vectors: Matrix, queries: Matrix, whole: Config, tmp_path: Path) -> None:
    names = [f"item {place}" for place in range(len(vectors))]
    index = build(vectors, metric="cosine", config=whole, ids=names)
    index.save(tmp_path / "names.leafscan")
    again = leafscan.load(tmp_path / "names.leafscan")
    for mine, theirs in zip(
        index.search(queries, filter=index.filter(allow=names[100:200])),
        again.search(queries, filter=again.filter(allow=names[100:200])),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)


def clustered(n: int, dim: int, clusters: int, seed: int) -> tuple[Matrix, NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    of = rng.integers(clusters, size=n)
    points = rng.normal(size=(clusters, dim))[of] + rng.normal(size=(n, dim))
    return points.astype(np.float32), of


@pytest.fixture(scope="module")
def catalogue() -> tuple[Matrix, Matrix, NDArray[np.intp]]:
    points, of = clustered(20_300, 24, 100, seed=4)
    return points[:20_000], points[20_000:], of[:20_000]


def recall(index: Index, queries: Matrix, scores: NDArray[np.float64], allowed: Mask | None = None) -> float:
    """Recall@10 against the exact scores of what is allowed."""
    left = scores if allowed is None else np.where(allowed, scores, -np.inf)
    true = np.argpartition(-left, 10, axis=1)[:, :10]
    f = None if allowed is None else index.filter(allow=allowed)
    found = index.search(queries, k=10, filter=f).ids
    return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found, true, strict=True)]))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "config",
    [
        Config(tree=Tree(num_leaves=200), search=SearchParams(leaves=12)),
        Config(
            tree=Tree(num_leaves=200),
            score=AsymmetricHash(),
            reorder=Reorder(),
            search=SearchParams(leaves=12, candidates=200),
        ),
        Config(
            tree=Tree(num_leaves=200, soar_lambda=1.0),
            score=AsymmetricHash(),
            reorder=Reorder(),
            search=SearchParams(leaves=8, candidates=200),
        ),
    ],
    ids=["rows", "codes", "second leaves"],
)
def test_recall_is_that_of_a_search_without_a_filter(
    catalogue: tuple[Matrix, Matrix, NDArray[np.intp]], exact: Exact, metric: str, config: Config
) -> None:
    vectors, queries, of = catalogue
    n = len(vectors)
    index = build(vectors, metric=metric, config=config)
    rows = vectors.astype(np.float64)
    if metric == "cosine":
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scores = queries.astype(np.float64) @ rows.T
    if metric == "squared_l2":
        scores -= 0.5 * np.square(rows).sum(axis=1)
    without = recall(index, queries, scores)
    assert 0.8 < without < 0.999
    for part in (0.01, 0.1, 0.5):
        assert recall(index, queries, scores, share(n, part)) >= without - 0.01
    # One cluster, whatever the query: far from nearly all of them.
    assert recall(index, queries, scores, of == 7) >= without - 0.01
    # That cluster, and a few rows of the others.
    assert recall(index, queries, scores, (of == 7) | share(n, 0.01)) >= without - 0.01


def test_a_filter_tells_about_itself(vectors: Matrix) -> None:
    index = build(vectors, metric="cosine", config=Config(tree=Tree(num_leaves=3), score=AsymmetricHash()))
    f = index.filter(deny=[0, 599, 0])
    assert isinstance(f, Filter)
    assert len(f) == 598
    assert repr(f) == "<leafscan.Filter: 598 of 600 rows>"
    assert 0 < f.nbytes < 2_000
    assert f.seconds > 0
    assert f
    assert index.filter(allow=[])
    with pytest.raises(AttributeError):
        f.seconds = 1.0  # type: ignore[misc]


def test_misuse_is_told_in_a_sentence(vectors: Matrix) -> None:
    index = build(vectors, metric="cosine")
    other = build(vectors, metric="cosine")
    named = build(vectors, metric="cosine", ids=[f"a{place}" for place in range(600)])
    wrong: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: index.filter(), TypeError, "filter needs allow, deny or where, or several"),
        (lambda: index.filter([1]), TypeError, "positional"),  # type: ignore[call-arg]
        (lambda: index.filter(allow=[3, 600, 700]), ValueError, "allow holds the id 600, which this index"),
        (lambda: index.filter(deny=[-1]), ValueError, "deny holds the id -1, which"),
        (lambda: index.filter(deny=[2**70]), ValueError, f"deny holds the id {2**70}, which"),
        (
            lambda: index.filter(deny=np.array([2**64 - 1], np.uint64)),
            ValueError,
            f"the id {2**64 - 1}, which",
        ),
        (lambda: index.filter(allow=["a"]), TypeError, "allow must hold integers, .*received 'a'"),
        (lambda: index.filter(allow=[True, 1]), TypeError, r"must hold integers, .*received True \(bool\)"),
        (lambda: index.filter(allow=np.ones(2)), TypeError, "allow must hold integers.* the dtype float64"),
        (lambda: index.filter(allow=np.ones(5, np.bool_)), ValueError, "each of the 600 rows; received 5"),
        (lambda: index.filter(allow=np.ones((2, 2), np.int64)), ValueError, r"shape \(m,\).*\(2, 2\)"),
        (lambda: index.filter(allow=7), TypeError, r"not one value; received 7 \(int\)\. Put it in a list"),
        (lambda: named.filter(allow="a1"), TypeError, "not one value; received 'a1'"),
        (lambda: named.filter(allow=["a1", "b", "c"]), ValueError, "allow holds the id 'b', which"),
        (lambda: named.filter(allow=[1]), TypeError, r"allow must hold strings, .*received 1 \(int\)"),
        (lambda: named.filter(allow=np.array([1])), TypeError, "allow must hold strings"),
        (lambda: named.filter(deny=["\ud800"]), ValueError, "deny holds the id"),
        (
            lambda: index.search(vectors[0], filter=[1]),  # type: ignore[arg-type]
            TypeError,
            r"must be a Filter.*received \[1\] \(list\)",
        ),
        (
            lambda: index.search(vectors[0], filter=other.filter(deny=[1])),
            ValueError,
            "filter was compiled for another index; compile one for this index",
        ),
        (lambda: Filter(), TypeError, "make it with index.filter"),
    ]
    for call, kind, sentence in wrong:
        with pytest.raises(kind, match=sentence):
            call()


def test_a_filter_that_is_not_used_keeps_no_old_version() -> None:
    points = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    index = build(points[:200], metric="squared_l2")
    idle = index.filter(deny=[0])
    for _ in range(20):
        index.upsert(np.arange(500, 600), points[:100])
        index.delete(np.arange(500, 600))
    assert index._living.searcher.row_end <= 200 + 300
    before = weakref.ref(index._living)
    index.rebalance()
    gc.collect()
    assert before() is None
    assert 0 not in index.search(points[0], k=200, filter=idle).ids
    assert len(idle) == 199
