"""An index whose updates are on the disk when they return."""

import contextlib
import os
from contextlib import AbstractContextManager
from io import UnsupportedOperation
from pathlib import Path
from types import TracebackType
from typing import Self

from leafscan.index import files
from leafscan.index.catalogue.journal import Journal, Snapshot
from leafscan.index.catalogue.layout import fingerprint, snapshot_name, snapshot_number, snapshots
from leafscan.index.catalogue.lock import WriterLock
from leafscan.index.catalogue.replay import replay
from leafscan.index.contents import Contents
from leafscan.index.forks import fork_free
from leafscan.index.index import Index
from leafscan.index.update import Update

__all__ = ["Catalogue"]


class Catalogue(Index):
    """An index in a folder, as `leafscan.open` gives it: what `upsert` and `delete` did is on the disk.

    It is searched, filtered and updated as every index is. When an update returns, it is in the folder's
    journal and survives the end of the process and of the power; when one raises, nothing changed: not here,
    and not for the next opening. (An update raises `OSError` if it cannot be brought to the disk, or the
    catalogue is read-only here, and `ValueError` if it was closed.) `checkpoint` folds the journal into a new
    snapshot, and keeps what `rebalance` did.

    One process at a time writes to a catalogue, by any number of threads, and any number of others may read
    it (``leafscan.open(path, read_only=True)``). A process that was forked off may search it, but not write.

    Examples
    --------
    >>> import leafscan, numpy as np, os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "films")
    >>> films = leafscan.build(np.eye(3, dtype=np.float32), metric="dot_product", ids=["a", "b", "c"])
    >>> with leafscan.open(path, films) as catalogue:
    ...     catalogue.upsert(["d"], [[0.0, 2.0, 0.0]])
    ...     catalogue.delete(["a"])
    ...     catalogue.pending
    2
    >>> with leafscan.open(path) as catalogue:
    ...     catalogue.search([0.0, 1.0, 0.0], k=2).ids.tolist()
    ...     catalogue.checkpoint()
    ...     catalogue.pending
    ['d', 'b']
    0
    >>> folder.cleanup()
    """

    __slots__ = ("_folded", "_folder", "_folding", "_journal", "_lock", "_process", "_replaying")

    _folder: Path
    #: Held by a checkpoint from its beginning to its end, before `_writing`.
    _folding: AbstractContextManager[None]
    #: What the snapshot was made of, or into; `rebalance` and `tune` put another in its place.
    _folded: Contents
    #: None where it was opened to be read only, or was closed.
    _journal: Journal | None
    _lock: WriterLock | None
    _process: int
    _replaying: bool

    def __init__(self) -> None:
        raise TypeError("a Catalogue lives in a folder: open it with leafscan.open(path).")

    @classmethod
    def _opened(cls, contents: Contents, folder: Path, journal: Journal, lock: WriterLock | None) -> Self:
        """Bring ``contents`` to where ``journal`` ends; without a lock, only to be read."""
        catalogue = cls.__new__(cls)
        Index.__init__(catalogue, contents)
        catalogue._folder = folder
        catalogue._folding = fork_free()
        catalogue._folded = catalogue._living.contents
        catalogue._process = os.getpid()
        catalogue._replaying = True
        replay(catalogue, journal)
        catalogue._replaying = False
        catalogue._journal = None if lock is None else journal
        catalogue._lock = lock
        return catalogue

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder

    @property
    def read_only(self) -> bool:
        """Whether it was opened only to be read."""
        return self._lock is None

    @property
    def pending(self) -> int:
        """The number of updates since the last checkpoint, all of which the next opening makes again."""
        return 0 if self._journal is None else self._journal.pending

    @property
    def pending_bytes(self) -> int:
        """The bytes of their ids, vectors and tags in the journal."""
        return 0 if self._journal is None else self._journal.pending_bytes

    def checkpoint(self) -> None:
        """Write the index as it is to a new snapshot and begin the journal anew.

        It never happens by itself, since it takes as long as `save` does. Searches and updates go on
        meanwhile; what is updated after it began stays in the journal. The new file is written beside the old
        one, which counts until the new one is on the disk whole: a kill at any moment loses nothing. Without
        updates since the last one, and without `rebalance`, nothing is done.

        Raises
        ------
        ValueError
            If nothing is left in the index, or the catalogue was closed.
        OSError
            If it cannot be written, for example because the disk is full; the catalogue goes on as it was.

        Examples
        --------
        >>> import leafscan, numpy as np, os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     index = leafscan.build(np.eye(3, dtype=np.float32), metric="cosine")
        ...     with leafscan.open(os.path.join(folder, "three"), index) as catalogue:
        ...         catalogue.delete([1])
        ...         catalogue.checkpoint()
        ...         sorted(file.name for file in catalogue.path.glob("snapshot-*"))
        ['snapshot-000002.leafscan']
        """
        self._check_changeable()
        with self._folding:
            with self._writing:
                journal, base = self._writable(), self._living.contents
                if not journal.pending and base is self._folded:
                    return
                latest, contents = journal.latest, self._contents
            # Never a name that is there: after a failure, either file might be the one that counts.
            there = [snapshot_number(name) or 0 for name in snapshots(self._folder)]
            new = self._folder / snapshot_name(max(there, default=0) + 1)
            files.write(contents, new)
            with self._writing:
                try:
                    journal.point(Snapshot(new.name, fingerprint(new), latest))
                    self._folded = base
                finally:
                    if not journal.unsure:
                        journal.refresh()
                        self._keep_one(journal)

    def close(self) -> None:
        """Let go of the journal and of the lock; a second time does nothing.

        What was acknowledged is on the disk already: there is nothing to save. A closed catalogue can still
        be searched, not updated.
        """
        if self._process != os.getpid():
            return  # The journal is the parent's.
        with self._folding, self._writing:
            if self._journal is not None and self._lock is not None:
                self._journal.close()
                self._lock.release()
            self._journal = None

    def __enter__(self) -> Self:
        """Return the catalogue itself, to be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Tell size, metric, plan and what is pending in one line."""
        return super().__repr__().replace("leafscan.Index", "leafscan.Catalogue", 1)

    def _apply(self, update: Update) -> None:
        if self._replaying:
            super()._apply(update)
            return
        with self._writing:
            journal, living = self._writable(), self._living
            version, latest = living.version, journal.latest
            try:
                super()._apply(update)
            except BaseException:
                # Ctrl-C can come between the disk and us: then it is there, and nobody will ever hear of it.
                if living.version == version and not journal.unsure:
                    journal.forget(latest)
                raise

    def _record(self, update: Update) -> None:
        if not self._replaying:
            self._writable().append(update)

    def _keep_one(self, journal: Journal) -> None:
        """Remove every snapshot but the one that counts."""
        keep = journal.snapshot
        for name in snapshots(self._folder):
            if keep is not None and name != keep.name:
                # Windows keeps a file that somebody has mapped; the next opening tries again.
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink()

    def _writable(self) -> Journal:
        self._check_changeable()
        assert self._journal is not None
        return self._journal

    def _check_changeable(self) -> None:
        if self._replaying:
            return
        if self._lock is None:
            raise UnsupportedOperation(
                f"the catalogue {self._folder} was opened with read_only=True; open it without to update it."
            )
        if self._process != os.getpid():
            raise UnsupportedOperation(
                f"the catalogue {self._folder} was opened by the process {self._process}, of which this one "
                f"({os.getpid()}) is a fork; it can be searched here, and updated there."
            )
        if self._journal is None:
            raise ValueError(f"the catalogue {self._folder} was closed; open it again to update it.")
