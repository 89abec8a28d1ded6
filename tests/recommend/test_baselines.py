import sys

import numpy as np
import pytest

from leafscan.recommend import ALS, BPR, MovieLens, Popularity, evaluate, leave_last_out


def test_popularity_counts(data: MovieLens):
    events = leave_last_out(data).train
    scores = Popularity().scores(events, seed=0)
    assert scores.shape == (40, 60)
    for item in (0, 17, 59):
        assert (scores[:, item] == (events.items == item).sum()).all()


@pytest.mark.parametrize(
    "model", [ALS(factors=8, iterations=5), BPR(factors=8, learning_rate=0.05, iterations=60)]
)
def test_factorisations_learn_and_are_seeded(data: MovieLens, model):
    pytest.importorskip("implicit")
    split = leave_last_out(data)
    scores = model.scores(split.train, seed=1)
    assert scores.shape == (40, 60)
    assert np.array_equal(scores, model.scores(split.train, seed=1))
    assert not np.array_equal(scores, model.scores(split.train, seed=2))
    seen = split.train.seen()
    assert scores[seen].mean() > scores[~seen].mean() + 0.1
    assert evaluate(scores, split.train, split.validation).recall > 0


def test_missing_implicit_gets_a_sentence(data: MovieLens, monkeypatch: pytest.MonkeyPatch):
    for module in ("implicit", "implicit.cpu", "implicit.cpu.als"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=r"The ALS baseline needs .* pip install implicit has it"):
        ALS().scores(leave_last_out(data).train)
