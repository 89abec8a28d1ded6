import numpy as np
import pytest

from benchmarks.plan_estimates import Case, plans, run, spreads, told_row


@pytest.mark.parametrize("recall", [None, 0.9])
def test_a_run_tells_what_was_expected_and_what_came(recall):
    rng = np.random.default_rng(0)
    made = (rng.standard_normal((4_400, 6)) @ rng.standard_normal((6, 16))).astype(np.float32)
    case = Case("few", "cosine", made[:4_000], made[4_000:4_200], made[4_200:], "plain", None, recall)
    one = run(case)
    assert one["told"]["sampled"]["nbytes"] == pytest.approx(one["measured"]["nbytes"], rel=0.01)
    assert one["measured"]["latency_us"] > 0
    assert ("tuned_us" in one["measured"]) == (recall is not None)
    assert one["found"] >= (1 if recall is None else 0.8)
    assert len(told_row(one)) == 10
    held = spreads([one, one])
    assert held["sampled nbytes"]["runs"] == 2
    assert held["sampled nbytes"]["held"] == 1


def test_plans_suit_their_rows():
    names = [name for name, _, _ in plans(10_000)]
    assert len(names) == len(set(names)) == 5
