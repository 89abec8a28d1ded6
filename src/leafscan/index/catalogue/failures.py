"""What goes wrong inside SQLite, said in sentences."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leafscan.index.errors import FileFormatError

__all__ = ["is_busy", "is_harmless", "sentences"]

_DISK_FULL = "the disk is full; nothing was changed, and the catalogue goes on as it was"
_DENIED = (
    "it cannot be written to; give this process the right to write in the catalogue's folder, or open it "
    "with read_only=True"
)
_NO_LOCKS = (
    "the file system does not lend the locks and the shared memory that SQLite needs, as many network file "
    "systems do not; keep the catalogue on a local disk"
)
_FAILED = "the disk failed to read or write ({name}); open the catalogue again, which reads what is there"

#: Extended codes of SQLITE_IOERR that tell of the file system, not of the disk.
_NETWORK = (
    "SQLITE_IOERR_LOCK",
    "SQLITE_IOERR_UNLOCK",
    "SQLITE_IOERR_RDLOCK",
    "SQLITE_IOERR_CHECKRESERVEDLOCK",
    "SQLITE_IOERR_SHMOPEN",
    "SQLITE_IOERR_SHMSIZE",
    "SQLITE_IOERR_SHMLOCK",
    "SQLITE_IOERR_SHMMAP",
    "SQLITE_PROTOCOL",
    "SQLITE_NOLFS",
)


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", "")


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether somebody else holds the lock that was asked for."""
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def is_harmless(error: BaseException) -> bool:
    """Tell whether what failed is as if it had not been tried, so that the next try may succeed."""
    return isinstance(error, sqlite3.Error) and (_name(error) == "SQLITE_FULL" or is_busy(error))


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the database at ``path`` into ours.

    Parameters
    ----------
    path
        The database.

    Raises
    ------
    FileFormatError
        If it is damaged, or no database.
    OSError
        If it cannot be read, written or locked.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes in what it says, and Python cannot read it.
        raise FileFormatError(f"{path}: the journal is damaged: it holds text that is none.") from error
    except sqlite3.Error as error:
        name = _name(error)
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")):
            raise FileFormatError(f"{path}: the journal is damaged: {error}.") from error
        number, sentence = _said(name)
        if sentence is None:
            sentence = f"SQLite could not go on ({error}; {name})"
        raise OSError(number, sentence, str(path)) from error


def _said(name: str) -> tuple[int, str | None]:
    if name == "SQLITE_FULL":
        return errno.ENOSPC, _DISK_FULL
    if name in _NETWORK:
        return errno.EIO, _NO_LOCKS
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN")):
        return errno.EACCES, _DENIED
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return errno.EAGAIN, "another program holds the journal locked; close it there"
    return errno.EIO, _FAILED.format(name=name) if name.startswith("SQLITE_IOERR") else None
