"""One writer at a time: a lock that the operating system takes back when its process dies."""

import sqlite3
from pathlib import Path

from leafscan.index.catalogue.failures import is_busy, sentences

__all__ = ["WriterLock"]


class WriterLock:
    """SQLite's own lock on an empty file of its own, which has learnt every system's ways of locking.

    The file is never written to, so that there is nothing to roll back, and a process that was forked off
    can neither hold the lock nor let go of it.

    Parameters
    ----------
    path
        The file, which is made if it is not there.

    Raises
    ------
    BlockingIOError
        If another connection holds the lock, in this process or in another.
    OSError
        If the file cannot be made or locked.
    """

    __slots__ = ("_connection",)

    def __init__(self, path: Path) -> None:
        with sentences(path):
            connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                connection.close()
                if is_busy(error):
                    raise BlockingIOError from error
                raise
        self._connection = connection

    def release(self) -> None:
        """Let go of the lock; a second time does nothing."""
        self._connection.close()
