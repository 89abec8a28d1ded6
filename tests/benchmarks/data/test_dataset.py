from pathlib import Path

import numpy as np
import pytest

from benchmarks.data import dataset
from benchmarks.data.dataset import DataSet, Matrix, Source


def blobs(name: str, rows: int = 300, queries: int = 20) -> Source:
    def make(scratch: Path) -> tuple[Matrix, Matrix]:
        generator = np.random.default_rng(0)
        return generator.standard_normal((rows, 6)), generator.standard_normal((queries, 6))

    return Source(name, "squared_l2", make)


def made(name: str, rows: int = 300) -> DataSet:
    return blobs(name, rows).whole()


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))


def test_a_set_is_made_once_and_then_read_from_disk():
    first = made("blobs")
    again = Source("blobs", "squared_l2", lambda scratch: pytest.fail("it was on disk")).whole()
    assert again == first
    assert (first.rows, first.dimensions, first.queries) == (300, 6, 20)
    assert first.base().dtype == first.query_rows().dtype == np.float32
    assert first.truth()[0].shape == (20, 10)


def test_equal_data_has_an_equal_fingerprint():
    assert made("one").fingerprint == made("two").fingerprint
    assert made("one").fingerprint != made("three", rows=301).fingerprint


def test_an_interrupted_run_leaves_nothing_that_looks_complete():
    def interrupted(scratch):
        (scratch / "part").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Source("blobs", "squared_l2", interrupted).whole()
    assert made("blobs").rows == 300
    assert not (made("blobs").place / "scratch").exists()


def test_a_run_interrupted_while_it_writes_leaves_nothing_that_looks_complete(monkeypatch):
    def interrupted(file, rows):
        Path(file).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dataset.np, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made("blobs")
    assert made("blobs").rows == 300


def test_a_cut_set_has_neighbours_of_its_own_and_is_kept_for_each_size():
    source = blobs("blobs")
    cut = source.first(rows=100, queries=5)
    whole = source.whole()
    assert (cut.rows, cut.queries) == (100, 5)
    assert cut.base().tolist() == whole.base()[:100].tolist()
    assert cut.query_rows().tolist() == whole.query_rows()[:5].tolist()
    assert cut.truth()[0].max() < 100
    assert source.first(rows=100, queries=7).queries == 7
    assert source.first(rows=300, queries=20) == source.first(rows=10**6, queries=10**6) == whole


def test_a_cut_set_does_not_seek_the_neighbours_of_the_whole(monkeypatch):
    asked = []
    real = dataset.exact_neighbours
    monkeypatch.setattr(
        dataset, "exact_neighbours", lambda base, *rest: asked.append(len(base)) or real(base, *rest)
    )
    blobs("blobs").first(rows=100, queries=5)
    assert asked == [100]
