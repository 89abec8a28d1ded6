import numpy as np
import pytest

from leafscan.index.tuning.interval import fewest_queries, recall_interval


@pytest.mark.parametrize(("share", "together"), [(0.95, False), (0.8, False), (0.9, True), (0.99, True)])
def test_the_low_end_is_as_sure_as_it_says(share: float, together: bool) -> None:
    # Neighbours of one query are found each for itself, or all together: the worst that can be.
    rng = np.random.default_rng(3)
    above = 0
    for _ in range(2_000):
        if together:
            recalls = (rng.random(400) < share).astype(np.float64)
        else:
            recalls = rng.binomial(10, share, size=400) / 10
        above += recall_interval(recalls, 10, 0.95)[1] > share
    assert 0.01 < above / 2_000 < 0.08


def test_what_misses_nothing_is_not_known_to_be_perfect() -> None:
    mean, low, high = recall_interval(np.ones(300), 10, 0.95)
    assert mean == high == 1
    assert 0.99 < low < 1


def test_one_query_tells_next_to_nothing() -> None:
    _, low, high = recall_interval(np.array([0.9]), 10, 0.95)
    assert low < 0.5
    assert high == pytest.approx(0.99, abs=0.02)


@pytest.mark.parametrize("recall", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_the_fewest_queries_are_just_enough(recall: float) -> None:
    fewest = fewest_queries(recall, 0.95)
    assert recall_interval(np.ones(fewest), 10, 0.95)[1] >= recall
    assert recall_interval(np.ones(fewest - 1), 10, 0.95)[1] < recall
