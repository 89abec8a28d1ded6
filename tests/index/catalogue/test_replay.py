import numpy as np
import pytest

from leafscan.index.catalogue import replay
from leafscan.index.catalogue.replay import batches
from leafscan.index.update import Update


def _upsert(*ids: int, tags: tuple[str, ...] | None = None, width: int = 2) -> Update:
    vectors = np.repeat(np.array(ids, np.float32)[:, None], width, axis=1)
    named = None if tags is None else {name: list(ids) for name in tags}
    return Update(ids=np.array(ids), vectors=vectors, tags=named)


def _delete(*ids: int) -> Update:
    return Update(ids=np.array(ids), vectors=None, tags=None)


def _spans(*updates: Update) -> list[tuple[int, int]]:
    return [(batch.first, batch.last) for batch in batches(enumerate(updates, 1))]


def test_neighbours_of_one_kind_are_joined() -> None:
    (batch,) = batches(enumerate([_upsert(1, 2, tags=("a",)), _upsert(3, tags=("a",))], 5))
    assert (batch.first, batch.last) == (5, 6)
    assert list(batch.update.ids) == [1, 2, 3]
    assert batch.update.vectors is not None
    assert batch.update.vectors.tolist() == [[1, 1], [2, 2], [3, 3]]
    assert batch.update.tags == {"a": [1, 2, 3]}


def test_strings_are_joined() -> None:
    updates = [Update(ids=[name], vectors=None, tags=None) for name in "abc"]
    (batch,) = batches(enumerate(updates, 1))
    assert batch.update.ids == ["a", "b", "c"]
    assert batch.update.vectors is None


@pytest.mark.parametrize(
    "second",
    [
        _delete(1),
        _delete(7),
        _upsert(1),
        _upsert(3, tags=("a",)),
        _upsert(3, width=3),
        Update(ids=["x"], vectors=np.zeros((1, 2), np.float32), tags=None),
    ],
)
def test_where_the_order_matters_it_is_kept(second: Update) -> None:
    assert _spans(_upsert(1), second) == [(1, 1), (2, 2)]


def test_different_tags_are_not_joined() -> None:
    assert _spans(_upsert(1, tags=("a",)), _upsert(2, tags=("a", "b")), _upsert(3)) == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]


def test_a_batch_grows_no_larger_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BATCH_BYTES", 16)
    assert _spans(*(_upsert(number) for number in range(5))) == [(1, 2), (3, 4), (5, 5)]
    monkeypatch.setattr(replay, "BATCH_IDS", 1)
    assert _spans(_delete(1), _delete(2)) == [(1, 1), (2, 2)]


def test_nothing_gives_nothing() -> None:
    assert _spans() == []
