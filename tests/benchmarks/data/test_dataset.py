import numpy as np
import pytest

from benchmarks.data.dataset import DataSet, cached, first_rows


def made(name: str, rows: int = 300, queries: int = 20) -> DataSet:
    generator = np.random.default_rng(0)
    arrays = (generator.standard_normal((count, 6)) for count in (rows, queries))
    return cached(name, "squared_l2", lambda scratch: tuple(arrays))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))


def test_a_set_is_made_once_and_then_read_from_disk():
    first = made("blobs")
    again = cached("blobs", "squared_l2", lambda scratch: pytest.fail("it was on disk"))
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
        cached("blobs", "squared_l2", interrupted)
    assert made("blobs").rows == 300
    assert not (made("blobs").place / "scratch").exists()


def test_a_cut_set_has_neighbours_of_its_own_and_is_kept_for_each_size():
    whole = made("blobs")
    cut = first_rows(whole, rows=100, queries=5)
    assert (cut.rows, cut.queries) == (100, 5)
    assert cut.base().tolist() == whole.base()[:100].tolist()
    assert cut.truth()[0].max() < 100
    assert first_rows(whole, rows=100, queries=7).queries == 7
    assert first_rows(whole, rows=300, queries=20) is whole
