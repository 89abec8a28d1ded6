import sys
from dataclasses import replace

import numpy as np
import pytest

from leafscan.recommend import (
    ALS,
    BPR,
    QUALITY,
    Interactions,
    MovieLens,
    Popularity,
    QualityScorer,
    QualitySettings,
    TutorialScorer,
    als_grid,
    bpr_grid,
    evaluate,
    leave_last_out,
    quality_grid,
    quality_report,
    report_table,
    tune,
)

SMALL = QualitySettings(
    width=8, history_length=6, timescales=(2.0, 6.0), batch_size=64, epochs=8, learning_rate=0.02
)


class Oracle:
    """Scores what it is told to, and keeps what it was given."""

    def __init__(self, best: Interactions, worse: int = 0) -> None:
        self.best, self.worse, self.given = best, worse, []

    def scores(self, events: Interactions, *, seed: int) -> np.ndarray:
        self.given.append((events, seed))
        scores = np.zeros((events.num_users, events.num_items))
        scores[self.best.users, self.best.items] = 1
        scores[events.users, events.items] = 2
        return scores if seed >= self.worse else -scores


def test_evaluate_takes_seen_items_out_and_judges_the_held_out(data: MovieLens):
    split = leave_last_out(data)
    oracle = Oracle(split.test)
    perfect = evaluate(oracle.scores(split.refit, seed=0), split.refit, split.test)
    assert (perfect.ndcg, perfect.recall, perfect.mrr) == (1, 1, 1)
    assert perfect.users == 40
    some = split.test.take(split.test.users < 7)
    assert evaluate(oracle.scores(split.refit, seed=0), split.refit, some).users == 7
    assert (
        evaluate(oracle.scores(split.refit, seed=0), split.train.take(split.train.users < 0), split.test).mrr
        < 1
    )


def test_the_report_learns_from_refit_and_tests_on_test(data: MovieLens):
    split = leave_last_out(data)
    oracle = Oracle(split.test, worse=1)
    report = quality_report(
        data, seeds=(0, 1, 2, 3), models={"popularity": Popularity(), "oracle": oracle}, progress=False
    )
    assert [seed for _, seed in oracle.given] == [0, 1, 2, 3]
    assert all(np.array_equal(events.items, split.refit.items) for events, _ in oracle.given)
    assert [row["model"] for row in report] == ["popularity", "oracle"]
    assert [row["seeds"] for row in report] == [1, 4]
    worst = evaluate(-oracle.scores(split.refit, seed=1), split.refit, split.test).recall
    assert report[1]["recall_at_10"] == pytest.approx((3 + worst) / 4)
    assert report[1]["recall_at_10_std"] == pytest.approx(np.std([worst, 1, 1, 1]))
    direct = evaluate(Popularity().scores(split.refit), split.refit, split.test)
    assert report[0]["ndcg_at_10"] == pytest.approx(direct.ndcg)


def test_the_default_report_names_all_models(data: MovieLens, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("implicit")
    rows = quality_report(data, seeds=(0,), k=5, progress=False)
    assert [row["model"] for row in rows] == ["popularity", "tutorial", "als", "bpr", "quality"]
    assert all(0 < row["recall_at_5"] <= 1 and row["seconds"] > 0 for row in rows)
    lines = report_table(rows, k=5).splitlines()
    assert len(lines) == 6
    assert "+0 %" in lines[1]
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setattr(TutorialScorer, "scores", lambda self, events, *, seed: np.zeros((40, 60)))
    monkeypatch.setattr(QualityScorer, "scores", lambda self, events, *, seed: np.zeros((40, 60)))
    rows = quality_report(leave_last_out(data), seeds=(0,), progress=False)
    assert [row["model"] for row in rows] == ["popularity", "tutorial", "quality"]


def test_a_table_without_popularity_has_no_gains():
    row = {"model": "x", "ndcg_at_10": 0.1, "recall_at_10": 0.2, "seconds": 3.0}
    assert report_table([row]).splitlines()[1].split() == ["x", "0.1000", "0.2000", "3.0"]


def test_the_quality_model_beats_popularity_on_made_up_tastes(data: MovieLens):
    rows = quality_report(
        data,
        seeds=(0, 1),
        models={"popularity": Popularity(), "quality": QualityScorer(SMALL)},
        progress=False,
    )
    assert rows[1]["recall_at_10"] > 1.1 * rows[0]["recall_at_10"]


def test_tuning_uses_the_validation_part_alone(data: MovieLens):
    split = leave_last_out(data)
    oracle = Oracle(split.validation)

    class Named(Popularity):
        scores = staticmethod(oracle.scores)  # type: ignore[assignment]

    rows = tune(split, {"a": Popularity(), "b": Named()}, seeds=(0, 1), progress=False)
    assert [row["scorer"] for row in rows] == ["Named", "Popularity"]
    assert rows[0]["recall_at_10"] == 1
    assert all(np.array_equal(events.items, split.train.items) for events, _ in oracle.given)
    assert rows[1]["settings"] == {}


def test_the_grids_hold_the_defaults():
    assert ALS() in als_grid()
    assert BPR() in bpr_grid()
    assert QualityScorer() in quality_grid()
    assert len(set(als_grid())) == 36
    assert len(set(bpr_grid())) == 36
    assert len({replace(scorer.settings) for scorer in quality_grid()}) == len(quality_grid())
    assert quality_grid()[0].settings == QUALITY


def test_empty_questions_get_a_sentence(data: MovieLens):
    with pytest.raises(ValueError, match="received 0 seeds and 1 models"):
        quality_report(data, seeds=(), models={"p": Popularity()})
    with pytest.raises(ValueError, match="received 0 scorers"):
        tune(data, [])
