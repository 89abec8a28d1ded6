from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leafscan import FileFormatError
from leafscan.index.catalogue import rows
from leafscan.index.catalogue.rows import Row, decode, encode
from leafscan.index.update import Update

VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
UPSERT = Update(
    ids=np.array([5, 3, 2**62, 0]),
    vectors=VECTORS,
    tags={"a": ["x", "y", "", "é"], "b": [1, 2.5, None, True]},
)
STRINGS = Update(ids=["a", "bc", "é", "\U0001f600"], vectors=VECTORS, tags=None)
DELETION = Update(ids=np.array([5, 3]), vectors=None, tags=None)


def _one(update: Update) -> Row:
    (row,) = encode(update, 6)
    return row


def _same(one: Update, other: Update) -> bool:
    alike = list(one.ids) == list(other.ids) and type(one.ids) is type(other.ids) and one.tags == other.tags
    if one.vectors is None or other.vectors is None:
        return alike and one.vectors is other.vectors
    return alike and np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("update", [UPSERT, STRINGS, DELETION])
def test_what_was_written_is_read(update: Update) -> None:
    row = _one(update)
    assert (row.sequence, row.closing) == (7, 1)
    assert _same(decode(row, 7), update)


def test_a_long_update_takes_several_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PART_BYTES", 2 * 12 + 11)
    parts = list(encode(UPSERT, 6))
    assert [(row.sequence, row.closing) for row in parts] == [(7, 0), (8, 1)]
    read = [decode(row, row.sequence) for row in parts]
    assert [one for update in read for one in update.ids] == list(UPSERT.ids)
    assert np.array_equal(
        np.concatenate([update.vectors for update in read if update.vectors is not None]), VECTORS
    )
    assert [one for update in read for one in (update.tags or {})["b"]] == [1, 2.5, None, True]


def test_a_long_deletion_takes_several_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PART_IDS", 1)
    assert [row.closing for row in encode(DELETION, 0)] == [0, 1]


def test_tags_of_numpy_are_written_as_what_they_are() -> None:
    update = replace(
        UPSERT, tags={"a": list(np.array([1, 2, 3, 4])), "b": np.array([True, False, True, True])}
    )
    assert decode(_one(update), 7).tags == {"a": [1, 2, 3, 4], "b": [True, False, True, True]}


def test_several_values_of_a_row_are_written_as_a_list() -> None:
    cells = [("a", "b"), {"c"}, np.array(["d"]), ["e", "f"]]
    assert decode(_one(replace(UPSERT, tags={"a": cells})), 7).tags == {
        "a": [["a", "b"], ["c"], ["d"], ["e", "f"]]
    }


def test_a_column_of_another_length_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="the tag 'a' must hold one value for each of the 4 ids; received 0"):
        list(encode(replace(UPSERT, tags={"a": iter(())}), 0))


def test_a_tag_that_json_cannot_hold_gets_a_sentence() -> None:
    with pytest.raises(TypeError, match=r"tags must be strings, numbers, .* received b'x' \(bytes\)"):
        list(encode(replace(UPSERT, tags={"a": [b"x"] * 4}), 0))


CHANGES: dict[str, Any] = {
    "kind": "delete",
    "closing": 0,
    "ids": np.array([5, 3, 2**62, 1]).tobytes(),
    "vectors": (VECTORS + 1).tobytes(),
    "tags": None,
    "checksum": b"\0" * 32,
}


@pytest.mark.parametrize(("field", "value"), CHANGES.items())
def test_no_change_goes_unseen(field: str, value: Any) -> None:
    row = _one(UPSERT)
    with pytest.raises(FileFormatError, match=r"the row 7 .* does not agree with its checksum"):
        decode(row._replace(**{field: value}), 7)


@pytest.mark.parametrize("field", Row._fields[1:])
@pytest.mark.parametrize("value", [None, 1.5, b"", "", 10**9, "\ud800"])
def test_no_type_goes_unseen(field: str, value: Any) -> None:
    row = _one(UPSERT)
    with pytest.raises(FileFormatError, match="the row 7 "):
        decode(row._replace(**{field: value}), 7)


def test_fields_do_not_run_into_one_another() -> None:
    row = _one(DELETION)
    moved = row._replace(kind=row.kind[:-1], closing=11)
    with pytest.raises(FileFormatError, match="checksum"):
        decode(moved, 7)


def test_a_row_in_the_place_of_another_is_told() -> None:
    with pytest.raises(FileFormatError, match="the row 6 of the journal is missing"):
        decode(_one(UPSERT), 6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "replace"}, "is of the kind 'replace'"),
        ({"kind": "delete"}, "is of the kind 'delete'"),
        ({"vectors": None}, "is of the kind 'upsert'"),
        ({"ids": b""}, "holds 0 bytes of ids"),
        ({"ids": b"123"}, "holds 3 bytes of ids"),
        ({"ids": "[]"}, "holds no list of ids"),
        ({"ids": "[1]"}, "holds no list of ids"),
        ({"ids": "["}, "is not JSON"),
        ({"ids": "[" * 100_000}, "is not JSON"),
        ({"vectors": b"1234567"}, "holds 7 bytes of vectors for 4 ids"),
        ({"tags": "[]"}, "holds no tags for 4 ids"),
        ({"tags": '{"a": [1, 2]}'}, "holds no tags for 4 ids"),
        ({"tags": '{"a": 7}'}, "holds no tags for 4 ids"),
    ],
)
def test_a_row_that_was_made_to_look_right_is_read_with_care(change: dict[str, Any], why: str) -> None:
    row = _one(UPSERT)._replace(**change)
    with pytest.raises(FileFormatError, match=f"the row 7 .*{why}"):
        decode(row._replace(checksum=rows._digest(row)), 7)
