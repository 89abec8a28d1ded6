import numpy as np
import pytest

from leafscan.recommend import ranking_metrics, top_items


def slow_metrics(ids: np.ndarray, relevant: np.ndarray) -> tuple[float, float, float]:
    """Follow the definitions, one user and one place at a time."""
    ndcgs, recalls, ranks = [], [], []
    for row, wanted in zip(ids, relevant, strict=True):
        targets = set(np.flatnonzero(wanted).tolist())
        if not targets:
            continue
        gain = sum(1 / np.log2(place + 2) for place, item in enumerate(row) if item in targets)
        ideal = sum(1 / np.log2(place + 2) for place in range(min(len(targets), len(row))))
        ndcgs.append(gain / ideal)
        recalls.append(sum(item in targets for item in row) / len(targets))
        ranks.append(next((1 / (place + 1) for place, item in enumerate(row) if item in targets), 0))
    return float(np.mean(ndcgs)), float(np.mean(recalls)), float(np.mean(ranks))


@pytest.mark.parametrize("seed", range(5))
def test_metrics_follow_their_definitions(seed: int):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(30, 25))
    relevant = rng.random((30, 25)) < 0.1
    ids = top_items(scores, k=7)
    found = ranking_metrics(ids, relevant)
    assert (found.ndcg, found.recall, found.mrr) == pytest.approx(slow_metrics(ids, relevant))
    assert found.users == relevant.any(axis=1).sum()


def test_one_held_out_item_each():
    found = ranking_metrics([[3, 1, 2], [4, 5, -1], [0, 1, 2]], [3, 5, 9])
    assert found.recall == pytest.approx(2 / 3)
    assert found.ndcg == pytest.approx((1 + 1 / np.log2(3)) / 3)
    assert found.mrr == pytest.approx((1 + 0.5) / 3)
    assert found.to_dict() == {"ndcg_at_3": found.ndcg, "recall_at_3": found.recall, "mrr_at_3": found.mrr}
    assert ranking_metrics([[3, 1, 2], [4, 5, -1]], [1, 5], k=1).recall == 0


def test_padding_never_counts():
    assert ranking_metrics([[-1, -1]], [-1]).recall == 0
    assert ranking_metrics([[-1, 1]], np.array([[False, False, True]])).recall == 0


def test_ranks_are_stable_and_seen_items_go():
    scores = [[1.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    assert top_items(scores, k=3).tolist() == [[1, 2, 0], [0, 1, 2]]
    seen = [[False, True, False, False], [True, True, True, False]]
    assert top_items(scores, k=3, seen=seen).tolist() == [[2, 0, 3], [3, -1, -1]]
    assert top_items([[1.0, 3.0]], k=4).tolist() == [[1, 0, -1, -1]]


def test_scores_are_not_changed():
    scores = np.ones((2, 3))
    top_items(scores, seen=np.ones((2, 3), bool))
    assert (scores == 1).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: top_items([1.0, 2.0]), r"scores must have shape \(users, items\), received \(2,\)"),
        (lambda: top_items([[1.0]], k=0), "k must be at least 1, received 0"),
        (lambda: top_items([[1.0], [np.nan]]), "row 1 holds NaN"),
        (lambda: top_items([[1.0]], seen=[[True, False]]), r"shape of scores, \(1, 1\), received \(1, 2\)"),
        (lambda: ranking_metrics([1, 2], [1, 2]), r"received \(2,\) and \(2,\)"),
        (lambda: ranking_metrics([[1], [2]], [1]), r"received \(2, 1\) and \(1,\)"),
        (lambda: ranking_metrics([[1, 2]], [1], k=3), r"1\.\.2, the number of ids a user, received 3"),
        (lambda: ranking_metrics([[5]], [[True, False]]), "below 2, the number of items, received 5"),
        (lambda: ranking_metrics([[1]], [[False, False]]), "at least one item of one user"),
    ],
)
def test_bad_input_gets_a_sentence(call, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        call()
