"""What an evaluation says is what a search does, counted by hand."""

from typing import Any

import numpy as np
import pytest

import leafscan
from leafscan import AsymmetricHash, Config, OperatingPoint, Reorder, SearchParams, Tree
from leafscan.index.evaluation import frontier_of
from leafscan.index.evaluation.still import still
from leafscan.index.evaluation.truth import learn_truth, search_others
from leafscan.index.evaluation.worst import blame

RNG = np.random.default_rng(0)
CENTERS = RNG.normal(size=(60, 12))
VECTORS = (CENTERS[RNG.integers(60, size=3_000)] + RNG.normal(size=(3_000, 12))).astype(np.float32)
QUERIES = (CENTERS[RNG.integers(60, size=200)] + RNG.normal(size=(200, 12))).astype(np.float32)
METRICS = ["cosine", "dot_product", "squared_l2"]


def _index(metric: str, *, soar: float | None = None, ids: Any = None, **search: int) -> leafscan.Index:
    plan = Config(
        tree=Tree(num_leaves=60, soar_lambda=soar),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(**search),
    )
    return leafscan.build(VECTORS, metric=metric, config=plan, ids=ids)


@pytest.mark.parametrize("metric", METRICS)
def test_recall_is_the_share_of_exact_answers_that_a_search_finds(metric: str) -> None:
    index = _index(metric, leaves=3, candidates=20)
    found = leafscan.evaluate(index, QUERIES, k=10, progress=False)
    exact = leafscan.build(VECTORS, metric=metric).search(QUERIES, k=10).ids
    own = index.search(QUERIES, k=10).ids
    recalls = [len(set(one) & set(other)) / 10 for one, other in zip(own, exact, strict=True)]
    assert np.allclose(found.recalls, recalls)
    assert found.given
    assert found.queries == 200
    assert found.default.recall == pytest.approx(np.mean(recalls))
    assert found.default.low < found.default.recall < found.default.high
    assert found.default.params == index.config.search
    assert found.default in found.points
    worst = found.worst[0]
    assert isinstance(worst.query, int)
    assert worst.recall == found.recalls.min() == found.recalls[worst.query]
    missed = [int(one) for one in exact[worst.query] if one not in own[worst.query]]
    assert [one.id for one in worst.missed] == missed
    assert [exact[worst.query][one.rank - 1] for one in worst.missed] == missed
    assert found.unvisited + found.outscored == round(2_000 * (1 - found.default.recall))
    assert repr(found).startswith(f"<leafscan.Evaluation: recall@10 {found.default.recall:.3f} (")


@pytest.mark.parametrize("metric", METRICS)
def test_rows_are_never_their_own_answers(metric: str) -> None:
    names = [f"row {i}" for i in range(3_000)]
    index = _index(metric, ids=names, leaves=60, candidates=3_000)
    found = leafscan.evaluate(index, k=10, count=100, progress=False)
    assert not found.given
    assert found.queries == 100
    assert found.default.recall == 1.0
    assert found.worst == ()
    held = still(index)
    truth = learn_truth(held, None, k=10, count=100, seed=3, threads=1, report=None)
    assert not (truth.names == truth.itself[:, None]).any()
    rows = held.rows_of(truth.itself)
    assert np.array_equal(held.searcher.read_rows(rows.astype(np.uint32)), truth.queries)
    assert held.id_of(int(truth.itself[0])) in names


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("soar", [None, 1.5])
@pytest.mark.parametrize("updated", [False, True])
def test_blame_falls_on_leaves_or_on_codes(metric: str, soar: float | None, updated: bool) -> None:
    index = _index(metric, soar=soar, ids=np.arange(3_000) * 2 + 5, leaves=2, candidates=3_000)
    if updated:
        index.delete(index.ids[100:400])
        index.upsert(np.arange(40) * 2 + 6, VECTORS[:40] + 0.5)
    held = still(index)
    truth = learn_truth(held, QUERIES, k=10, count=1_000, seed=0, threads=1, report=None)
    nothing = np.zeros(truth.names.shape, np.bool_)
    visited = blame(held, truth, nothing)
    # Where all that is in the leaves is reordered, what is found is what lies in them, to the last one.
    hits = truth.hits(*search_others(held, truth, held.contents.config.search, 1))
    assert 0.05 < hits.mean() < 0.95
    assert np.array_equal(visited, hits)


def test_ties_count_whichever_was_found() -> None:
    vectors = np.repeat(np.eye(8, dtype=np.float32), 50, axis=0)
    plan = Config(
        tree=Tree(num_leaves=8), score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(leaves=1)
    )
    index = leafscan.build(vectors, metric="cosine", config=plan)
    assert leafscan.evaluate(index, k=10, count=400, progress=False).default.recall == 1.0


def test_score_errors_are_those_of_codes() -> None:
    index = _index("squared_l2", leaves=3, candidates=20)
    errors = leafscan.evaluate(index, QUERIES, k=5, progress=False).score_errors
    assert errors is not None
    assert errors.errors.shape == (1_000,)
    dropped = Config(tree=Tree(num_leaves=60), score=AsymmetricHash(), search=SearchParams(leaves=60))
    codes = leafscan.build(VECTORS, metric="squared_l2", config=dropped)
    exact = leafscan.build(VECTORS, metric="squared_l2").search(QUERIES[:1], k=5)
    everything = codes.search(QUERIES[:1], k=3_000)
    by_id = dict(zip(everything.ids[0].tolist(), everything.scores[0].tolist(), strict=True))
    wanted = [by_id[one] - score for one, score in zip(exact.ids[0].tolist(), exact.scores[0], strict=True)]
    assert np.allclose(np.sort(errors.errors[:5]), np.sort(wanted), atol=1e-4)
    distances = np.square(QUERIES[:, None, :] - VECTORS[None, ::3]).sum(axis=2)
    assert errors.spread == pytest.approx(distances.std(), rel=0.03)


def test_exact_search_has_one_point_and_no_leaves_or_codes() -> None:
    found = leafscan.evaluate(leafscan.build(VECTORS[:200], metric="dot_product"), k=10, progress=False)
    assert [point.recall for point in found.points] == [1.0]
    assert found.leaves is None
    assert found.score_errors is None
    assert found.queries == 200


def test_points_reach_from_quick_to_good() -> None:
    found = leafscan.evaluate(_index("cosine", leaves=4, candidates=40), QUERIES, k=10, progress=False)
    recalls = [point.recall for point in found.frontier]
    assert recalls == sorted(recalls)
    assert min(recalls) < found.default.recall < max(recalls)
    latencies = [point.latency_us for point in found.points]
    assert latencies == sorted(latencies)
    assert found.leaves is not None
    assert found.leaves.sizes.sum() == 3_000


def test_progress_and_the_sample() -> None:
    steps: list[str] = []
    found = leafscan.evaluate(
        _index("cosine", leaves=4, candidates=40),
        QUERIES,
        k=3,
        count=50,
        worst=2,
        progress=lambda what, done, total: steps.append(what),
    )
    assert list(dict.fromkeys(steps)) == [
        "finding exact answers",
        "measuring recall",
        "measuring time",
        "looking at what was missed",
    ]
    assert found.queries == 50
    assert len(found.worst) <= 2


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"k": 0}, "k must be between 1 and"),
        ({"k": 3_000}, "k must be below the number of rows that may be answers, 3,000; received 3000"),
        ({"count": 0}, "count must be"),
        ({"confidence": 1.0}, "confidence must be"),
        ({"queries": np.zeros((2, 3))}, "queries must have the shape"),
        ({"queries": np.zeros((0, 12))}, "at least one query"),
        ({"queries": np.full((2, 12), np.nan)}, "nan|NaN|finite"),
    ],
)
def test_what_cannot_be_is_refused(how: dict[str, Any], words: str) -> None:
    index = _index("cosine", leaves=4, candidates=40)
    with pytest.raises(ValueError, match=words):
        leafscan.evaluate(index, progress=False, **how)


def test_what_has_nothing_exact_is_refused() -> None:
    index = leafscan.build(VECTORS, metric="cosine", config=Config(score=AsymmetricHash()))
    with pytest.raises(ValueError, match="keeps no rows"):
        leafscan.evaluate(index)
    with pytest.raises(TypeError, match=r"index must be a leafscan\.Index"):
        leafscan.evaluate(VECTORS)


def test_queries_of_another_kind_are_told() -> None:
    index = _index("cosine", leaves=4, candidates=40)
    assert leafscan.evaluate(index, QUERIES, progress=False).farther is None
    index.tune(QUERIES, recall=0.8, progress=False)
    alike = leafscan.evaluate(index, QUERIES, progress=False).farther
    assert alike is not None
    assert alike < 0.1
    odd = leafscan.evaluate(index, RNG.normal(size=(200, 12)), progress=False).farther
    assert odd is not None
    assert odd > 0.25
    assert leafscan.evaluate(index, count=50, progress=False).farther is None
    assert leafscan.evaluate(index, QUERIES, k=3, progress=False).farther is None


def test_the_frontier_is_what_nothing_beats() -> None:
    def point(recall: float, latency: float) -> OperatingPoint:
        return OperatingPoint(
            params=SearchParams(), recall=recall, low=recall, high=recall, latency_us=latency
        )

    quick, good, slow, worse, same = point(0.5, 1), point(0.9, 3), point(0.9, 4), point(0.4, 2), point(0.6, 1)
    assert frontier_of([slow, good, worse, quick, same]) == (same, good)
    assert frontier_of([]) == ()
