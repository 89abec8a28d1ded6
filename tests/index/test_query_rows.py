"""What each query of a search may have for itself: lists and masks, on every plan, alone and in batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Index, Reorder, SearchParams, Tree, build

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]
Exact = Callable[[Matrix, Matrix, str], NDArray[np.float64]]

METRICS = ["dot_product", "cosine", "squared_l2"]
N = 2600


def plan(leaves: int | None, codes: bool, soar: float | None, searched: int, candidates: int) -> Config:
    return Config(
        tree=Tree(num_leaves=leaves, soar_lambda=soar) if leaves else None,
        score=AsymmetricHash() if codes else Config().score,
        reorder=Reorder() if codes else None,
        search=SearchParams(leaves=searched if leaves else None, candidates=candidates if codes else None),
    )


# Every leaf, and every row reordered: exact, however it is done.
EXACT = {
    "exact": plan(None, False, None, 0, 0),
    "rows in leaves": plan(40, False, None, 40, 0),
    "codes": plan(None, True, None, 0, N),
    "codes in leaves": plan(40, True, None, 40, N),
    "second leaves": plan(40, True, 1.0, 40, N),
}
FEW_LEAVES = {
    "few leaves of rows": plan(40, False, None, 6, 0),
    "few leaves of codes": plan(40, True, None, 6, 40),
    "few second leaves": plan(40, True, 1.0, 6, 40),
}


@pytest.fixture(scope="module")
def points() -> Matrix:
    rng = np.random.default_rng(2)
    centers = rng.normal(size=(60, 16))
    return (centers[rng.integers(60, size=N)] + 0.7 * rng.normal(size=(N, 16))).astype(np.float32)


@pytest.fixture(scope="module")
def asked(points: Matrix) -> Matrix:
    rng = np.random.default_rng(3)
    return (points[rng.permutation(N)[:45]] + 0.3 * rng.normal(size=(45, 16))).astype(np.float32)


@pytest.fixture(scope="module")
def indexes(points: Matrix) -> Callable[[str, str], Index]:
    made: dict[tuple[str, str], Index] = {}

    def get(name: str, metric: str) -> Index:
        if (name, metric) not in made:
            made[name, metric] = build(points, metric=metric, config=(EXACT | FEW_LEAVES)[name])
        return made[name, metric]

    return get


def named(share: float, seed: int, queries: int = 45) -> Mask:
    """For each query so many rows, all over the index."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((queries, N), np.bool_)
    for row in mask:
        row[rng.permutation(N)[: round(share * N)]] = True
    return mask


def padded(mask: Mask) -> NDArray[np.int64]:
    """The ids that a mask names in any order, filled up with -1, with one twice and one that there is not."""
    rng = np.random.default_rng(9)
    lists = np.full((len(mask), mask.sum(axis=1).max() + 3), -1, np.int64)
    for row, mine in zip(lists, mask, strict=True):
        ids = rng.permutation(np.flatnonzero(mine))
        row[: len(ids)] = ids
        row[len(ids)] = 10**12
        row[len(ids) + 1] = ids[0] if len(ids) else -1
        row[:] = rng.permutation(row)
    return lists


def assert_best(
    result: leafscan.SearchResult, scores: NDArray[np.float64], allowed: Mask, metric: str, k: int
) -> None:
    """Hold each query's result, whose ids are positions, to the exact scores of what is allowed to it."""
    worst = np.inf if metric == "squared_l2" else -np.inf
    sign = 1 if metric == "squared_l2" else -1
    scale = np.abs(scores).max()
    for ids, found, exact, may in zip(result.ids, result.scores, scores, allowed, strict=True):
        there = min(k, int(may.sum()))
        best = sign * np.sort(sign * exact[may])[:there]
        assert may[ids[:there]].all()
        assert len(set(ids[:there].tolist())) == there
        np.testing.assert_allclose(found[:there], best, rtol=1e-5, atol=1e-5 * scale)
        np.testing.assert_allclose(exact[ids[:there]], found[:there], rtol=1e-5, atol=1e-5 * scale)
        assert (ids[there:] == -1).all()
        assert (found[there:] == worst).all()


def assert_same(one: leafscan.SearchResult, other: leafscan.SearchResult) -> None:
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("share", [0.0, 1 / N, 0.01, 0.1, 0.6, 1 - 1 / N, 1.0])
def test_the_best_of_what_each_query_may_have(
    indexes: Callable[[str, str], Index],
    points: Matrix,
    asked: Matrix,
    exact: Exact,
    metric: str,
    name: str,
    share: float,
) -> None:
    index, scores = indexes(name, metric), exact(points, asked, metric)
    mask = named(share, seed=1)
    ids = padded(mask)
    for threads in (1, 2):
        denied = index.search(asked, k=7, deny=ids, threads=threads)
        assert_best(denied, scores, ~mask, metric, 7)
        allowed = index.search(asked, k=7, allow=ids, threads=threads)
        assert_best(allowed, scores, mask, metric, 7)
    assert_same(index.search(asked, k=7, deny=mask), denied)
    assert_same(index.search(asked, k=7, allow=mask), allowed)
    for row in range(0, 45, 9):
        one = index.search(asked[row], k=7, deny=ids[row])
        np.testing.assert_array_equal(one.ids, denied.ids[row])
        np.testing.assert_array_equal(one.scores, denied.scores[row])
        one = index.search(asked[row], k=7, allow=mask[row])
        np.testing.assert_array_equal(one.ids, allowed.ids[row])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", EXACT)
def test_with_a_filter_and_with_one_another(
    indexes: Callable[[str, str], Index], points: Matrix, asked: Matrix, exact: Exact, metric: str, name: str
) -> None:
    index, scores = indexes(name, metric), exact(points, asked, metric)
    for share in (0.02, 0.2, 0.7):
        everyone = named(share, seed=4, queries=1)[0]
        f = index.filter(allow=everyone)
        for allow_share, deny_share in ((None, 0.01), (None, 0.5), (0.01, None), (0.4, 0.01), (0.4, 0.5)):
            allow = np.ones((45, N), np.bool_) if allow_share is None else named(allow_share, seed=5)
            deny = np.zeros((45, N), np.bool_) if deny_share is None else named(deny_share, seed=6)
            result = index.search(
                asked,
                k=6,
                filter=f,
                allow=None if allow_share is None else padded(allow),
                deny=None if deny_share is None else padded(deny),
            )
            assert_best(result, scores, everyone & allow & ~deny, metric, 6)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", FEW_LEAVES)
def test_few_leaves_give_what_a_compiled_filter_gives(
    indexes: Callable[[str, str], Index], asked: Matrix, metric: str, name: str
) -> None:
    index = indexes(name, metric)
    without = index.search(asked, k=12)
    # Some of what is found is denied, and some of the rest: 38 of 2,600 leave the number of leaves as it is.
    mask = named(30 / N, seed=7)
    np.put_along_axis(mask, without.ids[:, ::2], True, axis=1)
    for threads in (1, 2):
        batch = index.search(asked, k=12, deny=padded(mask), threads=threads)
        for row in range(len(asked)):
            wanted = index.search(asked[row], k=12, filter=index.filter(deny=np.flatnonzero(mask[row])))
            np.testing.assert_array_equal(batch.ids[row], wanted.ids)
            np.testing.assert_array_equal(batch.scores[row], wanted.scores)
            one = index.search(asked[row], k=12, deny=np.flatnonzero(mask[row]))
            np.testing.assert_array_equal(one.ids, wanted.ids)
    # Many rows of each query are compiled for it.
    for share in (0.3, 0.8):
        mask = named(share, seed=8)
        for way in (padded(mask), mask):
            denied, allowed = index.search(asked, k=12, deny=way), index.search(asked, k=12, allow=way)
            for row in range(0, len(asked), 5):
                wanted = index.search(asked[row], k=12, filter=index.filter(deny=mask[row]))
                np.testing.assert_array_equal(denied.ids[row], wanted.ids)
                wanted = index.search(asked[row], k=12, filter=index.filter(allow=mask[row]))
                np.testing.assert_array_equal(allowed.ids[row], wanted.ids)


@pytest.mark.parametrize("name", EXACT | FEW_LEAVES)
def test_nothing_named_changes_nothing(
    indexes: Callable[[str, str], Index], asked: Matrix, name: str
) -> None:
    index = indexes(name, "cosine")
    plain = index.search(asked, k=5)
    nothing: list[Any] = [
        np.full((45, 3), -1),
        np.empty((45, 0), np.int64),
        [[]] * 45,
        [[10**9]] * 45,
        np.zeros((45, N), np.bool_),
    ]
    for deny in nothing:
        assert_same(index.search(asked, k=5, deny=deny), plain)
        assert (index.search(asked, k=5, allow=deny).ids == -1).all()
    assert_same(index.search(asked, k=5, allow=np.ones((45, N), np.bool_)), plain)
    assert_same(index.search(asked[:0], k=5, deny=np.empty((0, 4), np.int64)), index.search(asked[:0], k=5))


@pytest.mark.parametrize("name", ["few leaves of codes", "few leaves of rows", "few second leaves"])
def test_what_was_found_can_be_denied_until_nothing_is_left(
    indexes: Callable[[str, str], Index], asked: Matrix, name: str
) -> None:
    index = indexes(name, "squared_l2")
    seen = np.empty((2, 0), np.int64)
    found = seen
    while seen.shape[1] == 0 or (found >= 0).any():
        found = index.search(asked[:2], k=200, deny=seen).ids
        seen = np.concatenate([seen, found], axis=1)
    for mine in seen:
        mine = mine[mine >= 0]
        assert len(mine) == len(set(mine.tolist())) == N


def test_ids_of_every_kind(points: Matrix, asked: Matrix) -> None:
    numbers = np.random.default_rng(8).permutation(10 * N)[:N]
    names = np.array([f"né{number}" for number in numbers])
    by_place = build(points, metric="cosine", config=EXACT["codes in leaves"])
    by_number = build(points, metric="cosine", config=EXACT["codes in leaves"], ids=numbers)
    by_name = build(points, metric="cosine", config=EXACT["codes in leaves"], ids=names.tolist())
    places = padded(named(20 / N, seed=1))
    known = (places >= 0) & (places < N)
    wanted = by_place.search(asked, deny=places)
    at = np.where(known, places, 0)
    as_numbers = np.where(known, numbers[at], -1)
    as_names = np.where(known, names[at], "")
    ragged = [numbers[row[mine]] for row, mine in zip(places, known, strict=True)]
    ways: list[tuple[Index, Any, Any]] = [
        (by_place, places.astype(object).tolist(), np.arange(N)),
        (by_number, as_numbers, numbers),
        (by_number, np.where(known, as_numbers, 2**64 - 1).astype(np.uint64), numbers),
        (by_number, as_numbers.astype(np.int32), numbers),
        (by_number, ragged, numbers),
        (by_number, [set(mine.tolist()) for mine in ragged], numbers),
        (by_number, [[2**70, *mine.tolist()] for mine in ragged], numbers),
        (by_name, as_names, names),
        (by_name, as_names.astype(object), names),
        (by_name, as_names.tolist(), names),
        (by_name, [[f"né{number}" for number in mine] for mine in ragged], names),
    ]
    for index, deny, ids in ways:
        result = index.search(asked, deny=deny)
        np.testing.assert_array_equal(result.ids, ids[wanted.ids])
        np.testing.assert_array_equal(result.scores, wanted.scores)
        one = index.search(asked[3], deny=deny[3])
        np.testing.assert_array_equal(one.ids, result.ids[3])


@pytest.mark.parametrize(
    ("queries", "given", "error", "sentence"),
    [
        (3, [1, 2, 3], TypeError, "must hold a list of ids for each query; .* goes into index.filter"),
        (3, np.arange(3), ValueError, r"must have the shape \(3, m\).*received \(3,\)"),
        (3, np.ones((2, 4), np.int64), ValueError, r"must have the shape \(3, m\).*received \(2, 4\)"),
        (3, np.ones((3, 4), np.bool_), ValueError, r"the shape \(3, 2600\); received \(3, 4\)"),
        (None, np.ones(4, np.bool_), ValueError, r"the shape \(2600,\); received \(4,\)"),
        (None, np.ones((1, 4), np.int64), ValueError, r"must have the shape \(m,\) for one query"),
        (3, np.ones((3, 4)), TypeError, "must hold integers, .* received the dtype float64"),
        (3, [["a"]] * 3, TypeError, "must hold integers"),
        (3, [["a", 1]] * 3, TypeError, "must hold ids of one kind, or booleans; received 'a'"),
        (3, [[1.5]] * 3, TypeError, "must hold ids of one kind"),
        (3, [[True], [True, False], []], ValueError, "as many booleans for each query"),
        (3, "abc", TypeError, "must be ids or a mask; received 'abc'"),
        (3, ["abc"] * 3, TypeError, "must hold a list of ids for each query"),
        (None, 5, TypeError, "must be ids or a mask; received 5"),
    ],
)
def test_misuse_is_told_in_a_sentence(
    indexes: Callable[[str, str], Index],
    asked: Matrix,
    queries: int | None,
    given: Any,
    error: type[Exception],
    sentence: str,
) -> None:
    index = indexes("exact", "cosine")
    batch = asked[0] if queries is None else asked[:queries]
    with pytest.raises(error, match=f"allow .*{sentence}|allow {sentence}"):
        index.search(batch, allow=given)
    with pytest.raises(error, match=f"deny .*{sentence}|deny {sentence}"):
        index.search(batch, deny=given)


def test_names_refuse_numbers(points: Matrix, asked: Matrix) -> None:
    index = build(points[:20], metric="cosine", ids=[f"n{place}" for place in range(20)])
    with pytest.raises(TypeError, match="deny must hold strings, as the ids of this index are"):
        index.search(asked[0], deny=[3])
    with pytest.raises(TypeError, match="deny must hold strings"):
        index.search(asked[0], deny=np.array(["n1", 3], object))


@pytest.mark.parametrize("name", ["exact", "rows in leaves", "codes in leaves", "second leaves"])
def test_of_an_index_that_was_updated(points: Matrix, asked: Matrix, exact: Exact, name: str) -> None:
    rng = np.random.default_rng(11)
    index = build(points, metric="squared_l2", config=EXACT[name], tags={"number": np.arange(N)})
    vectors = points.copy()
    replaced, gone = np.split(rng.permutation(N)[:900], [500])
    vectors[replaced] = points[rng.permutation(N)[:500]] + 0.1
    index.upsert(replaced, vectors[replaced])
    index.delete(gone)
    live = np.ones(N, np.bool_)
    live[gone] = False
    scores = exact(vectors, asked, "squared_l2")
    f = index.filter(where={"number": {"$lt": 2000}})
    for share in (0.01, 0.5):
        mask = named(share, seed=12)
        mask[:, replaced[:20]] = True
        for deny in (padded(mask), mask[:, index.ids]):
            result = index.search(asked, k=7, deny=deny)
            assert_best(result, scores, live & ~mask, "squared_l2", 7)
            one = index.search(asked[5], k=7, deny=deny[5])
            np.testing.assert_array_equal(one.ids, result.ids[5])
            found = index.search(asked, k=7, allow=deny, filter=f)
            assert_best(found, scores, live & mask & (np.arange(N) < 2000), "squared_l2", 7)
