"""Configurations that scann-core reduced to dot products are read as what they were."""

from pathlib import Path

import numpy as np
import pytest

from leafscan import scann
from leafscan.scann.config_text import ConfigText
from leafscan.scann.protos import read_binary
from leafscan.scann.reduction import without_reduction


def test_others_stay_as_they_are() -> None:
    told = {"num_neighbors": 3, "distance_measure": {"distance_measure": "DotProductDistance"}}
    assert without_reduction(told) == told


@pytest.mark.usefixtures("protobuf")
@pytest.mark.parametrize("case", ["as-dot-product", "as-dot-product-codes"])
def test_its_text_builds_a_searcher_by_distances(directories: Path, case: str) -> None:
    written = directories / "scann-core" / case / "scann_config.pb"
    settings = read_binary("ScannConfig", written.read_bytes(), "scann_config.pb")
    assert "l2_as_dot_product" in settings
    text = str(ConfigText.write(settings))
    rows = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    searcher = scann.scann_ops_pybind.create_searcher(rows, text)
    found = searcher.search(rows[7], 1, leaves_to_search=300)
    assert found.index.tolist() == [7]
    assert searcher.index.metric == "squared_l2"
    assert "l2_as_dot_product" not in searcher.config()
