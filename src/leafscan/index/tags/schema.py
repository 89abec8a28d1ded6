"""The tables that tags lie in, and a connection that holds them in memory.

The table ``tags`` lists the tags; the values of tag number N lie in ``tag_N``, by the handle of their row and
their place in the row's list, and in an index by value. Names and values of the caller are never part of a
statement.
"""

import re
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from leafscan.index.errors import FileFormatError

__all__ = [
    "MAX_TAGS",
    "Tag",
    "check_schema",
    "connect",
    "create_index",
    "create_table",
    "create_tags",
    "listed",
    "open_bytes",
    "wrong",
]

#: Tags that an index may have; each has a table of its own.
MAX_TAGS = 1000

_TAGS = (
    "CREATE TABLE {schema}tags (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "booleans INTEGER, many INTEGER NOT NULL)"
)
_TABLE = (
    "CREATE TABLE {schema}tag_{number} (handle INTEGER NOT NULL, place INTEGER NOT NULL, value NOT NULL, "
    "PRIMARY KEY (handle, place)) WITHOUT ROWID"
)
_INDEX = "CREATE INDEX {schema}tag_{number}_value ON tag_{number} (value)"
_NUMBERED = re.compile(r"tag_([1-9][0-9]{0,3})")

#: How a database in UTF-8 that is not in write-ahead mode begins, and where it says so.
_MAGIC = b"SQLite format 3\0"
_MODE = slice(18, 20)


class Tag(NamedTuple):
    """What the store knows of a tag: number, whether its values are booleans, whether a row has a list."""

    number: int
    booleans: bool | None
    many: bool


def connect() -> sqlite3.Connection:
    """Open an empty database in memory, whose schema is not trusted and whose pages are checked."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    # Pages hold nothing but what is in them: neither what memory held before, nor rows that were removed.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    configure = getattr(connection, "setconfig", None)  # from Python 3.12 on
    if configure is not None:
        configure(getattr(sqlite3, "SQLITE_DBCONFIG_DEFENSIVE"), True)  # noqa: B009
    return connection


def create_tags(connection: sqlite3.Connection, schema: str = "") -> None:
    """Make the list of tags."""
    connection.execute(_TAGS.format(schema=schema))


def create_table(connection: sqlite3.Connection, number: int, schema: str = "") -> None:
    """Make the table of a tag."""
    connection.execute(_TABLE.format(schema=schema, number=number))


def create_index(connection: sqlite3.Connection, number: int, schema: str = "") -> None:
    """Make the index by value of a tag, after its rows: that is quicker than to keep it up row by row."""
    connection.execute(_INDEX.format(schema=schema, number=number))


def listed(connection: sqlite3.Connection) -> dict[str, Tag]:
    """Return the tags by name, in the order in which they were first given."""
    rows = connection.execute("SELECT name, number, booleans, many FROM tags ORDER BY number")
    return {
        name: Tag(number, None if booleans is None else bool(booleans), bool(many))
        for name, number, booleans, many in rows
    }


def open_bytes(data: bytes, *, thorough: bool) -> sqlite3.Connection:
    """Open what a file holds, whatever that is.

    Parameters
    ----------
    data
        The bytes of a database.
    thorough
        Hold every index to its table, too, which takes some seconds for a million rows.

    Returns
    -------
    sqlite3.Connection
        A copy of them in memory, read-only, with our tables and nothing else.

    Raises
    ------
    FileFormatError
        Naming the section "tags".
    """
    if data[: len(_MAGIC)] != _MAGIC or data[_MODE] != b"\1\1":
        raise wrong("it is not a database as leafscan writes it")
    connection = connect()
    try:
        connection.deserialize(data)
        # Before anything that would run what a schema may hold.
        check_schema(connection)
        _check_pages(connection, thorough=thorough)
        _check_list(connection)
        connection.execute("PRAGMA query_only = ON")
    except (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError) as error:
        connection.close()
        raise wrong(f"SQLite says {str(error) or type(error).__name__}") from error
    except FileFormatError:
        connection.close()
        raise
    return connection


def check_schema(connection: sqlite3.Connection) -> None:
    """Hold that a database has our tables and nothing else."""
    there = set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
    if not all(isinstance(part, (str, type(None))) for row in there for part in row):
        raise wrong("its schema is not text")
    numbers = [int(found[1]) for row in there if (found := _NUMBERED.fullmatch(row[1] or ""))]
    if there != set(_schema(numbers)):
        raise wrong("it has other tables than leafscan writes")
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        raise wrong(f"its text is in {encoding}")


def _schema(numbers: Iterable[int]) -> Iterable[tuple[str, str, str, str | None]]:
    yield "table", "tags", "tags", _TAGS.format(schema="")
    yield "index", "sqlite_autoindex_tags_1", "tags", None
    for number in numbers:
        yield "table", f"tag_{number}", f"tag_{number}", _TABLE.format(schema="", number=number)
        yield "index", f"tag_{number}_value", f"tag_{number}", _INDEX.format(schema="", number=number)


def _check_pages(connection: sqlite3.Connection, *, thorough: bool) -> None:
    check = "integrity_check" if thorough else "quick_check"
    (found,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    if found != "ok":
        raise wrong(f"SQLite's {check} says {found!r:.200}")


def _check_list(connection: sqlite3.Connection) -> None:
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT number, name, booleans, many FROM tags"
    ).fetchall()
    numbers = {row[0] for row in rows}
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'tags'")
    if {f"tag_{number}" for number in numbers} != {name for (name,) in tables} or len(rows) > MAX_TAGS:
        raise wrong("its list of tags is not that of its tables")
    for _, name, booleans, many in rows:
        if not isinstance(name, str) or not name or booleans not in (None, 0, 1) or many not in (0, 1):
            raise wrong("its list of tags holds what no tag is")


def wrong(why: str) -> FileFormatError:
    """Return the error of a section that is damaged or hostile."""
    return FileFormatError(f"the section 'tags' is wrong: {why}.")
