import dataclasses
import math
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree
from leafscan.index import plan
from leafscan.index.metric import Metric
from leafscan.index.plan import default_plan, is_resolved, resolve

HASHED = Config(tree=Tree(num_leaves=200), score=AsymmetricHash(), reorder=Reorder())


Matrix = NDArray[np.float32]


def rows(n: int, dim: int, norm: float = 1.0) -> Matrix:
    values: Matrix = np.random.default_rng(0).standard_normal((n, dim)).astype(np.float32)
    values *= np.float32(norm) / np.linalg.norm(values, axis=1, keepdims=True)
    return values


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_few_rows_are_searched_exactly(metric: Metric) -> None:
    assert default_plan(plan.EXACT_BELOW - 1, 8, metric) == Config(score=BruteForce())
    assert default_plan(1, 1, metric) == Config()


@pytest.mark.parametrize("n", [20_000, 60_000, 331_000, 1_000_000, 50_000_000])
def test_many_rows_get_a_tree_codes_and_reordering(n: int) -> None:
    chosen = default_plan(n, 100, "cosine")
    assert chosen.tree is not None
    leaves = chosen.tree.num_leaves
    assert leaves == min(round(4 * math.sqrt(n)), n // 40)
    assert chosen.tree.training_sample_size >= max(1_000_000, 32 * leaves)
    assert isinstance(chosen.score, AsymmetricHash)
    assert chosen.score.dimensions_per_block == 2
    assert chosen.reorder == Reorder(dtype="float32")
    assert chosen.search == SearchParams(leaves=math.ceil(0.1 * leaves), candidates=300)


def test_a_single_dimension_has_blocks_of_one() -> None:
    chosen = default_plan(30_000, 1, "squared_l2").score
    assert isinstance(chosen, AsymmetricHash)
    assert chosen.dimensions_per_block == 1


def test_none_is_filled_and_stays_filled() -> None:
    data = rows(400, 16)
    filled = resolve(HASHED, data, "cosine")
    assert not is_resolved(HASHED)
    assert is_resolved(filled)
    assert filled.search == SearchParams(leaves=20, candidates=300)
    assert resolve(filled, data, "cosine") == filled


def test_what_is_given_stays() -> None:
    given = dataclasses.replace(
        HASHED,
        tree=Tree(num_leaves=200, spherical=True, avq_eta=2.0),
        score=AsymmetricHash(anisotropic_quantization_threshold=0.25),
        search=SearchParams(leaves=3, candidates=7),
    )
    assert resolve(given, rows(400, 16), "dot_product") == given


def test_few_leaves_are_all_searched() -> None:
    filled = resolve(Config(tree=Tree(num_leaves=4)), rows(50, 3), "dot_product")
    assert filled.search == SearchParams(leaves=4, candidates=None)
    assert is_resolved(filled)


def test_no_plan_means_the_default() -> None:
    assert resolve(None, rows(50, 3), "cosine") == Config()


@pytest.mark.parametrize(
    ("spread", "metric", "eta"),
    [
        (0.0, "dot_product", None),
        (0.2, "dot_product", plan.AVQ_ETA),
        (0.2, "cosine", None),
        (0.2, "squared_l2", None),
    ],
)
def test_avq_centroids_route_where_norms_differ(spread: float, metric: Metric, eta: float | None) -> None:
    rng = np.random.default_rng(0)
    norms = 1.0 + spread * rng.standard_normal((plan.EXACT_BELOW, 1))
    data = (rows(plan.EXACT_BELOW, 4) * norms).astype(np.float32)
    tree = resolve(None, data, metric).tree
    assert tree is not None
    assert tree.avq_eta == eta
    assert tree.spherical is (metric == "cosine")


@pytest.mark.parametrize("norm", [1e-3, 1.0, 50.0])
def test_the_threshold_gives_the_median_row_the_weight(norm: float) -> None:
    score = resolve(HASHED, rows(400, 100, norm), "dot_product").score
    assert isinstance(score, AsymmetricHash)
    assert score.anisotropic_quantization_threshold is not None
    share = (score.anisotropic_quantization_threshold / norm) ** 2
    assert 99 * share / (1 - share) == pytest.approx(plan.ETA, rel=1e-5)


def test_cosine_rows_have_length_one_whatever_they_were() -> None:
    score = resolve(HASHED, rows(400, 100, 50.0), "cosine").score
    assert isinstance(score, AsymmetricHash)
    assert score.anisotropic_quantization_threshold == pytest.approx(math.sqrt(3 / 102))


@pytest.mark.parametrize(
    ("data", "metric"),
    [
        (rows(400, 16), "squared_l2"),
        (np.zeros((400, 16), np.float32), "dot_product"),
        (np.full((400, 16), np.nan, np.float32), "dot_product"),
        (np.full((400, 16), np.inf, np.float32), "dot_product"),
        (rows(400, 2)[:, :1].copy(), "dot_product"),
    ],
)
def test_where_no_weight_makes_sense_the_error_is_plain(data: Matrix, metric: Metric) -> None:
    narrow = dataclasses.replace(HASHED, score=AsymmetricHash(dimensions_per_block=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = resolve(narrow, data, metric).score
    assert isinstance(score, AsymmetricHash)
    assert score.anisotropic_quantization_threshold == 0.0


@pytest.mark.parametrize(
    ("config", "metric", "sentence"),
    [
        (HASHED, "cosine", "num_leaves must be at most the number of rows; received 200 leaves for 100 rows"),
        (
            Config(score=AsymmetricHash(dimensions_per_block=5)),
            "cosine",
            "dimensions_per_block must be at most the number of dimensions, 4; received 5",
        ),
        (
            Config(score=AsymmetricHash(anisotropic_quantization_threshold=0.2)),
            "squared_l2",
            "is for dot products; with squared_l2 leave it out or give 0; received 0.2",
        ),
    ],
)
def test_what_the_rows_cannot_have_gets_a_sentence(config: Config, metric: Metric, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        resolve(config, rows(100, 4), metric)


def test_zero_is_a_plain_error_for_squared_l2() -> None:
    given = Config(score=AsymmetricHash(anisotropic_quantization_threshold=0))
    assert resolve(given, rows(100, 4), "squared_l2") == given


def test_more_blocks_than_the_scan_can_add_up_are_refused() -> None:
    rows = np.zeros((1, 65_536), np.float32)
    with pytest.raises(ValueError, match="at most 32,767 blocks; received 65,536 dimensions in blocks of 2"):
        resolve(Config(score=AsymmetricHash(), reorder=Reorder()), rows, "squared_l2")
    wider = Config(score=AsymmetricHash(dimensions_per_block=4), reorder=Reorder())
    assert resolve(wider, rows, "squared_l2").score == AsymmetricHash(
        dimensions_per_block=4, anisotropic_quantization_threshold=0.0
    )
