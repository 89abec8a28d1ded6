import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscan import FileFormatError
from leafscan.index.catalogue.journal import TABLES, Journal, Snapshot, Writer, last_writer
from leafscan.index.update import Update

#: Bytes of a page in the log, with its header.
FRAME = 4096 + 24

FIRST = Snapshot("snapshot-000001.leafscan", "f" * 64, 0)


def _upsert(number: int) -> Update:
    return Update(
        ids=np.array([number]), vectors=np.full((1, 3), number, np.float32), tags={"t": [str(number)]}
    )


def _ids(journal: Journal) -> list[int]:
    return [int(one) for _, update in journal.updates() for one in update.ids]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path, create=True)) as journal:
        journal.point(FIRST)
        yield journal


def test_what_was_appended_is_there_again(journal: Journal, path: Path) -> None:
    for number in range(3):
        journal.append(_upsert(number))
    journal.append(Update(ids=np.array([1]), vectors=None, tags=None))
    pending = journal.pending, journal.pending_bytes, journal.latest
    assert pending[0] == 4
    assert pending[2] == 4
    journal.close()
    with closing(Journal(path)) as again:
        assert (again.pending, again.pending_bytes, again.latest) == pending
        assert again.snapshot == FIRST
        assert _ids(again) == [0, 1, 2, 1]


def test_a_commit_waits_for_the_disk(journal: Journal) -> None:
    ask = journal._connection.execute
    assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ask("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert ask("PRAGMA fullfsync").fetchone() == (1,)
    assert ask("PRAGMA checkpoint_fullfsync").fetchone() == (1,)


def test_a_new_snapshot_takes_its_rows_out(journal: Journal, path: Path) -> None:
    for number in range(5):
        journal.append(_upsert(number))
    second = Snapshot("snapshot-000002.leafscan", "0" * 64, 3)
    journal.point(second)
    assert journal.snapshot == second
    assert journal.pending == 2
    journal.append(_upsert(5))
    journal.close()
    with closing(Journal(path)) as again:
        assert _ids(again) == [3, 4, 5]
        again.point(Snapshot("snapshot-000003.leafscan", "0" * 64, again.latest))
        again.append(_upsert(6))
        assert _ids(again) == [6]
        assert again.latest == 7


def test_a_journal_gives_back_its_room(journal: Journal, path: Path) -> None:
    journal.append(Update(ids=np.arange(1000), vectors=np.ones((1000, 1000), np.float32), tags=None))
    journal.point(Snapshot("snapshot-000002.leafscan", "0" * 64, journal.latest))
    assert sum(file.stat().st_size for file in path.parent.iterdir() if "-shm" not in file.name) < 100_000


def test_what_nobody_heard_of_is_forgotten(journal: Journal) -> None:
    journal.append(_upsert(0))
    journal.append(_upsert(1))
    journal.forget(1)
    assert (journal.latest, journal.pending) == (1, 1)
    journal.append(_upsert(2))
    assert _ids(journal) == [0, 2]


def test_a_reader_sees_one_moment(journal: Journal, path: Path) -> None:
    journal.append(_upsert(0))
    with closing(Journal(path, read_only=True)) as reader:
        journal.append(_upsert(1))
        journal.point(Snapshot("snapshot-000002.leafscan", "0" * 64, 2))
        assert reader.snapshot == FIRST
        assert _ids(reader) == [0]


def test_the_writer_is_told(journal: Journal, path: Path) -> None:
    assert last_writer(path) is None
    journal.sign()
    writer = last_writer(path)
    assert isinstance(writer, Writer)
    assert writer.pid == os.getpid()
    assert last_writer(path.with_name("other")) is None


def test_a_full_disk_changes_nothing_and_the_journal_goes_on(journal: Journal) -> None:
    journal.append(_upsert(0))
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages + 2}")
    large = Update(ids=np.arange(9, 1009), vectors=np.ones((1000, 100), np.float32), tags=None)
    with pytest.raises(OSError, match="the disk is full; nothing was changed") as caught:
        journal.append(large)
    assert caught.value.errno == errno.ENOSPC
    journal.append(_upsert(1))
    assert _ids(journal) == [0, 1]
    journal._connection.execute("PRAGMA max_page_count=100000")
    journal.append(large)
    assert len(_ids(journal)) == 1002


class _Failing:
    """A connection that fails in one statement."""

    def __init__(
        self, connection: sqlite3.Connection, statement: str, error: BaseException, after: bool
    ) -> None:
        self.connection, self.statement, self.error, self.after = connection, statement, error, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, sql: str, *arguments: Any) -> Any:
        if sql.startswith(self.statement):
            if self.after:
                self.connection.execute(sql, *arguments)
            raise self.error
        return self.connection.execute(sql, *arguments)


def _error(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname, error.sqlite_errorcode = name, getattr(sqlite3, name)
    return error


def test_after_a_failing_disk_nothing_is_believed(journal: Journal, path: Path) -> None:
    journal.append(_upsert(0))
    whole = journal._connection
    journal._connection = _Failing(whole, "COMMIT", _error("SQLITE_IOERR_FSYNC"), after=False)  # type: ignore[assignment]
    with pytest.raises(OSError, match=r"failed to read or write \(SQLITE_IOERR_FSYNC\)"):
        journal.append(_upsert(1))
    journal._connection = whole
    assert journal.unsure
    with pytest.raises(OSError, match="open the catalogue again"):
        journal.append(_upsert(2))
    journal.close()
    with closing(Journal(path)) as again:
        assert _ids(again) == [0]


@pytest.mark.parametrize("statement", ["BEGIN", "INSERT", "UPDATE", "COMMIT"])
@pytest.mark.parametrize("after", [False, True])
def test_ctrl_c_leaves_a_journal_that_can_forget(journal: Journal, statement: str, after: bool) -> None:
    journal.append(_upsert(0))
    whole = journal._connection
    journal._connection = _Failing(whole, statement, KeyboardInterrupt(), after)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        journal.append(_upsert(1))
    journal._connection = whole
    assert not journal.unsure
    journal.forget(1)
    journal.append(_upsert(2))
    assert _ids(journal) == [0, 2]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DELETE FROM updates WHERE sequence = 2", "the row 2 of the journal is missing"),
        ("DELETE FROM updates WHERE sequence = 1", "the row 1 of the journal is missing"),
        ("DELETE FROM updates WHERE sequence = 3", "the row 3 of the journal is missing"),
        ("UPDATE updates SET sequence = 4 WHERE sequence = 3", "the row 3 of the journal is missing"),
        (
            "INSERT INTO updates SELECT 4, kind, closing, ids, vectors, tags, checksum FROM updates "
            "WHERE sequence = 3",
            "the row 4 of the journal is damaged: it does not agree with its checksum",
        ),
        ("UPDATE updates SET vectors = zeroblob(12) WHERE sequence = 2", "the row 2 .* checksum"),
        ("UPDATE updates SET tags = NULL WHERE sequence = 2", "the row 2 .* checksum"),
        ("UPDATE updates SET tags = CAST(x'7bff7d' AS TEXT) WHERE sequence = 2", "the row 2 .* checksum"),
        ("UPDATE updates SET kind = 5 WHERE sequence = 1", "the row 1 .* checksum"),
        ("UPDATE state SET contained = 1", "the row 2 of the journal is missing"),
        ("UPDATE state SET latest = 2", "the row 3 of the journal is one too many"),
        ("UPDATE state SET latest = 4", "the row 4 of the journal is missing"),
        ("UPDATE state SET contained = -1", "its state makes no sense"),
        ("UPDATE state SET contained = 9", "its state makes no sense"),
        ("UPDATE state SET snapshot = x'00'", "its state makes no sense"),
        ("UPDATE state SET latest = 'x'", "its state makes no sense"),
    ],
)
def test_damage_is_told(journal: Journal, path: Path, sql: str, message: str) -> None:
    for number in range(3):
        journal.append(_upsert(number))
    journal.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)

    def read() -> None:
        with closing(Journal(path)) as again:
            list(again.updates())

    with pytest.raises(FileFormatError, match=message):
        read()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON updates BEGIN DELETE FROM updates; END",
        "ALTER TABLE updates RENAME TO kept; CREATE VIEW updates AS SELECT * FROM kept",
        "CREATE TABLE more (x)",
        "DROP TABLE writer",
        "PRAGMA user_version=0",
    ],
)
def test_tables_of_others_are_refused(journal: Journal, path: Path, sql: str) -> None:
    journal.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)
    with pytest.raises(FileFormatError, match="its tables are not those of a catalogue"):
        Journal(path)


def test_a_newer_one_is_refused(journal: Journal, path: Path) -> None:
    journal.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=9")
    with pytest.raises(FileFormatError, match=r"has the format 9, .* a newer leafscan reads it"):
        Journal(path)


@pytest.mark.parametrize("data", [b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_another_file_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=r"journal\.sqlite"):
        Journal(path)


def test_a_byte_changed_anywhere_is_told_or_does_not_matter(journal: Journal, path: Path) -> None:
    for number in range(4):
        journal.append(_upsert(number))
    journal.close()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(len(whole), size=300).tolist():
        data = bytearray(whole)
        data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        try:
            with closing(Journal(path, read_only=True)) as again:
                assert _ids(again) == [0, 1, 2, 3]
        except FileFormatError:
            refused += 1
    assert refused > 10


def test_a_damaged_name_of_a_table_is_told(journal: Journal, path: Path) -> None:
    journal.close()
    # SQLite says what is wrong in bytes that Python cannot read.
    path.write_bytes(path.read_bytes().replace(b"tablewriterwriter", b"tablewrit\xffrwriter"))
    with pytest.raises(FileFormatError, match=r"journal\.sqlite: the journal is damaged"):
        Journal(path)


def test_another_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(FileFormatError, match="is not the journal of a leafscan catalogue"):
        Journal(path)


def test_an_empty_one_is_made_where_it_may(path: Path) -> None:
    path.touch()
    with pytest.raises(FileFormatError, match="is not the journal"):
        Journal(path)
    with closing(Journal(path, create=True)) as journal:
        assert journal.snapshot is None
        assert set(TABLES) == {"state", "updates", "writer"}


def test_a_log_that_ends_early_gives_a_prefix(journal: Journal, path: Path, tmp_path: Path) -> None:
    """As after a power cut: the log is cut at every byte, and everything before the cut's commit is there."""
    log = path.with_name(path.name + "-wal")
    ends = []
    for number in range(4):
        journal.append(_upsert(number))
        ends.append(log.stat().st_size)
    data = log.read_bytes()
    torn = tmp_path / "torn"
    torn.mkdir()
    # Around the beginning of every frame, and here and there inside.
    near = {begin + step for begin in range(32, len(data) + 1, FRAME) for step in (-33, -1, 0, 1, 8, 24, 25)}
    for length in sorted({*near, *range(0, len(data), 997), len(data)} & set(range(len(data) + 1))):
        shutil.copy(path, torn / path.name)
        (torn / log.name).write_bytes(data[:length])
        with closing(Journal(torn / path.name)) as again:
            assert _ids(again) == list(range(sum(end <= length for end in ends)))
