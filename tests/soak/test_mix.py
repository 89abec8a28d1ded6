import json
import time
from typing import Any

import numpy as np
import pytest

from leafscan.index.living import Living
from leafscan.index.roster import Roster
from soak.mix.history import History
from soak.mix.looks import LOOKS
from soak.mix.memory import growth
from soak.mix.model import Version, kept
from soak.mix.run import run
from soak.mix.subjects import PLANS


def test_ten_seconds_of_everything() -> None:
    results = run(10, seed=3)
    assert results.tally.wrong == []
    assert set(results.tally.calls) == set(PLANS)
    for deed in ("upsert", "delete", "search", "batch", "filtered search"):
        assert results.tally.total(deed) > 0, deed
    assert not results.grows
    said = json.loads(json.dumps(results.to_dict()))
    assert said["total_calls"] == results.tally.total()
    assert said["memory"] is None


def test_a_searcher_that_is_published_before_its_ids_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Living.publish

    def too_early(living: Living, prepared: Any) -> None:
        living.searcher = prepared.next.searcher
        time.sleep(0.005)
        publish(living, prepared)

    monkeypatch.setattr(Living, "publish", too_early)
    assert len(run(60, seed=3).tally.wrong) > 0


def test_a_filter_that_misses_an_update_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Roster, "written_since", lambda roster, version: {})
    assert len(run(60, seed=3).tally.wrong) > 0


def test_the_looks_are_all_there_is_to_look_at() -> None:
    assert sum(LOOKS.values()) == 100


@pytest.fixture
def version() -> Version:
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 2]]
    return Version.empty(5, 4).upserted(
        np.array([3, 0, 1]), vectors, None, np.array([1990, 1991, 1992], np.int16)
    )


def test_a_version_keeps_the_order_of_what_came(version: Version) -> None:
    assert version.order().tolist() == [3, 0, 1]
    after = version.upserted(np.array([3]), np.ones((1, 4), np.float32), np.array([1], np.int8), None)
    assert after.order().tolist() == [0, 1, 3]
    assert after.tags(np.array([3, 0])) == {"genre": ["Crime", None], "year": [1990, 1991]}
    gone = after.deleted(np.array([3]))
    assert gone.order().tolist() == [0, 1]
    back = gone.upserted(np.array([3]), np.ones((1, 4), np.float32), None, None)
    assert back.tags(np.array([3])) == {"genre": [None], "year": [None]}
    assert version.order().tolist() == [3, 0, 1]


@pytest.mark.parametrize(
    ("found", "scores", "why"),
    [
        ([0, 1], [3, 2], None),
        ([1, 0], [2, 3], "out of order"),
        ([0, 3], [3, 1], "passed over"),
        ([0, 0], [3, 3], "twice"),
        ([0, 2], [3, 2], "not there"),
        ([0, -2], [3, 2], "never was"),
        ([0, 1], [3, 2.5], "off by"),
        ([0, -1], [3, -np.inf], "where 2 are to be found"),
        ([0, -1], [3, 2], "without an id"),
        ([-1, 1], [-np.inf, 2], "gap"),
    ],
)
def test_a_wrong_answer_is_refused(
    version: Version, found: list[int], scores: list[float], why: str | None
) -> None:
    query = np.array([1, 3, 2, 0], np.float32)
    said = version.refuses(
        "dot_product", query, np.array(found), np.array(scores, np.float32), None, exact=True
    )
    assert (said is None) if why is None else (said is not None and why in said)
    if why in ("passed over", "where 2 are to be found"):
        assert not version.refuses(
            "dot_product", query, np.array(found), np.array(scores, np.float32), None, exact=False
        )


def test_what_a_filter_denies_is_refused(version: Version) -> None:
    allowed = np.array([False, True, True, True, True])
    said = version.refuses(
        "dot_product",
        np.array([1, 3, 2, 0], np.float32),
        np.array([0]),
        np.array([3], np.float32),
        allowed,
        exact=True,
    )
    assert said is not None
    assert "not allowed" in said


def test_a_call_may_have_seen_what_was_there_from_its_beginning_to_its_end(version: Version) -> None:
    history = History(version)
    second, third = version.deleted(np.array([0])), version.deleted(np.array([1]))
    with history.call() as alone:
        pass
    assert alone.alone is version
    with history.update(second), history.call() as during:
        pass
    assert during.versions == [version, second]
    with history.call() as across, history.update(third):
        pass
    assert across.versions == [second, third]
    with history.call() as after:
        pass
    assert after.versions == [third]
    assert history.longest == 2


def test_vectors_are_rounded_as_an_index_rounds_them() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    rounded = kept("dot_product", "bfloat16", rows)
    assert (rounded.view(np.uint32) & 0xFFFF == 0).all()
    np.testing.assert_allclose(rounded, rows, rtol=2**-8)


def test_memory_that_stays_does_not_grow() -> None:
    rng = np.random.default_rng(0)
    warm = [(float(t), 150 - 50 * np.exp(-t / 200) + rng.normal()) for t in range(3600)]
    assert not growth(warm).grows
    leak = [(t, mib + t / 100) for t, mib in warm]
    assert growth(leak).grows
    assert growth(leak).slope_mib_an_hour == pytest.approx(36, abs=3)
