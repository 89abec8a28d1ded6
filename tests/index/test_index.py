import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import (
    AsymmetricHash,
    BruteForce,
    Config,
    Index,
    Reorder,
    SearchParams,
    SearchResult,
    Tree,
    build,
)
from leafscan.index.threads import VARIABLE

Matrix = NDArray[np.float32]
Exact = Callable[[Matrix, Matrix, str], NDArray[np.float64]]

METRICS = ["dot_product", "cosine", "squared_l2"]


def assert_best(result: SearchResult, scores: NDArray[np.float64], metric: str, k: int) -> None:
    """Hold a batch's result to the exact scores of all rows, ids being positions."""
    sign = 1 if metric == "squared_l2" else -1
    best = sign * np.sort(sign * scores, axis=1)[:, :k]
    scale = np.abs(scores).max()
    assert result.ids.shape == result.scores.shape == (len(scores), k)
    assert result.ids.dtype == np.int64
    assert result.scores.dtype == np.float32
    np.testing.assert_allclose(result.scores, best, rtol=1e-5, atol=1e-5 * scale)
    # Each id has the score that stands beside it, and none is there twice.
    np.testing.assert_allclose(
        np.take_along_axis(scores, result.ids, axis=1), result.scores, rtol=1e-5, atol=1e-5 * scale
    )
    assert all(len(set(row)) == k for row in result.ids.tolist())


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(tree=Tree(num_leaves=12), search=SearchParams(leaves=12)),
        Config(score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(candidates=600)),
        None,
    ],
    ids=["exact", "tree", "codes", "default"],
)
def test_finds_the_best(
    vectors: Matrix, queries: Matrix, exact: Exact, metric: str, config: Config | None
) -> None:
    index = build(vectors, metric=metric, config=config)
    assert_best(index.search(queries, k=10), exact(vectors, queries, metric), metric, 10)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_finds_the_best_with_every_part(
    vectors: Matrix, queries: Matrix, exact: Exact, whole: Config, metric: str, scale: float
) -> None:
    rows, points = vectors * np.float32(scale), queries * np.float32(scale)
    index = build(rows, metric=metric, config=whole)
    assert_best(index.search(points, k=10), exact(rows, points, metric), metric, 10)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("tree", [None, Tree(num_leaves=6)])
@pytest.mark.parametrize("dim", [24, 23])
def test_codes_alone_come_near(
    vectors: Matrix, queries: Matrix, exact: Exact, metric: str, tree: Tree | None, dim: int
) -> None:
    config = Config(
        tree=tree, score=AsymmetricHash(), search=SearchParams(leaves=6) if tree else SearchParams()
    )
    rows, points = vectors[:, :dim].copy(), queries[:, :dim].copy()
    index = build(rows, metric=metric, config=config)
    result = index.search(points, k=10)
    scores = exact(rows, points, metric)
    true = np.argsort(scores if metric == "squared_l2" else -scores, axis=1)[:, :10]
    recall = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(result.ids, true, strict=True)])
    assert recall > 0.5
    error = result.scores - np.take_along_axis(scores, result.ids, axis=1)
    assert np.abs(error).mean() < 0.5 * scores.std()


@pytest.mark.parametrize("metric", METRICS)
def test_one_query_a_batch_and_any_threads_agree(vectors: Matrix, queries: Matrix, metric: str) -> None:
    config = Config(
        tree=Tree(num_leaves=12),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=4, candidates=30),
    )
    index = build(vectors, metric=metric, config=config)
    batch = index.search(queries, k=7)
    for threads in (1, 2, 3):
        again = index.search(queries, k=7, threads=threads)
        np.testing.assert_array_equal(again.ids, batch.ids)
        np.testing.assert_array_equal(again.scores, batch.scores)
    for row, query in enumerate(queries):
        one = index.search(query, k=7)
        assert one.ids.shape == one.scores.shape == (7,)
        np.testing.assert_array_equal(one.ids, batch.ids[row])
        np.testing.assert_array_equal(one.scores, batch.scores[row])


def test_many_threads_may_search_one_index(vectors: Matrix, queries: Matrix, whole: Config) -> None:
    index = build(vectors, metric="cosine", config=whole)
    batch = index.search(queries, k=5)
    params = [None, SearchParams(leaves=12), SearchParams(candidates=600), whole.search]

    def one(turn: int) -> bool:
        row = turn % len(queries)
        ids = index.search(queries[row], k=5, params=params[turn % 4]).ids
        return bool((ids == batch.ids[row]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(400)))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("ids", [None, [5, 7, 9], ["a", "b", "c"]], ids=["positions", "integers", "strings"])
def test_what_cannot_be_had_is_padded(vectors: Matrix, metric: str, ids: Any) -> None:
    index = build(vectors[:3], metric=metric, ids=ids)
    result = index.search(vectors[0], k=5)
    none = "" if isinstance(ids, list) and isinstance(ids[0], str) else -1
    assert sorted(result.ids[:3].tolist()) == (ids or [0, 1, 2])
    assert result.ids[3:].tolist() == [none, none]
    assert (result.scores[3:] == (np.inf if metric == "squared_l2" else -np.inf)).all()
    assert np.isfinite(result.scores[:3]).all()


def test_a_leaf_may_hold_fewer_than_k(vectors: Matrix) -> None:
    config = Config(tree=Tree(num_leaves=300), search=SearchParams(leaves=1))
    result = build(vectors, metric="squared_l2", config=config).search(vectors, k=200)
    assert (result.ids[:, -1] == -1).all()
    assert (result.ids[:, 0] >= 0).mean() > 0.9


@pytest.mark.parametrize("config", [Config(), Config(score=AsymmetricHash(), reorder=Reorder())])
def test_ties_go_to_the_lower_row(config: Config) -> None:
    vectors = np.tile(np.array([[1.0, 2.0, 3.0, 4.0]], np.float32), (100, 1))
    result = build(vectors, metric="dot_product", config=config).search(vectors[0], k=10)
    assert result.ids.tolist() == list(range(10))


@pytest.mark.parametrize("config", [Config(), Config(score=AsymmetricHash(), reorder=Reorder())])
def test_zero_vectors_have_cosine_zero(vectors: Matrix, config: Config) -> None:
    rows = vectors.copy()
    rows[5] = 0
    index = build(rows, metric="cosine", config=config)
    ids, scores = index.search(vectors[0], k=600)
    assert scores[ids == 5] == 0
    assert np.abs(scores).max() <= 1 + 1e-6
    assert (index.search(np.zeros(24), k=600).scores == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 24), (33, 1), (40, 3)])
@pytest.mark.parametrize("metric", METRICS)
def test_small_shapes(exact: Exact, shape: tuple[int, int], metric: str) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal(shape).astype(np.float32)
    queries = rng.standard_normal((4, shape[1])).astype(np.float32)
    every = Config(
        tree=Tree(num_leaves=1),
        score=AsymmetricHash(dimensions_per_block=1),
        reorder=Reorder(),
        search=SearchParams(leaves=1, candidates=100),
    )
    for config in (Config(), every):
        result = build(vectors, metric=metric, config=config).search(queries, k=1)
        assert_best(result, exact(vectors, queries, metric), metric, 1)


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.float64,
        np.asfortranarray,
        lambda q: np.repeat(q, 2, axis=-1)[..., ::2],
        lambda q: q.tolist(),
        lambda q: pytest.importorskip("torch").tensor(q),
        lambda q: pytest.importorskip("jax").numpy.asarray(q),
    ],
    ids=["float32", "float64", "fortran", "strided", "list", "torch", "jax"],
)
def test_any_array_may_ask(vectors: Matrix, queries: Matrix, convert: Callable[[Any], Any]) -> None:
    index = build(convert(vectors), metric="dot_product")
    expected = build(vectors, metric="dot_product").search(queries, k=3)
    np.testing.assert_array_equal(index.search(convert(queries), k=3).ids, expected.ids)
    np.testing.assert_array_equal(index.search(convert(queries[0]), k=3).ids, expected.ids[0])
    assert type(index.search(convert(queries[0]), k=3).ids) is np.ndarray


@pytest.mark.parametrize("ids", [None, "strings"])
def test_an_empty_batch_gives_an_empty_result(vectors: Matrix, ids: str | None) -> None:
    index = build(vectors, metric="cosine", ids=None if ids is None else [f"v{i}" for i in range(600)])
    result = index.search(np.zeros((0, 24), np.float32), k=4)
    assert result.ids.shape == result.scores.shape == (0, 4)


def test_a_result_is_a_named_tuple(vectors: Matrix) -> None:
    ids, scores = result = build(vectors, metric="cosine").search(vectors[0])
    assert type(result) is SearchResult
    assert result.ids is ids
    assert result.scores is scores
    assert len(ids) == 10


def test_integer_ids_come_back(vectors: Matrix, whole: Config) -> None:
    ids = np.random.default_rng(0).permutation(600).astype(np.uint32) * 7
    plain = build(vectors, metric="cosine", config=whole).search(vectors[:9], k=4)
    index = build(vectors, metric="cosine", config=whole, ids=ids)
    result = index.search(vectors[:9], k=4)
    assert result.ids.dtype == np.int64
    np.testing.assert_array_equal(result.ids, ids[plain.ids])
    np.testing.assert_array_equal(index.ids, ids)
    assert index.ids.dtype == np.int64


def test_string_ids_come_back(vectors: Matrix, whole: Config) -> None:
    ids = np.array([f"фильм {i}" for i in np.random.default_rng(0).permutation(600)])
    plain = build(vectors, metric="cosine", config=whole).search(vectors[:9], k=4)
    index = build(vectors, metric="cosine", config=whole, ids=ids)
    np.testing.assert_array_equal(index.search(vectors[:9], k=4).ids, ids[plain.ids])
    np.testing.assert_array_equal(index.search(vectors[0], k=4).ids, ids[plain.ids[0]])
    np.testing.assert_array_equal(index.ids, ids)


def test_positions_are_the_default_ids(vectors: Matrix) -> None:
    assert build(vectors, metric="cosine").ids.tolist() == list(range(600))


def test_params_widen_a_search(vectors: Matrix, queries: Matrix, exact: Exact) -> None:
    config = Config(
        tree=Tree(num_leaves=12),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=1, candidates=10),
    )
    index = build(vectors, metric="cosine", config=config)
    truth = exact(vectors, queries, "cosine")
    narrow, wide = (
        index.search(queries),
        index.search(queries, params=SearchParams(leaves=12, candidates=600)),
    )
    assert_best(wide, truth, "cosine", 10)
    assert narrow.scores.sum() < wide.scores.sum()
    # None in them is the index's own default, and so are no params.
    same = index.search(queries, params=SearchParams())
    np.testing.assert_array_equal(same.ids, narrow.ids)
    given = SearchParams(leaves=1, candidates=20)
    for _ in range(2):
        np.testing.assert_array_equal(
            index.search(queries, params=given).ids,
            index.search(queries, params=SearchParams(leaves=1, candidates=20)).ids,
        )
        np.testing.assert_array_equal(
            index.search(queries[3], params=given).ids, index.search(queries, params=given).ids[3]
        )
    np.testing.assert_array_equal(index.search(queries).ids, narrow.ids)
    leaves_only = index.search(queries, params=SearchParams(leaves=12))
    assert narrow.scores.sum() <= leaves_only.scores.sum() <= wide.scores.sum()


def test_too_few_candidates_are_raised_to_k(vectors: Matrix, whole: Config) -> None:
    index = build(vectors, metric="cosine", config=whole)
    result = index.search(vectors[0], k=50, params=SearchParams(candidates=1))
    assert (result.ids >= 0).all()


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"k": 0}, ValueError, "k must be between 1 and 2147483647; received 0"),
        ({"k": -5}, ValueError, "received -5"),
        ({"k": 2**40}, ValueError, "k must be between"),
        (
            {"k": True},
            TypeError,
            r"k must be a whole number, between 1 and 2147483647; received True \(bool\)",
        ),
        ({"k": 2.0}, TypeError, "k must be a whole number"),
        ({"threads": 0}, ValueError, "threads must be between 1 and"),
        ({"threads": "2"}, TypeError, "threads must be a whole number"),
        ({"params": {"leaves": 2}}, TypeError, r"params must be a SearchParams or None; received .*\(dict\)"),
        (
            {"params": SearchParams(leaves=13)},
            ValueError,
            "params.leaves must be between 1 and the tree's 12",
        ),
    ],
)
def test_bad_arguments_get_a_sentence(
    vectors: Matrix, whole: Config, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    index = build(vectors, metric="cosine", config=whole)
    for queries in (vectors[0], vectors[:2]):
        with pytest.raises(error, match=sentence):
            index.search(queries, **options)
        assert index.search(queries, k=1).ids.size == queries.size // 24


def test_params_that_the_plan_cannot_use_get_a_sentence(vectors: Matrix) -> None:
    index = build(vectors, metric="cosine")
    with pytest.raises(ValueError, match=r"params.leaves is 3, but there is no tree"):
        index.search(vectors[0], params=SearchParams(leaves=3))
    with pytest.raises(
        ValueError, match=r"params.candidates is 3, but nothing is reordered: .* exact already"
    ):
        index.search(vectors[0], params=SearchParams(candidates=3))
    # A refusal is not remembered as what was allowed.
    with pytest.raises(ValueError, match="no tree"):
        index.search(vectors[0], params=SearchParams(leaves=3))


@pytest.mark.parametrize(("kind", "number"), [(np.int64, 3), (np.uint8, 3), (int, 3)])
def test_numpy_integers_are_counts(vectors: Matrix, kind: type, number: int) -> None:
    index = build(vectors, metric="cosine")
    assert index.search(vectors[0], k=kind(number), threads=kind(2)).ids.shape == (3,)


def test_bad_queries_get_a_sentence(vectors: Matrix, queries: Matrix) -> None:
    index = build(vectors, metric="cosine")
    spoilt = queries.copy()
    spoilt[[3, 9], 1] = np.nan
    with pytest.raises(ValueError, match=r"^queries must be finite .* row 3\b"):
        index.search(spoilt)
    with pytest.raises(ValueError, match=r"^queries must be finite"):
        index.search(spoilt[3])
    with pytest.raises(ValueError, match=r"the index has 24 dimensions; received \(23,\)"):
        index.search(queries[0, :23])
    for asked in (queries, queries[0]):
        with pytest.raises(TypeError, match="queries must hold real numbers; received the dtype complex64"):
            index.search(asked.astype(np.complex64))


def test_the_variable_sets_the_threads_of_batches_alone(
    vectors: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = build(vectors, metric="cosine")
    monkeypatch.setenv(VARIABLE, "-1")
    assert index.search(vectors[0], k=1).ids.shape == (1,)
    assert index.search(vectors[:2], k=1, threads=1).ids.shape == (2, 1)
    with pytest.raises(ValueError, match="LEAFSCAN_NUM_THREADS"):
        index.search(vectors[:2], k=1)


def test_what_an_index_tells_of_itself(vectors: Matrix, whole: Config) -> None:
    index = build(vectors, metric="squared_l2", config=whole, seed=4)
    assert (len(index), index.dim, index.metric, index.seed) == (600, 24, "squared_l2", 4)
    assert whole.tree is not None
    assert index.config.tree == dataclasses.replace(whole.tree, spherical=False)
    assert isinstance(index.config.score, AsymmetricHash)
    assert index.config.score.anisotropic_quantization_threshold == 0.0
    assert repr(index).startswith(
        "<leafscan.Index: 600 x 24, squared_l2, 12 leaves, 4-bit codes, float32 reordering, "
    )
    assert repr(index).endswith(" kB>")
    # Rows, positions and half a byte for every two dimensions at least.
    assert index.nbytes > 600 * (24 * 4 + 4 + 24 // 4)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (Config(), "600 x 24, cosine, exact, 60 kB"),
        (Config(tree=Tree(num_leaves=5)), "600 x 24, cosine, 5 leaves, exact, "),
        (Config(score=AsymmetricHash()), "600 x 24, cosine, 4-bit codes, "),
    ],
)
def test_the_plan_is_told_in_a_line(vectors: Matrix, config: Config, said: str) -> None:
    assert said in repr(build(vectors, metric="cosine", config=config))


def test_ids_count_as_bytes(vectors: Matrix) -> None:
    plain = build(vectors, metric="cosine").nbytes
    assert build(vectors, metric="cosine", ids=np.arange(600)).nbytes == plain + 600 * 8
    strings = build(vectors, metric="cosine", ids=[f"{i:03}" for i in range(600)])
    assert strings.nbytes == plain + 600 * 3 + 601 * 8


def test_an_index_is_read_only(vectors: Matrix) -> None:
    index = build(vectors, metric="cosine")
    with pytest.raises(AttributeError):
        index.dim = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        index.anything = 3  # type: ignore[attr-defined]
    assert isinstance(index, Index)
    assert index.config == Config(score=BruteForce())
