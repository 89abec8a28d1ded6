"""tune and search(recall=...) of an index that lives."""

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Index, OutOfDistributionWarning, Reorder, SearchParams, Tree
from leafscan.index.tuning.retune import retuned

N, DIM = 4_000, 16

PLAN = Config(tree=Tree(num_leaves=60), score=AsymmetricHash(), reorder=Reorder())


def drawn(n: int, seed: int) -> NDArray[np.float32]:
    centers = np.random.default_rng(0).normal(size=(80, DIM))
    rng = np.random.default_rng(seed)
    return (centers[rng.integers(80, size=n)] + 0.5 * rng.normal(size=(n, DIM))).astype(np.float32)


@pytest.fixture
def index() -> Index:
    return leafscan.build(drawn(N, 1), metric="cosine", config=PLAN, ids=[f"n{i}" for i in range(N)])


def recall(index: Index, queries: NDArray[np.float32], **search: object) -> float:
    rows = index.vectors(index.ids).astype(np.float64)
    scores = queries.astype(np.float64) @ rows.T
    truth = index.ids[np.argsort(-scores, axis=1)[:, :10]]
    ids = index.search(queries, k=10, **search).ids  # type: ignore[arg-type]
    return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(ids, truth, strict=True)]))


def test_it_becomes_the_default_and_the_rest_stays(index: Index) -> None:
    before = index.config
    tuning = index.tune(recall=0.9)
    assert index.tuning is tuning
    assert index.config.search == tuning.point.params != before.search
    assert (index.config.tree, index.config.score, index.config.reorder) == (
        before.tree,
        before.score,
        before.reorder,
    )
    fresh = drawn(1_000, 5)
    assert recall(index, fresh) >= 0.89
    assert np.array_equal(index.search(fresh).ids, index.search(fresh, params=tuning.point.params).ids)


def test_updates_are_seen(index: Index) -> None:
    index.delete(index.ids[:500].tolist())
    index.upsert([f"m{i}" for i in range(1_000)], drawn(1_000, 2))
    index.tune(recall=0.95)
    assert recall(index, drawn(800, 6)) >= 0.94


def test_a_search_by_recall_follows_the_curve(index: Index) -> None:
    tuning = index.tune(drawn(1_500, 3), recall=0.8)
    assert tuning.curve.given
    fresh = drawn(1_000, 6)
    for asked in (0.7, 0.9, 0.97):
        point = tuning.curve.at(asked)
        assert np.array_equal(
            index.search(fresh, recall=asked).ids, index.search(fresh, params=point.params).ids
        )
        assert recall(index, fresh, recall=asked) >= asked - 0.01
    assert tuning.curve.at(0.7).latency_us < tuning.curve.at(0.97).latency_us
    assert index.search(fresh[0], k=3, recall=0.9).ids.shape == (3,)


def test_what_a_search_by_recall_cannot_do_is_said(index: Index) -> None:
    query = drawn(1, 6)
    with pytest.raises(ValueError, match="which this index does not have"):
        index.search(query, recall=0.9)
    index.tune(recall=0.8)
    with pytest.raises(ValueError, match="give one of them"):
        index.search(query, recall=0.9, params=SearchParams(leaves=3))
    with pytest.raises(ValueError, match=r"measured for k up to 10; received k = 11"):
        index.search(query, k=11, recall=0.8)
    with pytest.raises(ValueError, match="recall must be above 0"):
        index.search(query, recall=0.0)
    with pytest.raises(ValueError, match="was not reached"):
        index.search(query, recall=0.999999)


def test_queries_of_another_kind_are_told(index: Index) -> None:
    index.tune(recall=0.9)
    strange = np.random.default_rng(8).normal(size=(100, DIM)).astype(np.float32)
    rows = index.vectors(index.ids)
    many = np.random.default_rng(8).normal(size=(5_000, DIM)).astype(np.float32)
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    farthest = many[np.argmin(np.partition(many @ rows.T, -10, axis=1)[:, -10])]
    with pytest.warns(OutOfDistributionWarning, match=r"of another kind, and may have less recall"):
        index.search(strange, recall=0.9)
    with pytest.warns(OutOfDistributionWarning, match=r"farther .* than any of the queries") as told:
        index.search(100 * farthest, recall=0.9)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        index.search(drawn(300, 9), recall=0.9)
        index.search(strange)
        index.search(strange, recall=0.9, filter=index.filter(allow=index.ids[:30]))


def test_what_is_out_of_reach_changes_nothing(index: Index) -> None:
    before = index.config
    with pytest.raises(ValueError, match="a recall of 1 takes exact search"):
        index.tune(recall=1)
    with pytest.raises(ValueError, match=r"it takes 268 queries to show a recall of 0\.99"):
        index.tune(drawn(100, 3), recall=0.99)
    with pytest.raises(ValueError, match=r"max_latency_us is 0\.001; nothing that was measured is as quick"):
        index.tune(recall=0.9, max_latency_us=0.001)
    assert index.config == before
    assert index.tuning is None
    few = Config(tree=Tree(num_leaves=60), score=AsymmetricHash())
    with pytest.raises(ValueError, match="keeps no rows"):
        leafscan.build(drawn(N, 1), metric="cosine", config=few).tune(recall=0.9)


def test_a_mapped_file_can_be_tuned_and_saved_again(index: Index, tmp_path: Path) -> None:
    index.save(tmp_path / "a")
    mapped = leafscan.load(tmp_path / "a")
    assert mapped.tuning is None
    tuning = mapped.tune(recall=0.9)
    mapped.save(tmp_path / "b")
    assert leafscan.load(tmp_path / "a").tuning is None
    again = leafscan.load(tmp_path / "b")
    assert again.tuning == tuning
    assert again.config.search == tuning.point.params


def test_a_catalogue_keeps_it_from_the_next_checkpoint_on(index: Index, tmp_path: Path) -> None:
    with leafscan.open(tmp_path / "c", index) as catalogue:
        tuning = catalogue.tune(recall=0.9)
    with leafscan.open(tmp_path / "c") as catalogue:
        assert catalogue.tuning is None
        tuning = catalogue.tune(recall=0.9)
        catalogue.checkpoint()
        snapshot = sorted(file.name for file in (tmp_path / "c").glob("snapshot-*"))
        catalogue.checkpoint()
        assert sorted(file.name for file in (tmp_path / "c").glob("snapshot-*")) == snapshot
    with leafscan.open(tmp_path / "c") as catalogue:
        assert catalogue.tuning == tuning
        assert catalogue.config.search == tuning.point.params


def test_rebalancing_keeps_it_for_the_same_plan_only(index: Index) -> None:
    tuning = index.tune(recall=0.9)
    index.rebalance()
    assert index.tuning == tuning
    index.rebalance(config=Config(tree=Tree(num_leaves=30), score=AsymmetricHash(), reorder=Reorder()))
    assert index.tuning is None


def test_a_rebalance_in_between_is_said(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:

    measured = retuned

    def then_rebalanced(*args: object, **kwargs: object) -> object:
        result = measured(*args, **kwargs)  # type: ignore[arg-type]
        index.rebalance()
        return result

    monkeypatch.setattr("leafscan.index.tunable.retuned", then_rebalanced)
    with pytest.raises(RuntimeError, match="rebalanced while it was tuned"):
        index.tune(recall=0.9)


def test_searches_go_on_meanwhile(index: Index) -> None:
    stop = threading.Event()
    wrong: list[BaseException] = []
    query = drawn(1, 6)[0]

    def search() -> None:
        try:
            while not stop.is_set():
                assert len(index.search(query).ids) == 10
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    index.tune(recall=0.9)
    stop.set()
    thread.join()
    assert not wrong


def test_an_exact_index_has_nothing_to_tune_but_its_time() -> None:
    index = leafscan.build(drawn(500, 1), metric="squared_l2")
    tuning = index.tune(recall=1)
    assert tuning.point.recall == 1
    assert index.search(drawn(1, 2), recall=1).ids.shape == (1, 10)
