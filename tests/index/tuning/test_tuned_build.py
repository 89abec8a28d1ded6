"""build(recall=...): what it promises is held against exact answers in float64, on queries of its own."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Index, Reorder, SearchParams, Tree
from leafscan.index.tuning.structure import built, with_rows

N, DIM, K = 8_000, 24, 10
METRICS = ("dot_product", "cosine", "squared_l2")


def clustered(n: int, seed: int) -> NDArray[np.float32]:
    centers = np.random.default_rng(0).normal(size=(160, DIM))
    rng = np.random.default_rng(seed)
    spread = rng.normal(size=(n, DIM)) * np.linspace(1.0, 0.3, DIM)
    return (centers[rng.integers(len(centers), size=n)] + 0.8 * spread).astype(np.float32)


def exact(vectors: NDArray[np.float32], queries: NDArray[np.float32], metric: str) -> NDArray[np.int64]:
    x, q = vectors.astype(np.float64), queries.astype(np.float64)
    if metric == "squared_l2":
        scores = 2 * q @ x.T - (x * x).sum(axis=1)
    else:
        scores = q @ (x / np.linalg.norm(x, axis=1, keepdims=True) if metric == "cosine" else x).T
    return np.argsort(-scores, axis=1)[:, :K]


def found(index: Index, vectors: NDArray[np.float32], metric: str, **search: Any) -> float:
    queries = clustered(1_500, seed=9)
    truth = exact(vectors, queries, metric)
    ids = index.search(queries, k=K, **search).ids
    return float(np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(ids, truth, strict=True)]))


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    return clustered(N, seed=1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("recall", [0.8, 0.95, 0.99])
def test_fresh_queries_find_what_was_promised(
    vectors: NDArray[np.float32], metric: str, recall: float
) -> None:
    index = leafscan.build(vectors, metric=metric, recall=recall, k=K)
    tuning = index.tuning
    assert tuning is not None
    assert tuning.point.low >= recall
    assert tuning.point.params == index.config.search
    assert found(index, vectors, metric) >= recall - 0.01
    assert sum(trial.chosen for trial in tuning.trials) == 1
    assert any(str(tuning.curve.queries) in note.replace(",", "") for note in tuning.notes)
    assert ("give queries=" in tuning.notes[0]) == (metric == "dot_product")


def test_the_callers_queries_are_what_counts(vectors: NDArray[np.float32]) -> None:
    # They ask where no vector is: by the vectors themselves the recall would be promised too cheaply.
    rng = np.random.default_rng(5)
    far = 2.5 * rng.normal(size=(2_000, DIM)).astype(np.float32)
    index = leafscan.build(vectors, metric="squared_l2", recall=0.95, queries=far[:1_000])
    assert index.tuning is not None
    assert index.tuning.curve.given
    assert any("would not have stood for them" in note for note in index.tuning.notes)
    truth = exact(vectors, far[1_000:], "squared_l2")
    ids = index.search(far[1_000:], k=K).ids
    assert np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(ids, truth, strict=True)]) >= 0.94
    easy = leafscan.build(vectors, metric="squared_l2", recall=0.95, queries=clustered(1_000, seed=7))
    assert easy.tuning is not None
    assert not any("would not" in note for note in easy.tuning.notes)


def test_the_plan_that_was_chosen_builds_the_same_index_again(
    vectors: NDArray[np.float32], tmp_path: Path
) -> None:
    index = leafscan.build(vectors, metric="cosine", recall=0.9, seed=4)
    again = leafscan.build(vectors, metric="cosine", config=index.config, seed=4)
    sections, same = index._contents.sections, again._contents.sections
    assert sections.keys() == same.keys()
    for name in sections:
        assert np.array_equal(sections[name], same[name]), name
    index.save(tmp_path / "a")
    loaded = leafscan.load(tmp_path / "a", memory=True)
    assert loaded.tuning == index.tuning
    assert loaded.config == index.config
    assert np.array_equal(
        loaded.search(vectors[:50], recall=0.8).ids, index.search(vectors[:50], recall=0.8).ids
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "reorder", [Reorder(dtype="bfloat16"), Reorder(dtype="int8"), Reorder(first_dtype="int8"), Reorder()]
)
def test_rows_that_are_kept_otherwise_are_what_a_build_makes(
    vectors: NDArray[np.float32], metric: Any, reorder: Reorder
) -> None:
    plan = Config(
        tree=Tree(num_leaves=30),
        score=AsymmetricHash(anisotropic_quantization_threshold=0.0),
        reorder=Reorder(),
        search=SearchParams(leaves=5, candidates=100),
    )
    plan = leafscan.build(vectors[:2_000], metric=metric, config=plan).config
    arguments: Any = {"metric": metric, "threads": 2}
    first = built(vectors[:2_000], plan, seed=0, progress=None, **arguments)
    other = with_rows(first, vectors[:2_000], reorder, **arguments)
    wanted = built(vectors[:2_000], other.config, seed=0, progress=None, **arguments)
    assert other.config.reorder == reorder
    assert other.sections.keys() == wanted.sections.keys()
    for name in wanted.sections:
        assert np.array_equal(other.sections[name], wanted.sections[name]), name


def test_few_vectors_and_a_recall_of_one_are_exact(vectors: NDArray[np.float32]) -> None:
    for index in (
        leafscan.build(vectors[:200], metric="cosine", recall=0.9),
        leafscan.build(vectors, metric="cosine", recall=1),
    ):
        assert index.config == Config(score=BruteForce())
        assert index.tuning is not None
        assert index.tuning.point.recall == index.tuning.point.low == 1
    assert found(index, vectors, "cosine") == 1.0


def test_a_given_plan_keeps_its_leaves_and_is_tuned(vectors: NDArray[np.float32]) -> None:
    plan = Config(tree=Tree(num_leaves=60), score=AsymmetricHash(), reorder=Reorder())
    index = leafscan.build(vectors, metric="cosine", config=plan, recall=0.9)
    assert index.config.tree is not None
    assert index.config.tree.num_leaves == 60
    assert index.tuning is not None
    assert len(index.tuning.trials) == 1
    assert found(index, vectors, "cosine") >= 0.89


def test_a_given_plan_that_cannot_be_exact_is_refused_a_recall_of_one(vectors: NDArray[np.float32]) -> None:
    plan = Config(tree=Tree(num_leaves=60), score=AsymmetricHash(), reorder=Reorder())
    with pytest.raises(ValueError, match="a recall of 1 takes exact search: leave config out"):
        leafscan.build(vectors, metric="cosine", config=plan, recall=1)
    with pytest.raises(ValueError, match=r"it takes 2,703 queries .* there are 2,000"):
        leafscan.build(vectors[:2_000], metric="cosine", config=plan, recall=0.999)


def test_bytes_are_kept_within(vectors: NDArray[np.float32]) -> None:
    whole = leafscan.build(vectors, metric="cosine", recall=0.9)
    half = leafscan.build(vectors, metric="cosine", recall=0.9, max_bytes=N * DIM * 3)
    assert half.nbytes <= N * DIM * 3 < whole.nbytes
    assert half.config.row_dtype in ("bfloat16", "int8")
    assert found(half, vectors, "cosine") >= 0.89
    with pytest.raises(ValueError, match=r"no plan reaches a recall of 0\.99 within max_bytes"):
        leafscan.build(vectors, metric="cosine", recall=0.99, max_bytes=N * DIM)
    with pytest.raises(ValueError, match=r"exact search, which a recall of 1 takes .* more than max_bytes"):
        leafscan.build(vectors, metric="cosine", recall=1, max_bytes=1_000)


def test_time_is_kept_within(vectors: NDArray[np.float32]) -> None:
    with pytest.raises(
        ValueError, match=r"a recall of 0\.99 takes .* us a query here, and max_latency_us is 0\.01"
    ):
        leafscan.build(vectors, metric="cosine", recall=0.99, max_latency_us=0.01)
    assert leafscan.build(vectors, metric="cosine", recall=0.9, max_latency_us=1e6).tuning is not None
    with pytest.raises(ValueError, match="takes longer than max_build_s, 1e-05 s"):
        leafscan.build(vectors, metric="cosine", recall=0.9, max_build_s=1e-5)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"recall": 0.0}, "recall must be above 0"),
        ({"recall": 1.1}, "at most 1"),
        ({"recall": math.nan}, "recall must be"),
        ({"recall": 0.9, "k": 0}, "k must be"),
        ({"recall": 0.9, "confidence": 1.0}, "confidence must be"),
        ({"recall": 0.9, "queries": np.zeros((5, 3))}, r"queries must have the shape|24"),
        ({"recall": 0.9, "queries": np.full((500, DIM), np.nan)}, "query 0 holds NaN"),
        (
            {"recall": 0.99, "queries": np.ones((100, DIM))},
            "it takes 268 queries to show a recall of 0.99",
        ),
        ({"recall": 0.9, "max_bytes": 0}, "max_bytes must be"),
        ({"recall": 0.9, "max_latency_us": 0}, "max_latency_us must be"),
        ({"queries": np.ones((500, DIM))}, "say what recall= is wanted"),
        ({"max_bytes": 10}, "say what recall= is wanted"),
    ],
)
def test_what_cannot_be_is_refused(vectors: NDArray[np.float32], arguments: dict[str, Any], why: str) -> None:
    with pytest.raises((TypeError, ValueError), match=why):
        leafscan.build(vectors[:2_000], metric="cosine", **arguments)


def test_progress_is_told_and_can_end_it(vectors: NDArray[np.float32]) -> None:
    stages: list[str] = []

    def progress(stage: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        stages.append(stage)
        if len(stages) > 3 and stage == "tuning the search":
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        leafscan.build(vectors, metric="cosine", recall=0.9, progress=progress)
    assert "training the tree" in stages


def test_twins_and_zeros_are_no_obstacle() -> None:
    rng = np.random.default_rng(3)
    vectors = np.repeat(rng.normal(size=(300, DIM)), 10, axis=0).astype(np.float32)
    vectors[::7] = 0
    for metric in METRICS:
        index = leafscan.build(vectors, metric=metric, recall=0.9)
        assert index.tuning is not None
        assert index.tuning.point.low >= 0.9
