"""`leafscan.plan`: what it says holds for what is built then."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree

Matrix = NDArray[np.float32]
PLAN = Config(
    tree=Tree(num_leaves=100),
    score=AsymmetricHash(),
    reorder=Reorder(),
    search=SearchParams(leaves=10, candidates=50),
)


@pytest.fixture(scope="module")
def rows() -> Matrix:
    rng = np.random.default_rng(0)
    made: Matrix = (rng.standard_normal((24_000, 8)) @ rng.standard_normal((8, 32))).astype(np.float32)
    return made


@pytest.mark.parametrize("metric", ["cosine", "dot_product", "squared_l2"])
def test_bytes_and_plan_of_the_default(rows: Matrix, metric: str) -> None:
    told = leafscan.plan(24_000, 32, metric=metric, recall=None, sample=rows[::3])
    index = leafscan.build(rows, metric=metric)
    assert told.config.tree == index.config.tree
    assert told.config.search == index.config.search
    assert told.nbytes == pytest.approx(index.nbytes, rel=0.01)
    assert told.nbytes == sum(told.nbytes_by_section.values())
    assert told.recall is None
    assert told.sampled == 8_000
    assert {one.part for one in told.decisions} >= {"tree.num_leaves", "score", "search.leaves"}


def test_times_are_of_the_right_size(rows: Matrix) -> None:
    told = leafscan.plan(24_000, 32, metric="cosine", config=PLAN, sample=rows[::3])
    # Only that they are not off by far: tests run beside anything.
    assert 0.001 < told.build_seconds.low < told.build_seconds.expected < told.build_seconds.high < 60
    assert 1 < told.latency_us.low < told.latency_us.expected < told.latency_us.high < 100_000
    assert told.latency_us.expected in told.latency_us
    assert 2 * told.latency_us.high not in told.latency_us
    assert sum(told.latency_by_stage.values()) == pytest.approx(told.latency_us.expected)


def test_a_plan_is_taken_as_it_is(rows: Matrix) -> None:
    told = leafscan.plan(24_000, 32, metric="cosine", recall=0.5, config=PLAN)
    assert told.config.search == PLAN.search
    assert told.recall is None
    open_plan = Config(tree=PLAN.tree, score=PLAN.score, reorder=PLAN.reorder)
    told = leafscan.plan(24_000, 32, metric="cosine", recall=0.9, config=open_plan)
    assert told.recall == 0.9
    assert told.config.search.leaves is not None
    assert told.config.search.leaves < 10


def test_a_recall_of_a_sample_comes_about(rows: Matrix) -> None:
    told = leafscan.plan(24_000, 32, metric="cosine", recall=0.9, sample=rows[::2], queries=rows[1:400:2])
    assert told.recall == 0.9
    index = leafscan.build(rows, metric="cosine", config=told.config)
    best = leafscan.build(rows, metric="cosine", config=Config())
    asked = rows[1001:1400:2]
    wanted, found = best.search(asked).ids, index.search(asked).ids
    hits = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(wanted, found, strict=True)])
    assert 0.8 <= hits <= 0.99


def test_few_rows_are_scored_exactly() -> None:
    told = leafscan.plan(400, 8, metric="cosine", recall=0.9)
    assert told.config == Config()
    assert leafscan.plan(3_000, 32, metric="cosine", recall=0.9).config.tree is not None
    assert leafscan.plan(3_000, 32, metric="cosine", recall=None).config == Config()
    assert leafscan.plan(3_000, 32, metric="cosine", recall=1).config == Config()
    assert leafscan.plan(1, 1, metric="squared_l2").nbytes == 4 + 4 + 16


def test_strings_are_counted() -> None:
    plain = leafscan.plan(1_000, 8, metric="cosine")
    assert leafscan.plan(1_000, 8, metric="cosine", ids="integers").nbytes - plain.nbytes == 8_000
    strings = leafscan.plan(1_000, 8, metric="cosine", ids=["abc", "defgh"])
    assert strings.nbytes - plain.nbytes == 1_001 * 8 + 4_000


def test_it_goes_to_a_dictionary_and_to_text() -> None:
    told = leafscan.plan(30_000, 16, metric="cosine", recall=0.9)
    said = json.loads(json.dumps(told.to_dict()))
    assert Config.from_dict(said["config"]) == told.config
    assert said["build_seconds"]["low"] < said["build_seconds"]["high"]
    text = str(told)
    assert text.startswith("30,000 x 16, cosine, ")
    assert "search for recall@10 of 0.9: " in text
    assert any("give a sample" in note for note in told.notes)


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"n": 0}, ValueError, "n must be"),
        ({"metric": "hamming"}, ValueError, "metric"),
        ({"recall": 1.5}, ValueError, "recall must be above 0 and at most 1, or None; received 1.5"),
        ({"config": "tree"}, TypeError, "config must be a Config or None"),
        ({"config": Config(tree=Tree(num_leaves=200))}, ValueError, "200 leaves for 100 rows"),
        ({"sample": np.ones((5, 3), np.float32)}, ValueError, r"sample must have the shape \(m, 4\)"),
        ({"queries": np.ones((5, 4), np.float32)}, ValueError, "give a sample"),
        ({"ids": "strings"}, ValueError, "ids must be None"),
    ],
)
def test_what_is_wrong_is_refused(more: dict[str, Any], error: type[Exception], said: str) -> None:
    asked: dict[str, Any] = {"n": 100, "dim": 4, "metric": "cosine", **more}
    with pytest.raises(error, match=said):
        leafscan.plan(asked.pop("n"), asked.pop("dim"), **asked)
