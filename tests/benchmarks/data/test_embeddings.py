import numpy as np
import pytest

from benchmarks.data.embeddings import BLOCK, Embeddings


@pytest.fixture(scope="module")
def source() -> Embeddings:
    return Embeddings(96, seed=3)


def test_rows_are_the_same_whatever_the_threads_and_the_cut(source):
    rows = source.rows(0, BLOCK + 500)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(Embeddings(96, seed=3).rows(0, BLOCK + 500, threads=3), rows)
    np.testing.assert_array_equal(source.rows(BLOCK, 500), rows[BLOCK:])
    assert not np.array_equal(Embeddings(96, seed=4).rows(0, 500), rows[:500])


def test_rows_are_unit_vectors_and_none_comes_twice(source):
    rows = np.concatenate([source.rows(0, 5000), source.rows(BLOCK, 5000)])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_clusters_have_many_sizes_and_the_spectrum_decays(source):
    rows = source.rows(0, 20_000)
    variances = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    assert variances[0] > 5 * variances[24] > 10 * variances[-1]
    company = (rows[:500] @ rows.T > 0.6).sum(axis=1)
    assert np.quantile(company, 0.9) > 10 * np.quantile(company, 0.1)


def test_a_start_inside_a_block_is_refused(source):
    with pytest.raises(ValueError, match=f"first must be a multiple of {BLOCK}; received 7"):
        source.rows(7, 5)


def test_progress_is_told(source):
    told = []
    source.rows(0, BLOCK + 10, tell=told.append)
    assert told == [BLOCK, 10]
