import numpy as np

from benchmarks.peers.rabitq import widened


def test_narrow_rows_get_zeros_and_wide_rows_are_not_copied():
    narrow, wide = np.ones((3, 32), dtype=np.float32), np.ones((3, 65), dtype=np.float32)
    assert widened(narrow).shape == (3, 64)
    assert widened(narrow).sum() == narrow.sum()
    assert widened(wide) is wide
