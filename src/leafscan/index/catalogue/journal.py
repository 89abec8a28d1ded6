"""The updates since the last snapshot, each on the disk before it is acknowledged: one SQLite database.

SQLite keeps it in its write-ahead mode with ``synchronous=FULL``: a commit returns once the log is synced.
"""

import contextlib
import errno
import os
import platform
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from leafscan.index.catalogue.failures import is_harmless, sentences
from leafscan.index.catalogue.log import check_log
from leafscan.index.catalogue.rows import Row, decode, encode
from leafscan.index.errors import FileFormatError
from leafscan.index.update import Update

__all__ = ["Journal", "Snapshot", "Writer", "last_writer"]

#: "leaf", so that `file` and others can tell whose database it is.
APPLICATION = 0x6C656166

#: The version of the tables that this library writes and reads.
FORMAT = 1

#: Seconds to wait for SQLite's own short locks, as when another connection opens or tidies up the log.
PATIENCE = 30

#: Whole: what `sqlite_schema` must hold, so that nobody's triggers and views run here.
TABLES = {
    "state": "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), snapshot TEXT NOT NULL, "
    "fingerprint TEXT NOT NULL, contained INTEGER NOT NULL, latest INTEGER NOT NULL)",
    "updates": "CREATE TABLE updates (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, "
    "closing INTEGER NOT NULL, ids NOT NULL, vectors BLOB, tags TEXT, checksum BLOB NOT NULL)",
    "writer": "CREATE TABLE writer (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL, "
    "host TEXT NOT NULL)",
}

_UNSURE = (
    "the disk failed during an earlier update, and what it kept is not known; open the catalogue again, "
    "which reads what is there"
)


class Snapshot(NamedTuple):
    """The snapshot that the journal goes on from.

    Attributes
    ----------
    name
        Of the file.
    fingerprint
        Of its header, so that no other file is taken for it.
    contained
        The sequence number of the last row whose update it holds; 0 if there were none.
    """

    name: str
    fingerprint: str
    contained: int


class Writer(NamedTuple):
    """Who opened a catalogue for writing: the number of the process and the name of its machine."""

    pid: int
    host: str


class Journal:
    """The journal of one catalogue.

    Parameters
    ----------
    path
        The database, which is made if it is not there and ``create`` allows it.
    read_only
        Look at it as it is now, beside whoever writes.
    create
        Whether a database without tables is one that is yet to begin; else it is one that lost them.

    Raises
    ------
    FileFormatError
        If it is no journal, is damaged, or comes from a newer version.
    OSError
        If it cannot be read or written.
    """

    __slots__ = ("_connection", "_latest", "_unsure", "path", "pending", "pending_bytes", "snapshot")

    def __init__(self, path: Path, *, read_only: bool = False, create: bool = False) -> None:
        self.path = path
        #: How many updates there are that the snapshot does not hold, and their bytes.
        self.pending = self.pending_bytes = 0
        #: None until `point` was called the first time.
        self.snapshot: Snapshot | None = None
        self._latest = 0
        self._unsure = False
        if not read_only:
            # Another may be writing to it while it is read.
            check_log(path.with_name(path.name + "-wal"))
        with sentences(path):
            self._connection = _connect(path, "ro" if read_only else "rwc" if create else "rw")
            try:
                if not read_only:
                    _prepare(self._connection, path, create=create)
                # A reader stays within one transaction, so that snapshot and rows belong together.
                self._connection.execute("BEGIN")
                _check_tables(self._connection, path)
                self._read_state()
                if not read_only:
                    self._connection.execute("COMMIT")
                    # A log begun anew holds nothing of what a power cut left.
                    self._shorten_log()
            except BaseException:
                self._connection.close()
                raise

    @property
    def latest(self) -> int:
        """The sequence number of the last row."""
        return self._latest

    @property
    def unsure(self) -> bool:
        """Whether a transaction ended so that only the next opening can tell what the disk kept of it."""
        return self._unsure

    def updates(self) -> Iterator[tuple[int, Update]]:
        """Read all updates that the snapshot does not hold.

        Yields
        ------
        tuple of (int, Update)
            The sequence number of a row and what it says, in order; a long update comes in several.

        Raises
        ------
        FileFormatError
            Naming the row that is damaged or missing.
        """
        contained = self.snapshot.contained if self.snapshot else 0
        wanted, closing = contained, 1
        with sentences(self.path), _naming(self.path):
            # By number: a damaged tree of pages that SQLite walks in some other order finds no row twice.
            for fields in self._connection.execute("SELECT * FROM updates ORDER BY sequence"):
                wanted += 1
                row = Row(*fields)
                update = decode(row, wanted)
                closing = row.closing
                yield wanted, update
            if wanted < self._latest:
                raise FileFormatError(f"the row {wanted + 1} of the journal is missing")
            if wanted > self._latest:
                raise FileFormatError(f"the row {wanted} of the journal is one too many")
            if not closing:
                raise FileFormatError(f"the row {wanted} of the journal is damaged: its update does not end")

    def append(self, update: Update) -> None:
        """Bring an update to the disk, whole or not at all.

        Parameters
        ----------
        update
            Of at least one id.

        Raises
        ------
        OSError
            If it cannot be; then the journal is as it was, or refuses to go on.
        """
        size = 0
        with self._transaction() as connection:
            latest = self._latest
            for row in encode(update, latest):
                connection.execute("INSERT INTO updates VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                latest, size = row.sequence, size + _size(row)
            connection.execute("UPDATE state SET latest = ?", (latest,))
        self._latest = latest
        self.pending += 1
        self.pending_bytes += size

    def forget(self, after: int) -> None:
        """Take back what was appended after the row ``after``: it was not acknowledged, nor will it be.

        Raises
        ------
        OSError
            If it cannot be; then the journal refuses to go on.
        """
        with self._transaction() as connection:
            connection.execute("DELETE FROM updates WHERE sequence > ?", (after,))
            connection.execute("UPDATE state SET latest = ?", (after,))
        self.refresh()

    def point(self, snapshot: Snapshot) -> None:
        """Go on from another snapshot: rows that it contains leave the journal in the same transaction.

        Parameters
        ----------
        snapshot
            Whose file is on the disk already.

        Raises
        ------
        OSError
            If it cannot be; then the journal goes on from the old one, or refuses to go on.
        """
        with self._transaction() as connection:
            connection.execute("DELETE FROM updates WHERE sequence <= ?", (snapshot.contained,))
            connection.execute(
                "INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?)",
                (*snapshot, max(self._latest, snapshot.contained)),
            )
        self.refresh()
        # One of gigabytes would stay that long.
        self._shorten_log()

    def sign(self) -> None:
        """Note down that this process writes, for `last_writer` to tell whom it refuses."""
        with self._transaction() as connection:
            writer = Writer(os.getpid(), platform.node())
            connection.execute("INSERT OR REPLACE INTO writer VALUES (1, ?, ?)", writer)

    def close(self) -> None:
        """Let go of the database; a second time does nothing."""
        self._connection.close()

    def _shorten_log(self) -> None:
        # If a reader or the disk is against it, the next time does it.
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA busy_timeout=0")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute(f"PRAGMA busy_timeout={1000 * PATIENCE}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        if self._unsure:
            raise OSError(errno.EIO, _UNSURE, str(self.path))
        with sentences(self.path):
            # Until it is known how it ended, nothing may follow: not even after a second Ctrl-C.
            self._unsure = True
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._unsure = isinstance(error, sqlite3.Error) and not is_harmless(error)
                raise
            self._unsure = False

    def refresh(self) -> None:
        """Read again which snapshot there is and how much goes beyond it."""
        with sentences(self.path):
            self._read_state()

    def _read_state(self) -> None:
        states = self._connection.execute("SELECT snapshot, fingerprint, contained, latest FROM state")
        state = states.fetchone()
        if state is None:
            self.snapshot = None
            return
        name, fingerprint, contained, latest = state
        if not (isinstance(name, str) and isinstance(fingerprint, str)) or not (
            type(contained) is type(latest) is int and 0 <= contained <= latest
        ):
            raise FileFormatError(
                f"{self.path}: the journal is damaged: the row of its state makes no sense."
            )
        self.snapshot = Snapshot(name, fingerprint, contained)
        self._latest = latest
        counted = self._connection.execute(
            "SELECT coalesce(sum(closing = 1), 0), coalesce(sum(length(ids) + coalesce(length(vectors), 0) "
            "+ coalesce(length(tags), 0)), 0) FROM updates"
        )
        self.pending, self.pending_bytes = counted.fetchone()


def last_writer(path: Path) -> Writer | None:
    """Tell who was the last to open for writing the catalogue whose journal is ``path``, if known."""
    try:
        connection = _connect(path, "ro")
    except sqlite3.Error:
        return None
    with contextlib.closing(connection):
        try:
            found = connection.execute("SELECT pid, host FROM writer").fetchone()
        except (sqlite3.Error, UnicodeDecodeError):
            return None
    return Writer(*found) if found else None


def _connect(path: Path, mode: Literal["ro", "rw", "rwc"]) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = _plain(uri)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException as error:
        connection.close()
        # SQLite wants to write its shared memory even to read. Where it may not, and there is no log that
        # would have to be read along, nobody else writes either.
        log = path.with_name(path.name + "-wal")
        allowed = mode == "ro" and isinstance(error, sqlite3.Error) and path.exists()
        if not allowed or (log.exists() and log.stat().st_size):
            raise
        connection = _plain(uri + "&immutable=1")
    return connection


def _plain(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    # Damaged text shall come as far as its checksum.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    """Set what makes a commit last, and make the tables where there are none."""
    # Before the first table; a journal then gives back to the disk what a checkpoint took out of it.
    connection.execute("PRAGMA auto_vacuum=FULL")
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise OSError(
            errno.EIO,
            f"SQLite could not switch to its write-ahead log here (it stays with {mode!r}); keep the "
            "catalogue on a local disk",
            str(path),
        )
    connection.execute("PRAGMA synchronous=FULL")
    # macOS: wait for the disk itself, not for its cache alone.
    connection.execute("PRAGMA fullfsync=ON")
    connection.execute("PRAGMA checkpoint_fullfsync=ON")
    if create and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES.values():
            connection.execute(table)
        connection.execute(f"PRAGMA application_id={APPLICATION}")
        connection.execute(f"PRAGMA user_version={FORMAT}")
        connection.execute("COMMIT")


def _check_tables(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION:
        raise FileFormatError(
            f"{path} is not the journal of a leafscan catalogue: its application id is not ours."
        )
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise FileFormatError(
            f"{path} has the format {version}, and this leafscan reads formats up to {FORMAT}; a newer "
            "leafscan reads it."
        )
    found = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
    if dict(found) != TABLES or len(found) != len(TABLES) or version < 1:
        raise FileFormatError(f"{path}: the journal is damaged: its tables are not those of a catalogue.")


def _size(row: Row) -> int:
    return len(row.ids) + len(row.vectors or b"") + len(row.tags or "")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {str(error).removesuffix('.')}.") from error
