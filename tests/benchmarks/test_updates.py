import numpy as np
import pytest

from benchmarks.updates import measure, recall


def test_recall_is_the_share_of_the_best():
    assert recall(np.array([[*range(9), 99]]), np.array([range(10)])) == 0.9


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
def test_half_of_the_rows_are_replaced(metric):
    rows = np.random.default_rng(0).normal(size=(3_000, 8)).astype(np.float32)
    told = dict(measure(rows, rows[:20], 2_000, metric))
    assert told["health"].startswith("tombstones 0.50")
    # Few rows are searched exactly, so that nothing is lost either way.
    assert told["updated: recall@10"] == told["built anew: recall@10"] == "1.0000"
    assert float(told["delete of one"].split()[0].replace(",", "")) > 0
