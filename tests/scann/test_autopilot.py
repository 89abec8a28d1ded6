"""Autopilot picks leafscan's own plan, and says what it picked."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import leafscan
from leafscan import scann
from leafscan.scann.autopilot import choose
from leafscan.scann.config_text import ConfigText
from leafscan.scann.plan import plan, settings_of

KINDS = scann.ReorderType


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((21_000, 12)).astype(np.float32)


@pytest.mark.parametrize("measure", ["dot_product", "squared_l2"])
def test_it_is_leafscans_default_made_thorough(many: np.ndarray, measure: str) -> None:
    searcher = scann.scann_ops_pybind.builder(many, 10, measure).autopilot().build()
    default = leafscan.build(many, metric=measure).config
    assert default.search.candidates == 300
    search = dataclasses.replace(default.search, candidates=317, leaves=79)
    wanted = dataclasses.replace(default, search=search)
    assert searcher.index.config == wanted


def test_of_many_leaves_a_smaller_share_is_visited() -> None:
    rows = np.random.default_rng(5).standard_normal((700_000, 2)).astype(np.float32)
    config = choose(rows, "squared_l2", 10, "FLOAT32")
    assert config.tree is not None
    assert config.tree.num_leaves * 0.15 > 360
    assert config.search.leaves == 360


def test_more_neighbors_have_more_candidates_and_rows_are_as_small_as_asked(many: np.ndarray) -> None:
    begun = scann.scann_ops_pybind.builder(many, 100, "squared_l2")
    config = begun.autopilot(scann.IncrementalMode.ONLINE, KINDS.BFLOAT16).build().index.config
    assert config.search.candidates == 1000
    assert config.reorder.dtype == "bfloat16"


def test_codes_see_all_dimensions() -> None:
    rng = np.random.default_rng(5)
    flat = (rng.standard_normal((20_000, 4)) @ rng.standard_normal((4, 100))).astype(np.float32)
    assert leafscan.build(flat, metric="squared_l2").config.score.pca_dimensions == 8
    searcher = scann.scann_ops_pybind.builder(flat, 10, "squared_l2").autopilot().build()
    assert searcher.index.config.score.pca_dimensions is None


def test_few_rows_are_searched_exactly(rows: np.ndarray) -> None:
    searcher = scann.scann_ops_pybind.builder(rows, 10, "squared_l2").autopilot(quantize=KINDS.INT8).build()
    # As by ScaNN, whose autopilot quantizes what is reordered.
    assert repr(searcher.index.config.score) == "BruteForce(dtype='float32')"


def test_the_configuration_tells_what_it_picked(many: np.ndarray) -> None:
    begun = scann.scann_ops_pybind.builder(many, 10, "dot_product").autopilot()
    text = begun.create_config()
    assert isinstance(text, ConfigText)
    for told in ("num_children: 525", "approx_num_neighbors: 317", "incremental_mode: NONE"):
        assert told in text
    picked = begun.build().index.config
    assert plan(settings_of(text), many).config == dataclasses.replace(
        picked, tree=dataclasses.replace(picked.tree, spherical=False)
    )


@pytest.mark.usefixtures("protobuf")
@pytest.mark.parametrize("library", ["scann", "scann-core"])
def test_what_scanns_autopilot_writes_is_read(directories: Path, library: str) -> None:
    rows = np.random.default_rng(5).standard_normal((500, 64)).astype(np.float32)
    texts = json.loads((directories / library / "suggested.json").read_text())
    assert len(texts) == 6
    for text in texts:
        assert "num_children" in text
        assert "autopilot" in text
        searcher = scann.scann_ops_pybind.create_searcher(rows, text)
        assert len(searcher.search(rows[0]).index) == 10


@pytest.mark.usefixtures("protobuf")
def test_scanns_own_text_is_planned_anew(many: np.ndarray) -> None:
    text = (
        'num_neighbors: 10 distance_measure { distance_measure: "DotProductDistance" } brute_force {} '
        "autopilot { tree_ah { incremental_mode: ONLINE reordering_dtype: INT8 } }"
    )
    searcher = scann.scann_ops_pybind.create_searcher(many, text)
    assert searcher.index.config.tree.num_leaves == 525
    assert searcher.index.config.reorder.dtype == "int8"
