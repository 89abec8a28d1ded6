from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import AsymmetricHash, Config, Reorder, Tree, build
from leafscan.index.threads import VARIABLE

Matrix = NDArray[np.float32]

CONFIGS = {
    "exact": Config(),
    "tree": Config(tree=Tree(num_leaves=9)),
    "codes": Config(score=AsymmetricHash()),
    "tree and codes": Config(tree=Tree(num_leaves=9), score=AsymmetricHash(dimensions_per_block=3)),
    "all": Config(tree=Tree(num_leaves=9), score=AsymmetricHash(), reorder=Reorder()),
}


def saved(path: Path, vectors: Any, **options: Any) -> bytes:
    build(vectors, **options).save(path)
    return path.read_bytes()


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_one_seed_gives_the_same_bytes_on_any_number_of_threads(
    tmp_path: Path, vectors: Matrix, metric: str, config: Config
) -> None:
    files = [
        saved(tmp_path / "x", vectors, metric=metric, config=config, seed=3, threads=threads)
        for threads in (1, 2, 5)
    ]
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_the_resolved_plan_and_the_seed_build_the_same_again(
    tmp_path: Path, vectors: Matrix, metric: str
) -> None:
    first = build(vectors, metric=metric, config=CONFIGS["all"], seed=7)
    first.save(tmp_path / "first")
    again = saved(tmp_path / "again", vectors, metric=metric, config=first.config, seed=first.seed)
    assert (tmp_path / "first").read_bytes() == again


def test_another_seed_gives_another_index(vectors: Matrix) -> None:
    first, second = (
        build(vectors, metric="cosine", config=CONFIGS["all"], seed=seed)._contents.sections
        for seed in (0, 1)
    )
    assert not np.array_equal(first["centroids"], second["centroids"])
    assert not np.array_equal(first["codebooks"], second["codebooks"])


def test_the_rows_are_copied(vectors: Matrix) -> None:
    mine = vectors.copy()
    index = build(mine, metric="dot_product")
    before = index.search(vectors[:5], k=3)
    mine[:] = 0
    np.testing.assert_array_equal(index.search(vectors[:5], k=3).scores, before.scores)


def test_the_default_of_many_rows_has_every_part() -> None:
    vectors = np.random.default_rng(0).standard_normal((20_000, 8), dtype=np.float32)
    index = build(vectors, metric="cosine")
    assert index.config.tree is not None
    assert index.config.reorder == Reorder()
    assert index.search(vectors[:100], k=1).ids[:, 0].tolist() == list(range(100))


def test_progress_is_told_and_stops_the_build(vectors: Matrix) -> None:
    told: list[tuple[str, int, int]] = []
    build(
        vectors, metric="cosine", config=CONFIGS["all"], progress=lambda *what: told.append(what), threads=2
    )
    assert told
    assert all(isinstance(stage, str) and 0 <= done <= total for stage, done, total in told)

    def stop(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(vectors, metric="cosine", config=CONFIGS["all"], progress=stop)


def test_the_variable_sets_the_threads(vectors: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "many")
    with pytest.raises(ValueError, match="LEAFSCAN_NUM_THREADS must be"):
        build(vectors, metric="cosine")
    assert len(build(vectors, metric="cosine", threads=1)) == len(vectors)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("config", [CONFIGS["exact"], CONFIGS["all"]])
def test_the_first_bad_row_is_named(vectors: Matrix, bad: float, config: Config) -> None:
    spoilt = vectors.copy()
    spoilt[[7, 300], 3] = bad
    with pytest.raises(ValueError, match=r"^vectors must be finite .* row 7\b"):
        build(spoilt, metric="dot_product", config=config)


@pytest.mark.parametrize("metric", ["dot_product", "squared_l2"])
@pytest.mark.parametrize("config", [CONFIGS["exact"], CONFIGS["all"]])
def test_numbers_whose_products_leave_float32_are_refused(
    vectors: Matrix, metric: str, config: Config, recwarn: pytest.WarningsRecorder
) -> None:
    long = vectors.copy()
    long[7, 3] = -1e16
    with pytest.raises(
        ValueError, match=r"^vectors must hold numbers from -1e\+15 .* received -1e\+16 in row 7\."
    ):
        build(long, metric=metric, config=config)
    index = build(vectors, metric=metric, config=config)
    with pytest.raises(ValueError, match=r"^queries must hold numbers .* received -1e\+16 in row 2\."):
        index.search(long[5:8])
    with pytest.raises(ValueError, match=r"^vectors must hold numbers .* received -1e\+16 in row 1\."):
        index.upsert([5, 7], long[6:8])
    assert index.vectors is not None
    # What is within the range is found as ever, whatever its size.
    size = np.float32(2.0**46)
    found = build(vectors * size, metric=metric, config=config).search(vectors[:50] * size)
    np.testing.assert_array_equal(found.ids, index.search(vectors[:50]).ids)
    assert np.isfinite(found.scores).all()
    assert not recwarn.list


def test_cosine_takes_any_finite_length(vectors: Matrix) -> None:
    lengths = np.exp2(np.linspace(-100, 100, len(vectors)).round()).astype(np.float32)[:, np.newaxis]
    found = build(vectors * lengths, metric="cosine").search(vectors[:50] * lengths[::-1][:50])
    np.testing.assert_array_equal(found.ids, build(vectors, metric="cosine").search(vectors[:50]).ids)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"metric": "l2"}, ValueError, 'metric must be "dot_product", "cosine" or "squared_l2"'),
        ({"config": {"tree": None}}, TypeError, "config must be a Config or None; received"),
        ({"seed": -1}, ValueError, "seed must be between 0 and"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number"),
        ({"threads": 0}, ValueError, "threads must be between 1 and"),
        ({"ids": [1, 2]}, ValueError, "one id for each of the 600 rows; received 2"),
        ({"progress": 3}, TypeError, "progress must be None, True, False or a callable"),
        ({"config": Config(tree=Tree(num_leaves=601))}, ValueError, "received 601 leaves for 600 rows"),
    ],
)
def test_bad_arguments_get_a_sentence(
    vectors: Matrix, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        build(vectors, **{"metric": "cosine", **options})


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.int64(5)])
def test_any_seed_of_64_bits_will_do(vectors: Matrix, seed: int) -> None:
    index = build(vectors, metric="cosine", config=CONFIGS["all"], seed=seed)
    assert index.seed == int(seed)
