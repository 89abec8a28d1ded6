"""The tags of an index, in a SQLite database in memory."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain, islice, repeat
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.forks import Rank, fork_safe
from leafscan.index.tags import schema
from leafscan.index.tags.columns import SINGLE, Column, read_columns
from leafscan.index.tags.matching import Places, holds
from leafscan.index.tags.schema import Tag
from leafscan.index.tags.where import read_where

__all__ = ["Tags"]

#: Rows in one INSERT: four times as quick as one by one. Every SQLite takes the three values of each.
ROWS_AT_ONCE = 100

#: Handles that one statement looks for, and how many of them are quicker found by reading all.
HANDLES_AT_ONCE = 500
READ_ALL_FROM = 20_000


class Tags:
    """The tags of rows, known by their handles: integers that never change and are never used twice.

    Any number of threads may ask beside one that writes; each write is seen as a whole, or not at all.

    Examples
    --------
    >>> genres = ["Comedy", ["Comedy", "Crime"], None]
    >>> tags = Tags.from_columns({"genre": genres, "year": [1994, 1995, 1996]}, 3)
    >>> tags.matching(np.arange(3), {"genre": "Comedy", "year": {"$gte": 1995}}).tolist()
    [False, True, False]
    >>> tags.get([1, 2])
    {'genre': [['Comedy', 'Crime'], None], 'year': [1995, 1996]}
    """

    __slots__ = ("__weakref__", "_built", "_connection", "_foreign", "_lock", "_section", "_tags")

    def __init__(self) -> None:
        self._lock = fork_safe(Rank.TAGS)
        self._connection: sqlite3.Connection | None = None
        self._tags: dict[str, Tag] = {}
        # What a file holds, as long as nothing was changed; opened when it is first asked.
        self._section: NDArray[np.uint8] | None = None
        # The rows 0 to n - 1 that it was built of, as long as nothing was changed.
        self._built: int | None = None
        # Whether others may have written what is in it.
        self._foreign = False

    @classmethod
    def from_columns(cls, columns: Mapping[str, Any], n: int) -> Self:
        """Store the tags of the rows with the handles 0 to ``n`` - 1.

        Parameters
        ----------
        columns
            As `leafscan.index.tags.columns.read_columns` takes them.
        n
            How many rows.

        Raises
        ------
        TypeError, ValueError
            If ``columns`` are not of ``n`` values that can be tags.
        """
        read = read_columns(columns, n)
        tags = cls()
        tags._connection = schema.connect()
        schema.create_tags(tags._connection)
        with tags._writing() as connection:
            tags._add(connection, np.arange(n, dtype=np.int64), read)
        tags._built = n
        return tags

    @classmethod
    def from_section(cls, section: NDArray[np.uint8]) -> Self:
        """Take what a file holds; it is opened, and checked, when it is first asked."""
        tags = cls()
        tags._section = section
        tags._foreign = True
        return tags

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Take what `to_bytes` gave, or what claims to be that, and check it.

        Raises
        ------
        FileFormatError
            If it is damaged, or holds anything but tags as this class writes them; it names the section
            "tags".
        """
        tags = cls.from_section(np.frombuffer(data, np.uint8))
        tags.check()
        return tags

    def check(self, n: int | None = None) -> None:
        """Check what a file holds to the last byte, and that handles are below ``n``.

        Raises
        ------
        FileFormatError
            If anything is wrong.
        """
        if self._section is None:
            return
        connection = schema.open_bytes(self._section.tobytes(), thorough=True)
        try:
            for number, booleans, _ in schema.listed(connection).values():
                (values,) = connection.execute(
                    f"SELECT count(*) FROM tag_{number} WHERE typeof(handle) <> 'integer' OR handle < 0 "
                    f"OR handle >= ? OR typeof(place) <> 'integer' OR place < {SINGLE} "
                    "OR typeof(value) NOT IN ('integer', 'real', 'text') OR (? AND value NOT IN (0, 1))",
                    (2**63 - 1 if n is None else n, bool(booleans)),
                ).fetchone()
                if values:
                    raise schema.wrong("it holds a value that no tag has, or of a row that there is not")
                for _ in connection.execute(f"SELECT DISTINCT value FROM tag_{number} WHERE value >= ''"):
                    pass  # Text that is not UTF-8 raises.
        except sqlite3.Error as error:
            raise schema.wrong(f"SQLite says {error}") from error
        finally:
            connection.close()

    @property
    def names(self) -> list[str]:
        """The names of the tags, in the order in which they were first given."""
        with self._reading():
            return list(self._tags)

    @property
    def nbytes(self) -> int:
        """The bytes that they take."""
        if self._section is not None:
            return self._section.nbytes
        with self._reading() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            return int(pages * size)

    def matching(self, handles: ArrayLike, where: Mapping[str, Any]) -> NDArray[np.bool_]:
        """Tell which rows are as asked.

        Parameters
        ----------
        handles
            (n,) integers, ascending: the rows there are.
        where
            As `leafscan.index.tags.where.read_where` takes it.

        Returns
        -------
        NDArray[np.bool_]
            (n,), in the order of ``handles``.

        Raises
        ------
        TypeError, ValueError
            If ``where`` is not as it should be, or asks for a tag that there is not.
        """
        places = Places(np.asarray(handles, np.int64))
        with self._reading() as connection:
            return holds(read_where(where, self._tags), connection, self._tags, places)

    def get(self, handles: ArrayLike) -> dict[str, list[Any]]:
        """Return the tags of rows.

        Parameters
        ----------
        handles
            (m,) integers, in any order.

        Returns
        -------
        dict of str to list
            For each tag (m,) values: as they were given, a list where several were, None where there is none.
        """
        asked = np.asarray(handles, np.int64)
        unique, back = np.unique(asked, return_inverse=True)
        places = Places(unique)
        columns = {}
        with self._reading() as connection:
            for name, tag in self._tags.items():
                values = _values(connection, tag, unique, places)
                columns[name] = [values[at] for at in back.tolist()]
        return columns

    def put(self, handles: ArrayLike, columns: Mapping[str, Any]) -> None:
        """Set tags of rows, all or nothing.

        Parameters
        ----------
        handles
            (m,) integers, each different.
        columns
            (m,) values for each tag, as `from_columns` takes them; tags that a row has already are replaced,
            those that are not among the columns stay. A tag may be new.

        Raises
        ------
        TypeError, ValueError
            If ``columns`` are not of as many values that can be tags; nothing changes then.
        """
        rows = np.asarray(handles, np.int64)
        read = read_columns(columns, len(rows))
        with self._writing() as connection:
            self._add(connection, rows, read)

    def carry(self, old: ArrayLike, new: ArrayLike) -> None:
        """Give the tags of the rows ``old`` (m,) to the rows ``new`` (m,), which have none yet."""
        pairs = list(zip(np.asarray(new, np.int64).tolist(), np.asarray(old, np.int64).tolist(), strict=True))
        with self._writing() as connection:
            for tag in self._tags.values():
                connection.executemany(
                    f"INSERT INTO tag_{tag.number} SELECT ?, place, value "
                    f"FROM tag_{tag.number} WHERE handle = ?",
                    pairs,
                )

    def remove(self, handles: ArrayLike) -> None:
        """Forget the tags of rows; those that have none are passed over."""
        rows = np.asarray(handles, np.int64).tolist()
        with self._writing() as connection:
            for tag in self._tags.values():
                connection.executemany(f"DELETE FROM tag_{tag.number} WHERE handle = ?", zip(rows))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Let all that is written in a block count together, or, if it raises, not at all."""
        with self._writing():
            yield

    @property
    def lock(self) -> AbstractContextManager[object]:
        """What keeps others from reading and writing; may be held again by who has it."""
        return self._lock

    def to_section(self, handles: ArrayLike) -> NDArray[np.uint8]:
        """Return what a file is to hold: the tags of ``handles`` (n,), ascending, renumbered from 0.

        An index that was loaded and not changed gives what it was loaded with.
        """
        rows = np.asarray(handles, np.int64)
        positions = len(rows) == 0 or (rows[0] == 0 and rows[-1] == len(rows) - 1)
        with self._lock:
            if self._section is not None and positions:
                return self._section
            return np.frombuffer(self.to_bytes(rows), np.uint8)

    def to_bytes(self, handles: ArrayLike) -> bytes:
        """Return the tags of ``handles`` (n,), ascending, as a database of those of the rows 0 to n - 1."""
        rows = np.asarray(handles, np.int64)
        with self._reading() as connection:
            if self._built == len(rows) and (not len(rows) or rows[-1] == len(rows) - 1):
                return connection.serialize()
            connection.execute("PRAGMA query_only = OFF")  # Of what is saved; the rest is not written to.
            connection.execute("ATTACH ':memory:' AS saved")
            try:
                connection.execute("PRAGMA saved.secure_delete = ON")
                connection.execute("BEGIN")
                self._copy(connection, rows)
                connection.execute("COMMIT")
                return connection.serialize(name="saved")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("DETACH saved")

    def _copy(self, connection: sqlite3.Connection, rows: NDArray[np.int64]) -> None:
        connection.execute("CREATE TEMP TABLE position (handle INTEGER PRIMARY KEY, position INTEGER)")
        pairs = zip(rows.tolist(), range(len(rows)), strict=True)
        _insert(connection, "temp.position", "(?, ?)", 2, chain.from_iterable(pairs))
        schema.create_tags(connection, "saved.")
        connection.execute("INSERT INTO saved.tags SELECT * FROM main.tags ORDER BY number")
        for number, _, _ in self._tags.values():
            schema.create_table(connection, number, "saved.")
            connection.execute(
                f"INSERT INTO saved.tag_{number} SELECT position, place, value FROM temp.position "
                f"CROSS JOIN main.tag_{number} USING (handle) ORDER BY position, place"
            )
            schema.create_index(connection, number, "saved.")
        connection.execute("DROP TABLE temp.position")

    def _add(
        self, connection: sqlite3.Connection, rows: NDArray[np.int64], columns: Mapping[str, Column]
    ) -> None:
        for name, column in columns.items():
            tag = self._tags.get(name)
            known = tag is not None
            if tag is None:
                if len(self._tags) == schema.MAX_TAGS:
                    raise ValueError(
                        f"an index may have at most {schema.MAX_TAGS} tags; {name!r:.80} is one more."
                    )
                tag = Tag(len(self._tags) + 1, column.booleans, column.places is not None)
                connection.execute("INSERT INTO tags VALUES (?, ?, ?, ?)", (tag.number, name, *tag[1:]))
                schema.create_table(connection, tag.number)
            else:
                tag = self._widened(connection, name, tag, column)
                connection.executemany(f"DELETE FROM tag_{tag.number} WHERE handle = ?", zip(rows.tolist()))
            self._tags[name] = tag
            handles = rows[np.asarray(column.at, np.intp)].tolist()
            places = repeat(SINGLE, len(handles)) if column.places is None else column.places
            flat = chain.from_iterable(zip(handles, places, column.values, strict=True))
            _insert(connection, f"tag_{tag.number}", "(?, ?, ?)", 3, flat)
            if not known:
                schema.create_index(connection, tag.number)

    def _widened(self, connection: sqlite3.Connection, name: str, tag: Tag, column: Column) -> Tag:
        if tag.booleans is not None and column.booleans is not None and tag.booleans != column.booleans:
            one, other = ("booleans", "others") if tag.booleans else ("no booleans", "booleans")
            raise ValueError(f"the tag {name!r:.80} holds {one} so far, and {other} were given.")
        booleans = column.booleans if tag.booleans is None else tag.booleans
        wide = Tag(tag.number, booleans, tag.many or column.places is not None)
        if wide != tag:
            connection.execute(
                "UPDATE tags SET booleans = ?, many = ? WHERE number = ?", (*wide[1:], tag.number)
            )
        return wide

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._connection
            if connection is None:
                assert self._section is not None
                connection = schema.open_bytes(self._section.tobytes(), thorough=False)
                self._tags = schema.listed(connection)
                self._connection = connection
            try:
                yield connection
            except sqlite3.Error as error:
                if not self._foreign:
                    raise
                # Opening looks at the structure alone; what values are is seen when they are read.
                raise schema.wrong(f"SQLite says {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            if connection.in_transaction:
                yield connection  # of a `transaction`
                return
            if self._section is not None:
                # What was read from bytes may not grow beyond a gigabyte; a copy may.
                mine = schema.connect()
                connection.backup(mine)
                connection.close()
                self._connection = connection = mine
                self._section = None
            self._built = None
            tags = dict(self._tags)
            connection.execute("BEGIN")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._tags = tags
                raise


def _insert(connection: sqlite3.Connection, table: str, marks: str, width: int, flat: Iterator[Any]) -> None:
    many = f"INSERT INTO {table} VALUES {', '.join([marks] * ROWS_AT_ONCE)}"
    single = f"INSERT INTO {table} VALUES {marks}"
    step = width * ROWS_AT_ONCE
    # Whole batches end where an iterator of exactly so many at a time has no more.
    rest: list[Any] = []

    def batches() -> Iterator[list[Any]]:
        while len(batch := list(islice(flat, step))) == step:
            yield batch
        rest.extend(batch)

    connection.executemany(many, batches())
    connection.executemany(single, (rest[at : at + width] for at in range(0, len(rest), width)))


def _values(
    connection: sqlite3.Connection, tag: Tag, handles: NDArray[np.int64], places: Places
) -> Sequence[Any]:
    """Return what each of ``handles``, ascending and each different, has."""
    values: list[Any] = [None] * len(handles)
    select = f"SELECT handle, place, value FROM tag_{tag.number}"
    if len(handles) >= READ_ALL_FROM:
        rows = connection.execute(f"{select} ORDER BY handle, place").fetchall()
    else:
        rows = []
        for first in range(0, len(handles), HANDLES_AT_ONCE):
            some = handles[first : first + HANDLES_AT_ONCE].tolist()
            marks = ", ".join("?" * len(some))
            rows += connection.execute(f"{select} WHERE handle IN ({marks}) ORDER BY handle, place", some)
    if not rows:
        return values
    found, listed, plain = zip(*rows, strict=True)
    try:
        at, there = places.find(np.array(found, np.int64))
    except (TypeError, ValueError, OverflowError) as error:
        raise schema.wrong("it holds a handle that is no number") from error
    for place, known, in_list, value in zip(at.tolist(), there.tolist(), listed, plain, strict=True):
        if not known:
            continue
        if not isinstance(value, (str, int, float)):
            raise schema.wrong("it holds a value that no tag has")
        one = bool(value) if tag.booleans else value
        if in_list == SINGLE:
            values[place] = one
        elif isinstance(values[place], list):
            values[place].append(one)
        else:
            values[place] = [one]
    return values
