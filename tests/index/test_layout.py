"""Sections are foretold to the shape, and bytes to one in a hundred."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree
from leafscan.index.layout import expected_groups, expected_sections, file_bytes

Matrix = NDArray[np.float32]
N, DIM = 6_000, 20

PLANS = {
    "exact": Config(),
    "exact in int8": Config(score=BruteForce(dtype="int8")),
    "leaves": Config(tree=Tree(num_leaves=60)),
    "codes": Config(score=AsymmetricHash(), reorder=Reorder(dtype="bfloat16")),
    "codes alone": Config(
        tree=Tree(num_leaves=60), score=AsymmetricHash(lookup_bits=8, dimensions_per_block=4)
    ),
    "everything": Config(
        tree=Tree(num_leaves=60, soar_lambda=1.0, upper_leaves=8),
        score=AsymmetricHash(pca_dimensions=10),
        reorder=Reorder(first_dtype="int8"),
        search=SearchParams(leaves=5, candidates=50),
    ),
}


@pytest.fixture(scope="module")
def rows() -> Matrix:
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((50, DIM))
    made: Matrix = (centers[rng.integers(0, 50, N)] + rng.standard_normal((N, DIM))).astype(np.float32)
    return made


@pytest.mark.parametrize("metric", ["cosine", "squared_l2", "dot_product"])
@pytest.mark.parametrize("plan", PLANS)
def test_what_a_build_makes_is_foretold(
    rows: Matrix, plan: str, metric: leafscan.index.metric.Metric
) -> None:
    index = leafscan.build(rows, metric=metric, config=PLANS[plan], threads=1)
    made = index._living.contents.sections
    expected = expected_sections(N, DIM, metric, index.config)
    assert expected.keys() == made.keys()
    padded = ("codes", "live", "terms", "rows")
    for name, section in expected.items():
        assert section.dtype == made[name].dtype.name, name
        if index.config.tree is None or not name.removeprefix("spill_").startswith(padded) or name == "rows":
            assert section.shape == made[name].shape, name
        else:
            assert section.shape[1:] == made[name].shape[1:], name
    # Leaves of a hundred rows: what they are filled up to is a good part of codes without rows.
    close = 0.01 if index.config.row_dtype == "float32" else 0.06
    assert sum(section.nbytes for section in expected.values()) == pytest.approx(index.nbytes, rel=close)


def test_routing_centroids_of_avq(rows: Matrix) -> None:
    config = Config(tree=Tree(num_leaves=60, avq_eta=4.0))
    index = leafscan.build(rows, metric="dot_product", config=config, threads=1)
    expected = expected_sections(N, DIM, "dot_product", index.config)
    assert expected["routing_centroids"].shape == (60, DIM)
    assert expected.keys() == index._living.contents.sections.keys()


@pytest.mark.parametrize("ids", ["integers", 6.0])
def test_ids_count(rows: Matrix, ids: float | str, tmp_path: Path) -> None:
    names = np.arange(N) if ids == "integers" else [f"{i:06}" for i in range(N)]
    index = leafscan.build(rows, metric="cosine", ids=names, threads=1)
    expected = expected_sections(N, DIM, "cosine", index.config, ids)  # type: ignore[arg-type]
    assert sum(section.nbytes for section in expected.values()) == index.nbytes
    path = tmp_path / "one.leafscan"
    index.save(path)
    assert file_bytes(expected) == pytest.approx(path.stat().st_size, rel=0.01)


def test_seen_padding_is_taken_as_it_is() -> None:
    config = Config(tree=Tree(num_leaves=100), score=AsymmetricHash())
    sections = expected_sections(10_000, 8, "cosine", config, padding={"": 4.5})
    assert sections["live"].shape == (450,)


def test_groups_hold_all_points() -> None:
    for n, leaves in ((1, 1), (33, 1), (1_000, 1_000), (10_000, 3), (100_000, 2_000)):
        assert expected_groups(n, leaves) * 32 >= n
