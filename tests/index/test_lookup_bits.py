"""Codes of 8 bits (lut256) beside those of 4 (lut16): what they buy, and that nothing else changes."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, FileFormatError, Index, Reorder, SearchParams, Tree
from leafscan._engine import instruction_sets, use_instruction_set
from leafscan.index.sections import check_contents

Matrix = NDArray[np.float32]

METRICS = ("dot_product", "cosine", "squared_l2")


def plan(
    bits: Literal[4, 8] = 8,
    *,
    width: int = 2,
    reorder: bool = True,
    candidates: int = 600,
    leaves: int = 12,
    soar: float | None = None,
    pca: int | None = None,
) -> Config:
    return Config(
        tree=Tree(num_leaves=12, soar_lambda=soar),
        score=AsymmetricHash(dimensions_per_block=width, lookup_bits=bits, pca_dimensions=pca),
        reorder=Reorder() if reorder else None,
        search=SearchParams(leaves=leaves, candidates=candidates if reorder else None),
    )


def recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    pairs = zip(found, truth, strict=True)
    return float(np.mean([len(set(mine) & set(best)) / len(best) for mine, best in pairs]))


def code_bytes(index: Index) -> int:
    return int(index._contents.sections["codes"].nbytes)


@pytest.mark.parametrize("metric", METRICS)
def test_what_eight_bits_buy(exact: Any, metric: str) -> None:
    # Dimensions that go together, as those of embeddings do: words of four dimensions at once pay.
    rng = np.random.default_rng(1)
    mix = np.kron(np.eye(8), rng.standard_normal((4, 4)))
    rows = (rng.standard_normal((8_200, 32)) @ mix).astype(np.float32)
    vectors, queries = rows[:8_000], rows[8_000:]
    scores = exact(vectors, queries, metric) if metric != "squared_l2" else _distances(vectors, queries)
    truth = np.argsort(scores if metric == "squared_l2" else -scores, axis=1, kind="stable")[:, :10]
    recalls, sizes = {}, {}
    plans: dict[str, tuple[Literal[4, 8], int]] = {"4 x 2": (4, 2), "8 x 2": (8, 2), "8 x 4": (8, 4)}
    for name, (bits, width) in plans.items():
        for reorder in (False, True):
            config = plan(bits, width=width, reorder=reorder, candidates=12)
            index = leafscan.build(vectors, metric=metric, config=config)
            recalls[name, reorder] = recall(index.search(queries).ids, truth)
            sizes[name] = code_bytes(index)
    for reorder in (False, True):
        # As many blocks, twice the bytes: far more exact.
        assert recalls["8 x 2", reorder] > recalls["4 x 2", reorder] + 0.1
        # Half of the blocks, the same bytes: still more exact.
        assert recalls["8 x 4", reorder] > recalls["4 x 2", reorder] + 0.02
    assert sizes["8 x 2"] == 2 * sizes["4 x 2"]
    assert sizes["8 x 4"] == sizes["4 x 2"]


def _distances(vectors: Matrix, queries: Matrix) -> NDArray[np.float64]:
    rows, points = vectors.astype(np.float64), queries.astype(np.float64)
    squares: NDArray[np.float64] = np.square(rows).sum(axis=1) - 2 * points @ rows.T
    return squares


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("width", [1, 2, 5, 24])
def test_all_leaves_and_candidates_are_exact(
    vectors: Matrix, queries: Matrix, exact: Any, metric: str, width: int
) -> None:
    index = leafscan.build(vectors, metric=metric, config=plan(width=width))
    scores = exact(vectors, queries, metric)
    truth = np.argsort(scores if metric == "squared_l2" else -scores, axis=1, kind="stable")[:, :10]
    found = index.search(queries)
    assert recall(found.ids, truth) == 1.0
    np.testing.assert_allclose(
        found.scores, np.take_along_axis(scores, found.ids, axis=1), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("metric", METRICS)
def test_scores_of_codes_are_near_those_of_rows(
    vectors: Matrix, queries: Matrix, exact: Any, metric: str
) -> None:
    # 600 rows in 12 dimensions of two: 256 words leave little.
    errors = {}
    bits: Literal[4, 8]
    for bits in (4, 8):
        index = leafscan.build(vectors, metric=metric, config=plan(bits, reorder=False))
        found = index.search(queries, k=600)
        wanted = np.take_along_axis(exact(vectors, queries, metric), found.ids, axis=1)
        errors[bits] = float(np.square(found.scores - wanted).mean())
    assert errors[8] < errors[4] / 8


@pytest.fixture
def each_instruction_set() -> Iterator[list[str]]:
    yield instruction_sets()
    use_instruction_set("")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("soar", [None, 1.0])
@pytest.mark.parametrize("pca", [None, 15])
@pytest.mark.parametrize("reorder", [False, True])
def test_one_query_a_batch_threads_and_instruction_sets_agree_to_the_bit(
    vectors: Matrix,
    queries: Matrix,
    each_instruction_set: list[str],
    metric: str,
    soar: float | None,
    pca: int | None,
    reorder: bool,
) -> None:
    config = plan(soar=soar, pca=pca, reorder=reorder, candidates=50, leaves=6)
    index = leafscan.build(vectors, metric=metric, config=config)
    wanted = index.search(queries, k=7, threads=1)
    for name in each_instruction_set:
        use_instruction_set(name)
        for found in (
            index.search(queries, k=7, threads=3),
            [np.stack(both) for both in zip(*(index.search(query, k=7) for query in queries), strict=True)],
        ):
            np.testing.assert_array_equal(found[0], wanted.ids, name)
            np.testing.assert_array_equal(found[1], wanted.scores, name)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.02, 0.5])
@pytest.mark.parametrize("soar", [None, 1.0])
def test_a_filter_is_honoured(
    vectors: Matrix, queries: Matrix, exact: Any, metric: str, share: float, soar: float | None
) -> None:
    allowed = np.random.default_rng(2).permutation(600)[: round(600 * share)]
    index = leafscan.build(vectors, metric=metric, config=plan(soar=soar))
    found = index.search(queries, filter=index.filter(allow=allowed))
    scores = exact(vectors[allowed], queries, metric)
    best = np.argsort(scores if metric == "squared_l2" else -scores, axis=1, kind="stable")[:, :10]
    assert recall(found.ids, allowed[best]) == 1.0


@pytest.mark.parametrize("metric", METRICS)
def test_fewer_rows_than_words(queries: Matrix, metric: str) -> None:
    rows = np.repeat(np.random.default_rng(3).standard_normal((5, 24)).astype(np.float32), 3, axis=0)
    config = Config(score=AsymmetricHash(lookup_bits=8))
    index = leafscan.build(rows, metric=metric, config=config)
    found = index.search(rows, k=3)
    # Each row is a word of its own, and is there three times.
    assert (np.sort(found.ids, axis=1) // 3 == np.arange(15)[:, None] // 3).all()


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
def test_files_carry_them(
    tmp_path: Path, vectors: Matrix, queries: Matrix, memory: bool, metric: str
) -> None:
    index = leafscan.build(vectors, metric=metric, config=plan(width=3, soar=1.0), seed=4, threads=1)
    index.save(tmp_path / "file")
    leafscan.verify(tmp_path / "file")
    again = leafscan.load(tmp_path / "file", memory=memory)
    assert again.config == index.config
    assert "8-bit codes" in repr(again)
    for mine, theirs in zip(index.search(queries), again.search(queries), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    leafscan.build(vectors, metric=metric, config=again.config, seed=4, threads=3).save(tmp_path / "same")
    assert (tmp_path / "file").read_bytes() == (tmp_path / "same").read_bytes()


def test_a_plan_from_before_there_was_a_choice_has_four_bits() -> None:
    told = plan(4).to_dict()
    del told["score"]["asymmetric_hash"]["lookup_bits"]
    assert Config.from_dict(told) == plan(4)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.update(codebooks=s["codebooks"][:, :16].copy()), r"'codebooks' .* \(12, 256, 2\)"),
        (lambda s: s.update(codes=s["codes"][:, :, :16].copy()), r"'codes' .* must be \(\d+, 12, 32\)"),
        (lambda s: s.update(codes=s["codes"][:, :10].copy()), r"'codes' .* must be \(\d+, 12, 32\)"),
    ],
)
def test_damage_names_the_section(vectors: Matrix, change: Any, sentence: str) -> None:
    good = leafscan.build(vectors, metric="cosine", config=plan())._contents
    check_contents(good, 600)
    sections = dict(good.sections)
    change(sections)
    with pytest.raises(FileFormatError, match=sentence):
        check_contents(dataclasses.replace(good, sections=sections), 600)
