"""An index says what it is, why, and what a search of it costs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree

Matrix = NDArray[np.float32]
PLAN = Config(
    tree=Tree(num_leaves=12, soar_lambda=1.0),
    score=AsymmetricHash(pca_dimensions=8),
    reorder=Reorder(first_dtype="int8"),
    search=SearchParams(leaves=3, candidates=40),
)


@pytest.fixture(scope="module")
def rows() -> Matrix:
    rng = np.random.default_rng(0)
    made: Matrix = (rng.standard_normal((21_000, 8)) @ rng.standard_normal((8, 96))).astype(np.float32)
    return made


def by_part(explained: leafscan.Explanation) -> dict[str, leafscan.Choice]:
    return {choice.part: choice for choice in explained.choices}


def test_reasons_of_the_own_plan_have_figures(rows: Matrix) -> None:
    explained = leafscan.build(rows, metric="dot_product").explain()
    choices = by_part(explained)
    assert choices["tree.num_leaves"].by == "leafscan"
    assert "21,000 rows" in choices["tree.num_leaves"].why
    assert choices["score.pca_dimensions"].value == 8
    assert "of 96 principal components carry 0.88" in choices["score.pca_dimensions"].why
    assert choices["tree.avq_eta"].value == 4
    assert "norms differ by 0.2" in choices["tree.avq_eta"].why
    assert choices["tree.spherical"].value is False
    assert all(choice.by == "leafscan" for part, choice in choices.items() if choice.why)


def test_what_the_caller_gave_is_told_apart(vectors: Matrix) -> None:
    explained = leafscan.build(vectors, metric="cosine", config=PLAN).explain()
    choices = by_part(explained)
    assert choices["tree.soar_lambda"] == leafscan.Choice(
        part="tree.soar_lambda", value=1.0, by="caller", why=""
    )
    assert choices["search.leaves"].by == "caller"
    assert choices["tree.spherical"].by == "leafscan"
    assert "score.dtype" not in choices
    text = str(explained)
    assert "given by the caller: score = asymmetric_hash, tree.num_leaves = 12" in text
    assert "12 leaves, 4-bit codes, int8 and float32 reordering" in text.splitlines()[0]


def test_bytes_add_up(vectors: Matrix) -> None:
    more: dict[str, Any] = {"ids": np.arange(600), "tags": {"odd": [i % 2 for i in range(600)]}}
    for config in (None, PLAN, Config(tree=Tree(num_leaves=9))):
        index = leafscan.build(vectors, metric="squared_l2", config=config, **more)
        index.upsert([600, 601], vectors[:2])
        explained = index.explain()
        assert explained.nbytes == index.nbytes == sum(explained.bytes_by_part.values())
        assert explained.bytes_by_part["updates"] > 0


def test_steps_are_those_of_the_plan(vectors: Matrix) -> None:
    names = {
        "exact": (Config(), ["score"]),
        "leaves": (Config(tree=Tree(num_leaves=12)), ["route", "score"]),
        "codes": (Config(score=AsymmetricHash(), reorder=Reorder()), ["scan", "select", "reorder"]),
        "all": (PLAN, ["route", "scan", "select", "reorder first", "reorder"]),
        "no rows": (Config(tree=Tree(num_leaves=12), score=AsymmetricHash()), ["route", "scan", "select"]),
    }
    for config, steps in names.values():
        explained = leafscan.build(vectors, metric="cosine", config=config).explain()
        assert [step.name for step in explained.steps] == steps
        if config.row_dtype is None:
            assert explained.latency_us is None
            assert all(step.microseconds is None for step in explained.steps)
        else:
            assert explained.latency_us is not None
            assert sum(step.microseconds or 0 for step in explained.steps) <= explained.latency_us
    first, last = explained_steps = leafscan.build(vectors, metric="cosine", config=PLAN).explain().steps[-2:]
    assert (first.count, last.count) == (40, 20)
    assert explained_steps[0].nbytes == 40 * 24


def test_a_file_does_not_tell_who_chose(rows: Matrix, tmp_path: Path) -> None:
    leafscan.build(rows, metric="cosine").save(tmp_path / "one")
    explained = leafscan.load(tmp_path / "one").explain()
    choices = by_part(explained)
    assert {choice.by for choice in explained.choices} == {"unknown"}
    assert "4 times" in choices["tree.num_leaves"].why or "one for 40" in choices["tree.num_leaves"].why
    assert "as leafscan chooses:" in str(explained)
    leafscan.build(rows, metric="cosine", config=Config(tree=Tree(num_leaves=7, spherical=False))).save(
        tmp_path / "two"
    )
    choices = by_part(leafscan.load(tmp_path / "two").explain())
    assert choices["tree.num_leaves"].why == ""
    assert choices["tree.spherical"].why == ""


def test_tuning_is_told(rows: Matrix) -> None:
    index = leafscan.build(rows, metric="cosine", recall=0.9)
    explained = index.explain()
    assert by_part(explained)["search.leaves"].by == "tuning"
    assert by_part(explained)["tree.num_leaves"].by == "leafscan"
    assert explained.tuning[0].startswith("recall@10 ")
    assert any("chosen: " in line for line in explained.tuning)
    assert "chosen by measuring: " in str(explained)


def test_rebalancing_keeps_the_reasons(rows: Matrix) -> None:
    index = leafscan.build(rows, metric="cosine")
    index.delete(index.ids[:14_000])
    index.rebalance()
    choice = by_part(index.explain())["tree.num_leaves"]
    assert choice.by == "leafscan"
    assert "scaled by the square root to 7,000 rows" in choice.why


def test_it_goes_to_a_dictionary_and_is_short(rows: Matrix) -> None:
    explained = leafscan.build(rows, metric="cosine").explain()
    said = json.loads(json.dumps(explained.to_dict()))
    assert said["choices"][0]["part"] == "score"
    assert said["steps"][0]["name"] == "route"
    assert 10 <= len(str(explained).splitlines()) <= 22
