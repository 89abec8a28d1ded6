"""Reordering in two stages: what it saves, and that scores are still those of the larger rows."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, FileFormatError, Index, Reorder, SearchParams, Tree
from leafscan._engine import instruction_sets, use_instruction_set
from leafscan.index.config import RowDtype
from leafscan.index.sections import check_contents

Matrix = NDArray[np.float32]

METRICS = ("dot_product", "cosine", "squared_l2")
STAGES: tuple[tuple[RowDtype, RowDtype], ...] = (
    ("float32", "int8"),
    ("float32", "bfloat16"),
    ("bfloat16", "int8"),
)


def plan(
    dtype: RowDtype = "float32",
    first: RowDtype | None = None,
    *,
    candidates: int = 600,
    refined: int | None = None,
    soar: float | None = None,
    width: int = 2,
) -> Config:
    return Config(
        tree=Tree(num_leaves=12, soar_lambda=soar),
        score=AsymmetricHash(dimensions_per_block=width),
        reorder=Reorder(dtype=dtype, first_dtype=first),
        search=SearchParams(leaves=12, candidates=candidates, refined=refined),
    )


def recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    pairs = zip(found, truth, strict=True)
    return float(np.mean([len(set(mine) & set(best)) / len(best) for mine, best in pairs]))


def bytes_read(index: Index, candidates: int, refined: int) -> int:
    """The bytes of all rows that a query scores."""
    sections = index._contents.sections
    if "first_rows" not in sections:
        return candidates * int(sections["rows"][0].nbytes)
    return candidates * int(sections["first_rows"][0].nbytes) + refined * int(sections["rows"][0].nbytes)


def test_a_third_of_the_bytes_at_equal_recall(exact: Any) -> None:
    rows = np.random.default_rng(1).standard_normal((6_200, 48)).astype(np.float32)
    vectors, queries = rows[:6_000], rows[6_000:]
    scores = exact(vectors, queries, "dot_product")
    truth = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    reads, recalls = {}, {}
    stages: dict[str, tuple[RowDtype, RowDtype | None]] = {
        "float32": ("float32", None),
        "int8": ("int8", None),
        "two": ("float32", "int8"),
    }
    for name, (dtype, first) in stages.items():
        config = plan(dtype, first, candidates=360, width=4)
        index = leafscan.build(vectors, metric="dot_product", config=config)
        reads[name] = bytes_read(index, candidates=360, refined=20)
        recalls[name] = recall(index.search(queries).ids, truth)
        if name == "float32":
            # As many bytes of larger rows alone.
            few = SearchParams(candidates=110)
            reads["few"] = bytes_read(index, candidates=110, refined=0)
            recalls["few"] = recall(index.search(queries, params=few).ids, truth)
    assert reads["two"] <= reads["float32"] / 3
    assert recalls["two"] >= recalls["float32"] - 0.0005
    assert reads["two"] <= reads["few"]
    assert recalls["two"] > recalls["few"] + 0.15
    assert recalls["two"] > recalls["int8"] + 0.005


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("dtype", "first"), STAGES)
def test_scores_are_those_of_one_stage(
    vectors: Matrix, queries: Matrix, metric: str, dtype: RowDtype, first: RowDtype
) -> None:
    one = leafscan.build(vectors, metric=metric, config=plan(dtype))
    two = leafscan.build(vectors, metric=metric, config=plan(dtype, first))
    every = one.search(queries, k=600)
    found = two.search(queries, k=10)
    assert recall(found.ids, every.ids[:, :10]) >= 0.995
    for mine, scores, ids, wanted in zip(found.ids, found.scores, every.ids, every.scores, strict=True):
        by_id = dict(zip(ids.tolist(), wanted.tolist(), strict=True))
        assert [by_id[row] for row in mine.tolist()] == scores.tolist()
    whole = two.search(queries, k=10, params=SearchParams(refined=600))
    np.testing.assert_array_equal(whole.ids, every.ids[:, :10])
    np.testing.assert_array_equal(whole.scores, every.scores[:, :10])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("refined", [1, 10, 25])
@pytest.mark.parametrize("soar", [None, 1.0])
def test_the_first_stage_chooses_by_its_rows_and_ties_go_to_the_lower_row(
    vectors: Matrix, queries: Matrix, metric: str, refined: int, soar: float | None
) -> None:
    # Every row is there three times: the first stage cannot tell them apart, and the second neither.
    rows = np.repeat(vectors[:200], 3, axis=0)
    two = leafscan.build(rows, metric=metric, config=plan("float32", "int8", refined=refined, soar=soar))
    first = leafscan.build(rows, metric=metric, config=plan("int8", soar=soar))
    full = leafscan.build(rows, metric=metric, config=plan("float32", soar=soar))
    order = two._contents.sections["order"]
    np.testing.assert_array_equal(order, first._contents.sections["order"])
    np.testing.assert_array_equal(two._contents.sections["first_rows"], first._contents.sections["rows"])
    row_of = np.empty(600, np.int64)
    row_of[order] = np.arange(600)
    chosen = first.search(queries, k=max(refined, 10))
    every = full.search(queries, k=600)
    sign = 1 if metric == "squared_l2" else -1
    found = two.search(queries, k=10)
    for query in range(len(queries)):
        score = dict(zip(every.ids[query].tolist(), every.scores[query].tolist(), strict=True))
        wanted = sorted(chosen.ids[query].tolist(), key=lambda i: (sign * score[i], row_of[i]))[:10]
        assert found.ids[query].tolist() == wanted
        assert found.scores[query].tolist() == [score[i] for i in wanted]


def test_refined_is_by_default_twice_k_or_ten_more(vectors: Matrix, queries: Matrix) -> None:
    index = leafscan.build(vectors, metric="dot_product", config=plan("float32", "int8"))
    assert index.config.search.refined is None
    for k, refined in ((1, 11), (10, 20), (40, 80)):
        wanted = index.search(queries, k=k, params=SearchParams(refined=refined))
        fewer = index.search(queries, k=k, params=SearchParams(refined=k))
        found = index.search(queries, k=k)
        np.testing.assert_array_equal(found.ids, wanted.ids)
        assert (fewer.ids != found.ids).any() or k == 1
    mine = leafscan.build(vectors, metric="dot_product", config=plan("float32", "int8", refined=10))
    asked = index.search(queries, params=SearchParams(refined=10))
    np.testing.assert_array_equal(mine.search(queries).ids, asked.ids)
    np.testing.assert_array_equal(mine.search(queries, params=SearchParams(leaves=12)).ids, asked.ids)
    assert (mine.search(queries, k=50).ids >= 0).all()


@pytest.fixture
def each_instruction_set() -> Iterator[list[str]]:
    yield instruction_sets()
    use_instruction_set("")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("dtype", "first"), STAGES)
def test_one_query_a_batch_threads_and_instruction_sets_agree_to_the_bit(
    vectors: Matrix,
    queries: Matrix,
    each_instruction_set: list[str],
    metric: str,
    dtype: RowDtype,
    first: RowDtype,
) -> None:
    index = leafscan.build(vectors, metric=metric, config=plan(dtype, first, candidates=90, soar=1.0))
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
def test_a_filter_is_honoured_and_few_allowed_rows_are_exact(
    vectors: Matrix, queries: Matrix, metric: str, share: float
) -> None:
    allowed = np.random.default_rng(2).permutation(600)[: round(600 * share)]
    one = leafscan.build(vectors, metric=metric, config=plan())
    two = leafscan.build(vectors, metric=metric, config=plan("float32", "int8"))
    wanted = one.search(queries, filter=one.filter(allow=allowed))
    found = two.search(queries, filter=two.filter(allow=allowed))
    assert set(found.ids.ravel().tolist()) <= set(allowed.tolist())
    if share < 0.1:
        np.testing.assert_array_equal(found.ids, wanted.ids)
        np.testing.assert_array_equal(found.scores, wanted.scores)
    else:
        assert recall(found.ids, wanted.ids) >= 0.995


def test_noise_shaping_serves_the_first_stage(vectors: Matrix) -> None:
    first = []
    for threshold in (0.0, 0.4):
        reorder = Reorder(first_dtype="int8", anisotropic_quantization_threshold=threshold)
        config = Config(score=AsymmetricHash(), reorder=reorder)
        sections = leafscan.build(vectors, metric="cosine", config=config)._contents.sections
        assert sections["rows"].dtype == np.float32
        first.append(sections["first_rows"] * sections["first_row_scales"])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    along = [np.square(((unit - rows) * unit).sum(axis=1)).sum() for rows in first]
    assert along[1] < 0.2 * along[0]


@pytest.mark.parametrize(("dtype", "first"), STAGES)
@pytest.mark.parametrize("memory", [False, True])
def test_files_carry_both(
    tmp_path: Path, vectors: Matrix, queries: Matrix, dtype: RowDtype, first: RowDtype, memory: bool
) -> None:
    config = plan(dtype, first, refined=12)
    index = leafscan.build(vectors, metric="squared_l2", config=config, seed=4, threads=1)
    index.save(tmp_path / "file")
    leafscan.verify(tmp_path / "file")
    again = leafscan.load(tmp_path / "file", memory=memory)
    assert again.config == index.config
    assert again.config.search.refined == 12
    assert f"{first} and {dtype} reordering" in repr(again)
    for mine, theirs in zip(index.search(queries), again.search(queries), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    leafscan.build(vectors, metric="squared_l2", config=again.config, seed=4, threads=3).save(
        tmp_path / "same"
    )
    assert (tmp_path / "file").read_bytes() == (tmp_path / "same").read_bytes()


def test_a_plan_from_before_there_were_two_stages_has_one() -> None:
    told = plan().to_dict()
    del told["reorder"]["first_dtype"]
    del told["search"]["refined"]
    assert Config.from_dict(told) == plan()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("first_rows"), "'first_rows' is wrong: it is missing"),
        (lambda s: s.update(first_rows=s["first_rows"][1:]), r"'first_rows' .* must be \(600, 24\)"),
        (lambda s: s.update(first_rows=s["first_rows"].view(np.uint8)), "'first_rows' .* must hold int8"),
        (lambda s: s.pop("first_row_scales"), "'first_row_scales' is wrong: it is missing"),
        (lambda s: s.update(first_row_scales=np.ones(23, np.float32)), r"'first_row_scales' .* \(24,\)"),
        (lambda s: s.update(first_row_scales=np.full(24, np.inf, np.float32)), "'first_row_scales' .* NaN"),
    ],
)
def test_damage_names_the_section(vectors: Matrix, change: Any, sentence: str) -> None:
    good = leafscan.build(vectors, metric="cosine", config=plan("float32", "int8"))._contents
    check_contents(good, 600)
    sections = dict(good.sections)
    change(sections)
    with pytest.raises(FileFormatError, match=sentence):
        check_contents(dataclasses.replace(good, sections=sections), 600)


def test_a_plan_of_one_stage_has_no_first_rows(vectors: Matrix) -> None:
    good = leafscan.build(vectors, metric="cosine", config=plan())._contents
    sections = {**good.sections, "first_rows": np.zeros((600, 24), np.int8)}
    with pytest.raises(FileFormatError, match="'first_rows' is wrong: the plan of the index has no such"):
        check_contents(dataclasses.replace(good, sections=sections), 600)


def test_refined_is_for_two_stages(vectors: Matrix) -> None:
    index = leafscan.build(vectors, metric="cosine", config=plan())
    with pytest.raises(ValueError, match=r"params.refined is 20, but there is no second stage of reordering"):
        index.search(vectors[0], params=SearchParams(refined=20))
