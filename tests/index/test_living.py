"""Updates: what comes is found, what goes is not, whatever the plan, and every search sees one version."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Index, Reorder, SearchParams, Tree, build, load

Matrix = NDArray[np.float32]

DIM = 12
K = 7

#: Every leaf visited and every row reordered, so that each of them is exact.
ALL = SearchParams(leaves=15, candidates=100_000)
PLANS: dict[str, tuple[str, Config]] = {
    "exact": ("dot_product", Config()),
    "exact in int8": ("squared_l2", Config(score=BruteForce(dtype="int8"))),
    "rows in leaves": ("cosine", Config(tree=Tree(num_leaves=15), search=SearchParams(leaves=15))),
    "codes": (
        "dot_product",
        Config(score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(candidates=100_000)),
    ),
    "leaves": (
        "cosine",
        Config(tree=Tree(num_leaves=15), score=AsymmetricHash(), reorder=Reorder(), search=ALL),
    ),
    "SOAR, components, two stages": (
        "squared_l2",
        Config(
            tree=Tree(num_leaves=15, soar_lambda=1.0),
            score=AsymmetricHash(pca_dimensions=6),
            reorder=Reorder(dtype="bfloat16", first_dtype="int8"),
            search=SearchParams(leaves=15, candidates=100_000, refined=100_000),
        ),
    ),
    "wide codes, AVQ, upper leaves": (
        "dot_product",
        Config(
            tree=Tree(num_leaves=15, avq_eta=4.0, upper_leaves=4),
            score=AsymmetricHash(lookup_bits=8, dimensions_per_block=4),
            reorder=Reorder(),
            search=SearchParams(leaves=15, candidates=100_000, upper_leaves=4),
        ),
    ),
}


def rows(seed: int, n: int) -> Matrix:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(10, DIM))
    made: Matrix = (centres[rng.integers(10, size=n)] + 0.4 * rng.normal(size=(n, DIM))).astype(np.float32)
    return made


def scores_of(metric: str, query: Matrix, vectors: Matrix) -> NDArray[np.float64]:
    """Score in float64, larger is better."""
    one, all_ = query.astype(np.float64), vectors.astype(np.float64)
    if metric == "squared_l2":
        return -((all_ - one) ** 2).sum(axis=1)
    if metric == "cosine":
        one = one / np.linalg.norm(one)
        all_ = all_ / np.linalg.norm(all_, axis=1, keepdims=True)
    return all_ @ one


class Model:
    """What an index should hold, in plain Python."""

    def __init__(self, ids: list[Any], vectors: Matrix) -> None:
        self.held: dict[Any, tuple[Matrix, int]] = dict(
            zip(ids, zip(vectors, range(len(ids)), strict=True), strict=True)
        )

    def upsert(self, ids: list[Any], vectors: Matrix, years: list[int]) -> None:
        for one, vector, year in zip(ids, vectors, years, strict=True):
            self.held.pop(one, None)
            self.held[one] = (vector, year)

    def delete(self, ids: list[Any]) -> None:
        for one in ids:
            del self.held[one]

    def check(self, index: Index, queries: Matrix, tolerance: float) -> None:
        assert index.ids.tolist() == list(self.held)
        assert len(index) == len(self.held)
        self.compare(index, queries, index.search(queries, k=K), tolerance, lambda _one, _year: True)
        later = index.filter(where={"year": {"$gte": 300}})
        found = index.search(queries, k=K, filter=later)
        self.compare(index, queries, found, tolerance, lambda _one, year: year >= 300)

    def compare(
        self, index: Index, queries: Matrix, found: Any, tolerance: float, allowed: Callable[..., bool]
    ) -> None:
        ids = [one for one, (_, year) in self.held.items() if allowed(one, year)]
        if not ids:
            none = "" if isinstance(found.ids.flat[0], str) else -1
            assert (found.ids == none).all()
            return
        vectors = np.stack([self.held[one][0] for one in ids])
        place = {one: at for at, one in enumerate(ids)}
        for query, got, scores in zip(queries, found.ids.tolist(), found.scores, strict=True):
            exact = scores_of(index.metric, query, vectors)
            k = min(K, len(ids))
            best = np.sort(exact)[::-1][:k]
            mine = exact[[place[one] for one in got[:k]]]
            assert len(set(got[:k])) == k
            np.testing.assert_allclose(mine, best, atol=tolerance)
            sign = -1.0 if index.metric == "squared_l2" else 1.0
            np.testing.assert_allclose(sign * scores[:k], mine, atol=tolerance)
            assert all(one in ("", -1) for one in got[k:])


def tolerance_of(config: Config) -> float:
    return {"float32": 1e-4, "bfloat16": 0.25, "int8": 0.8}[config.row_dtype or "float32"]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("strings", [False, True], ids=["integers", "strings"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_index_holds_what_it_was_given(
    plan: str, strings: bool, tmp_path: Any, data: st.DataObject
) -> None:
    metric, config = PLANS[plan]
    names: list[Any] = [f"id {i}" if strings else 3 * i for i in range(400)]
    vectors = rows(0, 400)
    model = Model(names, vectors)
    index = build(vectors, metric=metric, config=config, ids=names, tags={"year": list(range(400))})
    queries = rows(1, 6)
    follows = index.filter(deny=names[:50])
    fresh = 10_000
    for step in range(data.draw(st.integers(1, 5))):
        kind = data.draw(st.sampled_from(["upsert", "delete", "both", "save", "rebalance"]))
        there = list(model.held)
        if kind in ("upsert", "both"):
            count = data.draw(st.sampled_from([1, 3, 40, 300]))
            old = data.draw(st.integers(0, min(count, len(there))))
            chosen = [there[i] for i in np.random.default_rng(step).permutation(len(there))[:old]]
            new = [f"id {fresh + i}" if strings else fresh + i for i in range(count - old)]
            fresh += count
            came = rows(fresh, count)
            years = [int(y) for y in np.random.default_rng(fresh).integers(600, size=count)]
            index.upsert([*chosen, *new], came, tags={"year": years})
            model.upsert([*chosen, *new], came, years)
            there = list(model.held)
        if kind in ("delete", "both"):
            count = data.draw(st.integers(0, len(there)))
            chosen = [there[i] for i in np.random.default_rng(step + 99).permutation(len(there))[:count]]
            index.delete(chosen)
            model.delete(chosen)
        if kind == "save" and len(model.held):
            index.save(tmp_path / "saved")
            leafscan.verify(tmp_path / "saved")
            index = load(tmp_path / "saved", memory=True)
            follows = index.filter(deny=[one for one in names[:50] if one in index])
        if kind == "rebalance" and len(model.held) >= 15:
            index.rebalance()
        if len(model.held):
            model.check(index, queries, tolerance_of(config))
            found = index.search(queries, k=K, filter=follows)
            denied = set(names[:50])
            model.compare(
                index, queries, found, tolerance_of(config), lambda one, _, denied=denied: one not in denied
            )
            few = list(model.held)[:20]
            found = index.search(queries, k=K, deny=[few] * len(queries))
            model.compare(index, queries, found, tolerance_of(config), lambda one, _, few=few: one not in few)
            some = list(model.held)[::7]
            np.testing.assert_allclose(
                index.vectors(some)[:, 0] if metric != "cosine" else 0.0,
                np.stack([model.held[one][0] for one in some])[:, 0] if metric != "cosine" else 0.0,
                atol=tolerance_of(config) / 4,
            )


def test_half_a_catalogue_replaced_is_found_as_well_as_in_a_fresh_index() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(200, 24)).astype(np.float32)

    def draw(n: int) -> Matrix:
        made: Matrix = (centres[rng.integers(200, size=n)] + 0.5 * rng.normal(size=(n, 24))).astype(
            np.float32
        )
        return made

    config = Config(
        tree=Tree(num_leaves=200, soar_lambda=1.0),
        score=AsymmetricHash(),
        reorder=Reorder(dtype="bfloat16", first_dtype="int8"),
        search=SearchParams(leaves=12, candidates=100),
    )
    vectors, queries = draw(20_000), draw(300)
    index = build(vectors, metric="cosine", config=config)
    for first in range(0, 10_000, 1_000):
        came = draw(1_000)
        vectors[first : first + 1_000] = came
        index.upsert(np.arange(first, first + 1_000), came)
    exact = build(vectors, metric="cosine", config=Config()).search(queries)
    fresh = build(vectors, metric="cosine", config=config).search(queries)

    def recall(found: Any) -> float:
        return float(
            np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(found.ids, exact.ids, strict=True)])
        )

    assert recall(index.search(queries)) >= recall(fresh) - 0.01
    assert recall(fresh) > 0.85
    index.rebalance()
    assert recall(index.search(queries)) >= recall(fresh) - 0.01


@pytest.mark.parametrize(
    ("ids", "vectors", "error", "sentence"),
    [
        ([1, 2], np.ones((1, 3)), ValueError, "one id for each of the 1 rows; received 2"),
        ([1, 1], np.ones((2, 3)), ValueError, "ids must be unique; 1 is there twice, at 0 and 1"),
        ([-1], np.ones((1, 3)), ValueError, "must not be negative"),
        (["a"], np.ones((1, 3)), TypeError, "ids must be integers, as the ids of this index are"),
        ([5], np.ones((1, 4)), ValueError, r"the shape \(m, 3\), as the index has; received \(1, 4\)"),
        ([5, 6], [[1, 2, 3], [1, 2, np.nan]], ValueError, "NaN or infinity in row 1"),
        (7, np.ones((1, 3)), TypeError, "ids must be a list of ids; received 7"),
        ("ab", np.ones((2, 3)), TypeError, "ids must be a list of ids"),
    ],
)
def test_what_is_wrong_changes_nothing(ids: Any, vectors: Any, error: type[Exception], sentence: str) -> None:
    index = build(np.eye(3, dtype=np.float32), metric="dot_product")
    before = index.search(np.ones(3), k=3)
    with pytest.raises(error, match=sentence):
        index.upsert(ids, vectors)
    assert index.ids.tolist() == [0, 1, 2]
    assert np.array_equal(index.search(np.ones(3), k=3).ids, before.ids)


def test_wrong_tags_change_nothing() -> None:
    index = build(np.eye(3, dtype=np.float32), metric="cosine", tags={"year": [1, 2, 3]})
    with pytest.raises(ValueError, match="year"):
        index.upsert([7], np.ones((1, 3)), tags={"year": [1, 2]})
    with pytest.raises(ValueError, match="year"):
        index.upsert([0], np.ones((1, 3)), tags={"year": [True]})
    assert index.ids.tolist() == [0, 1, 2]
    assert index.tags([0]) == {"year": [1]}
    assert len(index.filter(where={"year": {"$gte": 1}})) == 3


def test_tags_stay_go_and_come() -> None:
    index = build(np.eye(3, dtype=np.float32), metric="cosine", ids=["a", "b", "c"])
    index.upsert(["a", "d"], np.ones((2, 3)), tags={"year": [1990, 2000], "genre": ["Comedy", None]})
    index.upsert(["a"], np.ones((1, 3)))
    assert index.tags(["a", "b", "d"]) == {"year": [1990, None, 2000], "genre": ["Comedy", None, None]}
    index.upsert(["a"], np.ones((1, 3)), tags={"year": [1991]})
    assert index.tags(["a"]) == {"year": [1991], "genre": ["Comedy"]}
    f = index.filter(where={"year": {"$gte": 1991}})
    assert len(f) == 2
    index.delete(["a"])
    index.upsert(["e"], np.ones((1, 3)), tags={"year": [2010]})
    assert set(index.search(np.ones(3), k=3, filter=f).ids) == {"d", "e", ""}
    index.upsert(["a"], np.ones((1, 3)))
    assert index.tags(["a"]) == {"year": [None], "genre": [None]}


def test_an_update_that_is_not_recorded_did_not_happen() -> None:
    class Failing(Index):
        def _record(self, update: Any) -> None:
            if self.failing:  # type: ignore[attr-defined]
                raise OSError("the disk is full")

    index = Failing(build(np.eye(3, dtype=np.float32), metric="cosine", tags={"year": [1, 2, 3]})._contents)
    index.failing = True  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="full"):
        index.upsert([0, 9], np.ones((2, 3)), tags={"year": [8, 9]})
    with pytest.raises(OSError, match="full"):
        index.delete([0])
    assert index.ids.tolist() == [0, 1, 2]
    assert index.tags([0, 1, 2]) == {"year": [1, 2, 3]}
    assert 9 not in index
    index.failing = False  # type: ignore[attr-defined]
    index.upsert([0, 9], np.ones((2, 3)), tags={"year": [8, 9]})
    assert index.tags([0, 9]) == {"year": [8, 9]}
    assert set(index.search(np.ones(3), k=2).ids.tolist()) == {0, 9}


def test_a_mapped_index_is_not_changed_and_says_what_would_do(tmp_path: Any) -> None:
    build(np.eye(3, dtype=np.float32), metric="cosine").save(tmp_path / "file")
    mapped = load(tmp_path / "file")
    for change in (lambda: mapped.upsert([1], np.ones((1, 3))), lambda: mapped.delete([1]), mapped.rebalance):
        with pytest.raises(OSError, match=r"leafscan\.open\(folder, index\)"):
            change()
    copy = load(tmp_path / "file", memory=True)
    copy.delete([1])
    assert copy.ids.tolist() == [0, 2]
    assert mapped.ids.tolist() == [0, 1, 2]


def test_an_index_may_be_emptied_but_not_saved_so(tmp_path: Any) -> None:
    index = build(rows(0, 100), metric="cosine", config=PLANS["leaves"][1])
    index.delete(index.ids)
    assert len(index) == 0
    assert index.search(rows(1, 2), k=2).ids.tolist() == [[-1, -1], [-1, -1]]
    assert index.health().vectors == 0
    with pytest.raises(ValueError, match="without any vector cannot be written"):
        index.save(tmp_path / "file")
    assert not (tmp_path / "file").exists()
    index.upsert([5], rows(2, 1))
    index.save(tmp_path / "file")
    assert load(tmp_path / "file").search(rows(1, 1)[0], k=2).ids.tolist() == [5, -1]


def test_every_search_is_of_one_version() -> None:
    # All vectors of a version have the same length, its number: what a search finds must be of one length.
    config = Config(
        tree=Tree(num_leaves=8),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=8, candidates=1_000),
    )
    directions = rows(0, 200)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    index = build(directions, metric="squared_l2", config=config)
    deny = index.filter(deny=[0, 1])
    stop = threading.Event()
    wrong: list[Any] = []

    def search() -> None:
        query = np.zeros((40, DIM), np.float32)  # |q - x|^2 is the squared length of x
        while not stop.is_set():
            for found in (
                index.search(query, k=50),
                index.search(query[0], k=50, filter=deny),
                index.search(query[:2], k=9, deny=[[5], [6]]),
            ):
                if not np.allclose(found.scores, found.scores.flat[0], rtol=1e-3):
                    wrong.append(found)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version in range(2, 120):
        index.upsert(np.arange(200), directions * version)
        if version == 60:
            index.rebalance()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_memory_stays_when_the_same_ids_come_again_and_again() -> None:
    names = [f"n{i}" for i in range(500)]
    index = build(rows(0, 500), metric="cosine", config=PLANS["leaves"][1], ids=names)
    for step in range(5):
        index.upsert(names[:200], rows(step, 200))
    held, nbytes = (len(index._living._names), index._living.searcher.row_end), index.nbytes
    for step in range(100):
        index.upsert(names[:200], rows(step, 200))
    assert (len(index._living._names), index._living.searcher.row_end) == held
    assert index.nbytes < 1.2 * nbytes


def test_updates_wait_for_no_rebalance() -> None:
    index = build(rows(0, 400), metric="cosine", config=PLANS["leaves"][1])
    seen: list[str] = []

    def during(stage: str, _done: int, _total: int) -> None:
        if not seen:
            index.upsert([9_999], rows(5, 1))
            index.delete([3])
            assert index.search(rows(5, 1)[0], k=1).ids[0] == 9_999
        seen.append(stage)

    index.rebalance(progress=during)
    assert seen
    assert 9_999 in index
    assert 3 not in index
    assert index.search(rows(5, 1)[0], k=1).ids[0] == 9_999
    assert len(index) == 400


def test_a_rebalance_at_a_time() -> None:
    index = build(rows(0, 400), metric="cosine", config=PLANS["leaves"][1])

    def during(_stage: str, _done: int, _total: int) -> None:
        with pytest.raises(RuntimeError, match="another thread is rebalancing"):
            index.rebalance()

    index.rebalance(progress=during)


def test_membership() -> None:
    index = build(np.eye(3, dtype=np.float32), metric="cosine")
    assert 0 in index
    assert np.int64(2) in index
    for other in (3, -1, 2**63, "0", None, True, 0.0):
        assert other not in index
    index.delete([0])
    index.upsert([2**62], np.ones((1, 3)))
    assert 0 not in index
    assert 2**62 in index
    assert list(index) == [1, 2, 2**62]
    strings = build(np.eye(2, dtype=np.float32), metric="cosine", ids=["a", "b"])
    assert "a" in strings
    assert 0 not in strings
