from dataclasses import replace

import pytest

from benchmarks.ten_million.bounds import ROWS, Outcome

KEPT = Outcome(ROWS, {20: 22.0, 100: 19.0}, 11.0, 300.0, 0.951, 0.4)


def test_a_good_outcome_breaks_nothing():
    assert KEPT.broken() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dimensions": {20: 25.1}}, "dimension at 20 neighbours is 25.1"),
        ({"dimensions": {20: 20.0, 100: 14.9}}, "dimension at 100 neighbours is 14.9"),
        ({"peak_gib": 24.1}, "peaked at 24.1 GiB"),
        ({"build_seconds": 1201.0}, "took 20.0 minutes"),
        ({"recall": 0.9499}, "Recall is 0.9499"),
        ({"median_ms": 2.0}, "takes 2.00 ms"),
    ],
)
def test_each_bound_is_told_by_itself(change, says):
    (sentence,) = replace(KEPT, **change).broken()
    assert says in sentence


def test_a_small_trial_need_not_have_the_dimension_of_the_large_one():
    assert replace(KEPT, rows=20_000, dimensions={20: 12.0}).broken() == []
