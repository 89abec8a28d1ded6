"""Bytes that claim to be tags: tags, or an error that names the section; never a crash, and nothing runs."""

import sqlite3
from collections.abc import Callable

import numpy as np
import pytest

from leafscan import FileFormatError
from leafscan.index.tags import Tags

N = 300
WHERE = {"genre": {"$in": ["Comedy", "Crime"]}, "year": {"$gte": 1990}}


@pytest.fixture(scope="module")
def good() -> bytes:
    rng = np.random.default_rng(0)
    tags = Tags.from_columns(
        {
            "genre": [list(some) for some in rng.choice(["Comedy", "Crime", "Drama"], (N, 2))],
            "year": rng.integers(1950, 2020, N),
            "title": [f"film {number} " + "x" * 50 for number in range(N)],
            "in stock": rng.random(N) < 0.5,
        },
        N,
    )
    return tags.to_bytes(np.arange(N))


def changed(good: bytes, change: Callable[[sqlite3.Connection], object]) -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(good)
    change(connection)
    return connection.serialize()


def run(*statements: str) -> Callable[[sqlite3.Connection], object]:
    def change(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return change


def use(data: bytes) -> None:
    """Load as an index does, without the thorough check, and ask all there is to ask."""
    tags = Tags.from_section(np.frombuffer(data, np.uint8))
    for name in tags.names:
        tags.matching(np.arange(N), {name: {"$exists": True}})
        tags.matching(np.arange(N), {name: {"$gte": ""}})
        tags.matching(np.arange(N), {name: {"$lt": 1e9}})
    tags.get(np.arange(N))
    tags.to_bytes(np.arange(1, N))
    tags.put([N], {name: [None] for name in tags.names})
    tags.remove(np.arange(0, N, 3))


def test_good_bytes_are_good(good: bytes) -> None:
    Tags.from_bytes(good).check(N)
    use(good)
    with pytest.raises(FileFormatError, match="of a row that there is not"):
        Tags.from_bytes(good).check(N - 1)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE more (x)"],
        ["CREATE VIEW more AS SELECT 1"],
        ["CREATE TRIGGER t AFTER DELETE ON tag_1 BEGIN DELETE FROM tag_2; END"],
        ["CREATE INDEX more ON tag_1 (place)"],
        ["DROP INDEX tag_1_value"],
        ["DROP TABLE tag_1"],
        ["DROP TABLE tags", "CREATE VIEW tags AS SELECT 1 AS number, 'a' AS name, 0 AS booleans, 0 AS many"],
        ["DROP TABLE tag_1", "CREATE VIRTUAL TABLE tag_1 USING fts5(handle, place, value)"],
        [
            "DROP TABLE tag_1",
            "CREATE TABLE tag_1 (handle INTEGER NOT NULL, place INTEGER NOT NULL, "
            "value AS (zeroblob(1000000000)), PRIMARY KEY (handle, place)) WITHOUT ROWID",
            "CREATE INDEX tag_1_value ON tag_1 (value)",
        ],
        ["CREATE TABLE tag_9999 (handle INTEGER)"],
        ["DELETE FROM tags WHERE number = 2"],
        ["UPDATE tags SET number = 7 WHERE number = 2"],
        ["UPDATE tags SET name = '' WHERE number = 2"],
        ["UPDATE tags SET name = x'00' WHERE number = 2"],
        ["UPDATE tags SET name = CAST(x'ff' AS TEXT) WHERE number = 2"],
        ["UPDATE tags SET booleans = 3 WHERE number = 2"],
        ["UPDATE tags SET booleans = 'x' WHERE number = 2"],
        ["UPDATE tags SET many = 2 WHERE number = 2"],
        ["ANALYZE"],
    ],
)
def test_other_tables_are_refused_whenever_it_is_opened(good: bytes, statements: list[str]) -> None:
    data = changed(good, run(*statements))
    with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
        Tags.from_bytes(data)
    with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
        use(data)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tag_2 SET handle = 'five' WHERE handle = 5",
        "UPDATE tag_2 SET handle = 5.5 WHERE handle = 5",
        "UPDATE tag_2 SET handle = -5 WHERE handle = 5",
        f"UPDATE tag_2 SET handle = {2**62} WHERE handle = 5",
        "UPDATE tag_2 SET handle = x'05' WHERE handle = 5",
        "UPDATE tag_2 SET place = 'here' WHERE handle = 5",
        "UPDATE tag_2 SET place = -7 WHERE handle = 5",
        "UPDATE tag_2 SET value = x'05' WHERE handle = 5",
        "UPDATE tag_4 SET value = 2 WHERE handle = 5",
        "UPDATE tag_3 SET value = CAST(x'ff41' AS TEXT) WHERE handle = 5",
    ],
)
def test_values_that_no_tag_has_are_found_by_check_and_harm_nothing(good: bytes, statement: str) -> None:
    data = changed(good, run(statement))
    tags = Tags.from_section(np.frombuffer(data, np.uint8))
    with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
        tags.check(N)
    try:
        use(data)
    except FileFormatError as error:
        assert "the section 'tags' is wrong" in str(error)  # noqa: PT017


def test_an_index_that_is_not_its_table_s_is_found(good: bytes) -> None:
    def swap(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA writable_schema = ON")
        pages = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
        for name, other in (("tag_1_value", "tag_2_value"), ("tag_2_value", "tag_1_value")):
            connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = ?", (pages[other], name))

    with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
        Tags.from_bytes(changed(good, swap))


@pytest.mark.parametrize("mode", [b"\2\2", b"\0\0"])
def test_other_kinds_of_database_are_refused(good: bytes, mode: bytes) -> None:
    for data in (b"", b"SQLite", b"\0" * 4096, good[:18] + mode + good[20:], good[1:]):
        with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
            Tags.from_bytes(data)


def test_text_in_utf_16_is_refused(good: bytes) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(good)
    script = list(connection.iterdump())
    other = sqlite3.connect(":memory:", isolation_level=None)
    other.execute("PRAGMA encoding = 'UTF-16'")
    other.executescript("\n".join(script))
    with pytest.raises(FileFormatError, match=r"text is in UTF-16|other tables"):
        Tags.from_bytes(other.serialize())


def test_cut_short_anywhere(good: bytes) -> None:
    lengths = {0, 1, 15, 16, 99, 100, 512, 4095, 4096, 4097, len(good) - 4096, len(good) - 1}
    lengths |= set(np.random.default_rng(1).integers(0, len(good), 40).tolist())
    for length in sorted(lengths):
        with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
            Tags.from_bytes(good[:length])


@pytest.mark.parametrize("seed", range(4))
def test_damaged_anywhere(good: bytes, seed: int) -> None:
    rng = np.random.default_rng(seed)
    refused = 0
    for round_ in range(150):
        data = bytearray(good)
        # The head of a page has what leads to others.
        heads = rng.integers(0, len(good) // 4096, 3) * 4096 + rng.integers(0, 120, 3)
        places = heads if round_ % 2 else rng.integers(0, len(good), 5)
        for place in places:
            data[int(place)] = int(rng.integers(256))
        try:
            use(bytes(data))
        except FileFormatError as error:
            assert "the section 'tags' is wrong" in str(error)  # noqa: PT017
            refused += 1
    assert refused > 20
