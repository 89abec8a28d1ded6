"""Rows in float32, bfloat16 and int8: what each costs in bytes and recall, and that nothing else changes."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, FileFormatError, Index, Reorder, SearchParams, Tree
from leafscan._engine import instruction_sets, use_instruction_set
from leafscan.index.config import RowDtype
from leafscan.index.sections import check_contents

Matrix = NDArray[np.float32]

DTYPES: tuple[RowDtype, ...] = ("float32", "bfloat16", "int8")
ROUNDED: tuple[RowDtype, ...] = ("bfloat16", "int8")
METRICS = ("dot_product", "cosine", "squared_l2")


def plans(dtype: RowDtype) -> dict[str, Config]:
    """Every path that reads rows: all of them, those of leaves, and those that codes chose."""
    return {
        "exact": Config(score=BruteForce(dtype=dtype)),
        "tree": Config(
            tree=Tree(num_leaves=12), score=BruteForce(dtype=dtype), search=SearchParams(leaves=12)
        ),
        "reorder": Config(
            tree=Tree(num_leaves=12),
            score=AsymmetricHash(),
            reorder=Reorder(dtype=dtype),
            search=SearchParams(leaves=12, candidates=600),
        ),
    }


def kept(index: Index) -> NDArray[np.float64]:
    """The rows as the index keeps them, in the order in which they were given."""
    sections = index._contents.sections
    rows: Any = sections["rows"]
    if rows.dtype == np.uint16:
        rows = (rows.astype(np.uint32) << 16).view(np.float32)
    elif rows.dtype == np.int8:
        rows = rows * sections["row_scales"]
    given = np.empty(rows.shape)
    given[sections["order"]] = rows
    return given


def clustered(n: int, dim: int, seed: int, spread: float = 0.35) -> Matrix:
    """Unit rows that have neighbours in nearly their own direction."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((max(1, n // 40), dim))
    rows = centers[rng.integers(len(centers), size=n)] + spread * rng.standard_normal((n, dim))
    unit: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    pairs = zip(found, truth, strict=True)
    return float(np.mean([len(set(mine) & set(best)) / len(best) for mine, best in pairs]))


def best(scores: NDArray[np.float64], metric: str, k: int = 10) -> NDArray[np.int64]:
    return np.argsort(scores if metric == "squared_l2" else -scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("dtype", "share", "wanted"), [("bfloat16", 1 / 2, 0.97), ("int8", 1 / 4, 0.95)])
@pytest.mark.parametrize("path", ["exact", "tree", "reorder"])
def test_fewer_bytes_cost_little_recall(
    vectors: Matrix,
    queries: Matrix,
    exact: Any,
    metric: str,
    dtype: RowDtype,
    share: float,
    wanted: float,
    path: str,
) -> None:
    full = leafscan.build(vectors, metric=metric, config=plans("float32")[path])
    index = leafscan.build(vectors, metric=metric, config=plans(dtype)[path])
    truth = best(exact(vectors, queries, metric), metric)
    assert recall(full.search(queries).ids, truth) == 1.0
    assert recall(index.search(queries).ids, truth) >= wanted
    scales = 4 * 24 if dtype == "int8" else 0
    assert index._contents.sections["rows"].nbytes == share * vectors.nbytes
    assert full.nbytes - index.nbytes == (1 - share) * vectors.nbytes - scales


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", ["exact", "tree", "reorder"])
def test_scores_are_those_of_the_rows_as_they_are_kept(
    vectors: Matrix, queries: Matrix, exact: Any, metric: str, dtype: RowDtype, path: str
) -> None:
    index = leafscan.build(vectors, metric=metric, config=plans(dtype)[path])
    asked = queries
    if metric == "cosine":
        asked = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    # Kept rows of cosine are unit rows rounded, and not scaled again.
    scores = exact(kept(index), asked, "dot_product" if metric == "cosine" else metric)
    found = index.search(queries, k=10)
    np.testing.assert_allclose(
        found.scores, np.take_along_axis(scores, best(scores, metric), axis=1), rtol=1e-4
    )
    np.testing.assert_allclose(
        found.scores, np.take_along_axis(scores, found.ids, axis=1), rtol=1e-4, atol=1e-5
    )


@pytest.fixture
def each_instruction_set() -> Iterator[list[str]]:
    yield instruction_sets()
    use_instruction_set("")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", ["exact", "tree", "reorder"])
def test_one_query_a_batch_threads_and_instruction_sets_agree_to_the_bit(
    vectors: Matrix,
    queries: Matrix,
    each_instruction_set: list[str],
    metric: str,
    dtype: RowDtype,
    path: str,
) -> None:
    index = leafscan.build(vectors, metric=metric, config=plans(dtype)[path])
    wanted = index.search(queries, k=7, threads=1)
    assert len(each_instruction_set) > 1 or each_instruction_set == ["EMU128"]
    for name in each_instruction_set:
        use_instruction_set(name)
        for found in (
            index.search(queries, k=7, threads=1),
            index.search(queries, k=7, threads=3),
            [np.stack(both) for both in zip(*(index.search(query, k=7) for query in queries), strict=True)],
        ):
            np.testing.assert_array_equal(found[0], wanted.ids, name)
            np.testing.assert_array_equal(found[1], wanted.scores, name)


@pytest.mark.parametrize("dtype", ROUNDED)
@pytest.mark.parametrize("metric", METRICS)
def test_many_rows_agree_too(dtype: RowDtype, metric: str) -> None:
    # More rows than a tile, a tail, and rows that come twice: ties go to the lower row on every path.
    vectors = clustered(9_001, 17, seed=2)
    vectors[5_000:5_100] = vectors[:100]
    index = leafscan.build(vectors, metric=metric, config=Config(score=BruteForce(dtype=dtype)))
    batch = index.search(vectors[:100], k=5, threads=2)
    one = [index.search(row, k=5) for row in vectors[:100]]
    np.testing.assert_array_equal(batch.ids, np.stack([found.ids for found in one]))
    np.testing.assert_array_equal(batch.scores, np.stack([found.scores for found in one]))


@pytest.mark.parametrize("dtype", ROUNDED)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("norm", [2.0**-20, 2.0**20])
@pytest.mark.parametrize("path", ["exact", "tree", "reorder"])
def test_the_scale_of_the_rows_does_not_matter(
    vectors: Matrix, queries: Matrix, dtype: RowDtype, metric: str, norm: float, path: str
) -> None:
    plain = leafscan.build(vectors, metric=metric, config=plans(dtype)[path])
    scaled = leafscan.build(vectors * np.float32(norm), metric=metric, config=plans(dtype)[path])
    wanted, found = plain.search(queries), scaled.search(queries * np.float32(norm))
    np.testing.assert_array_equal(found.ids, wanted.ids)
    factor = 1.0 if metric == "cosine" else norm**2
    np.testing.assert_allclose(found.scores, wanted.scores * factor, rtol=1e-5)


@pytest.mark.parametrize("dtype", ROUNDED)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_norms_from_1e_6_to_1e6_and_zeros_make_no_nan(
    vectors: Matrix, queries: Matrix, dtype: RowDtype, metric: str, threshold: float
) -> None:
    norms = 10 ** np.linspace(-6, 6, len(vectors))[:, None]
    rows = (vectors * norms / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    rows[::7] = 0
    rows[:, 3] = 0
    config = Config(
        score=AsymmetricHash(),
        reorder=Reorder(
            dtype=dtype, anisotropic_quantization_threshold=0.0 if metric == "squared_l2" else threshold
        ),
        search=SearchParams(candidates=600),
    )
    for scale in (0, 1e-6, 1e6):
        index = leafscan.build(rows, metric=metric, config=config)
        found = index.search(queries * np.float32(scale), k=600)
        assert np.isfinite(found.scores).all()
        assert np.isfinite(kept(index)).all()
        zeros = kept(index)[::7]
        assert not zeros.any()


@pytest.mark.parametrize(("dtype", "most"), [("float32", 0.0), ("bfloat16", 1e-4), ("int8", 1e-3)])
@pytest.mark.parametrize("path", ["exact", "tree", "reorder"])
def test_a_row_is_its_own_nearest(vectors: Matrix, dtype: RowDtype, most: float, path: str) -> None:
    index = leafscan.build(vectors, metric="squared_l2", config=plans(dtype)[path])
    found = index.search(vectors, k=1)
    assert found.ids[:, 0].tolist() == list(range(600))
    # What is left is what rounding took; the rows as they are kept lie on themselves.
    rounding = np.square(vectors - kept(index)).sum(axis=1)
    np.testing.assert_allclose(found.scores[:, 0], rounding, rtol=1e-4)
    assert found.scores.max() <= most * np.square(vectors).sum(axis=1).max()
    itself = index.search(kept(index).astype(np.float32), k=1)
    assert itself.ids[:, 0].tolist() == list(range(600))
    assert not itself.scores.any()


@pytest.mark.parametrize("dtype", ROUNDED)
def test_noise_shaping_lowers_the_error_along_rows_and_raises_recall(dtype: RowDtype, exact: Any) -> None:
    rows = clustered(6_300, 48, seed=1)
    vectors, queries = rows[:6_000], rows[6_000:]
    if dtype == "int8":
        # Outliers, as trained embeddings have them: few of the 255 levels are left to the other rows.
        vectors[:48] = 4 * np.abs(vectors).max() * np.eye(48, dtype=np.float32)
    truth = best(exact(vectors, queries, "dot_product"), "dot_product")
    along, errors, recalls = [], [], []
    for threshold in (0.0, 0.3):
        config = Config(
            score=AsymmetricHash(),
            reorder=Reorder(dtype=dtype, anisotropic_quantization_threshold=threshold),
            search=SearchParams(candidates=2_000),
        )
        index = leafscan.build(vectors, metric="dot_product", config=config)
        error = vectors[48:] - kept(index)[48:]
        along.append(float(np.square((error * vectors[48:]).sum(axis=1)).mean()))
        errors.append(float(np.square(error).sum(axis=1).mean()))
        recalls.append(recall(index.search(queries).ids, truth))
    assert along[1] < 0.1 * along[0]
    assert errors[1] < 1.05 * errors[0]
    assert recalls[1] > recalls[0] + (0.05 if dtype == "int8" else 0.003)


PEAK = """
import sys
from pathlib import Path

import numpy as np

import leafscan
from leafscan import BruteForce, Config


def peak():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


vectors = np.random.default_rng(0).standard_normal((60_000, 256), dtype=np.float32)
leafscan.build(vectors[:100], metric="cosine")
before = peak()
leafscan.build(vectors, metric="cosine", config=Config(score=BruteForce(dtype=sys.argv[1])), threads=1)
print((peak() - before) / vectors.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak")
@pytest.mark.parametrize(("dtype", "share"), [("bfloat16", 1 / 2), ("int8", 1 / 4)])
def test_the_rows_are_never_all_there_in_float32(dtype: RowDtype, share: float) -> None:
    told = subprocess.run([sys.executable, "-c", PEAK, dtype], check=True, capture_output=True, text=True)
    assert float(told.stdout) < share + 0.15


@pytest.mark.parametrize("dtype", ROUNDED)
@pytest.mark.parametrize("path", ["exact", "reorder"])
@pytest.mark.parametrize("memory", [False, True])
def test_files_carry_them(
    tmp_path: Path, vectors: Matrix, queries: Matrix, dtype: RowDtype, path: str, memory: bool
) -> None:
    index = leafscan.build(vectors, metric="dot_product", config=plans(dtype)[path], seed=4)
    index.save(tmp_path / "file")
    leafscan.verify(tmp_path / "file")
    again = leafscan.load(tmp_path / "file", memory=memory)
    assert again.config == index.config
    assert again.config.row_dtype == dtype
    assert repr(again) == repr(index)
    assert dtype in repr(index)
    for asked in (queries, queries[0]):
        for mine, theirs in zip(index.search(asked), again.search(asked), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    again.save(tmp_path / "again")
    leafscan.build(vectors, metric="dot_product", config=index.config, seed=4, threads=3).save(
        tmp_path / "third"
    )
    assert (tmp_path / "file").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "file").read_bytes() == (tmp_path / "third").read_bytes()


@pytest.mark.parametrize(
    ("dtype", "change", "sentence"),
    [
        ("int8", lambda s: s.pop("row_scales"), "'row_scales' is wrong: it is missing"),
        ("int8", lambda s: s.update(row_scales=s["row_scales"][1:]), r"'row_scales' .* must be \(24,\)"),
        ("int8", lambda s: s.update(row_scales=s["row_scales"] * np.float32(np.nan)), "'row_scales' .* NaN"),
        (
            "int8",
            lambda s: s.update(rows=s["rows"].view(np.uint8)),
            "'rows' .* must hold int8 and holds uint8",
        ),
        ("int8", lambda s: s.update(rows=s["rows"][:-1]), r"'rows' .* must be \(600, 24\)"),
        ("bfloat16", lambda s: s.update(rows=s["rows"].view(np.int16)), "must hold uint16 and holds int16"),
        ("bfloat16", lambda s: s.update(row_scales=np.ones(24, np.float32)), "has no such section"),
        ("float32", lambda s: s.update(rows=s["rows"].astype(np.int8)), "must hold float32 and holds int8"),
    ],
)
def test_damage_names_the_section(vectors: Matrix, dtype: RowDtype, change: Any, sentence: str) -> None:
    good = leafscan.build(vectors, metric="cosine", config=plans(dtype)["reorder"])._contents
    check_contents(good, 600)
    sections = dict(good.sections)
    change(sections)
    with pytest.raises(FileFormatError, match=sentence):
        check_contents(dataclasses.replace(good, sections=sections), 600)


def test_a_threshold_is_for_dot_products(vectors: Matrix) -> None:
    config = Config(
        score=AsymmetricHash(), reorder=Reorder(dtype="int8", anisotropic_quantization_threshold=0.2)
    )
    with pytest.raises(ValueError, match="Reorder's anisotropic_quantization_threshold is for dot products"):
        leafscan.build(vectors, metric="squared_l2", config=config)
