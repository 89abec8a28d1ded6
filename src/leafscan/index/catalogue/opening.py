"""From a folder to a catalogue."""

import contextlib
import errno
import os
from pathlib import Path

from leafscan.index import files
from leafscan.index.atomic import sync_folder
from leafscan.index.catalogue.catalogue import Catalogue
from leafscan.index.catalogue.journal import Journal, Snapshot, last_writer
from leafscan.index.catalogue.layout import (
    JOURNAL,
    LOCK,
    fingerprint,
    foreign_files,
    remove_leftovers,
    snapshot_name,
    snapshot_number,
    snapshots,
)
from leafscan.index.catalogue.lock import WriterLock
from leafscan.index.contents import Contents
from leafscan.index.errors import FileFormatError
from leafscan.index.index import Index

__all__ = ["open"]

#: A reader whose snapshot is replaced while it opens looks again, so often.
TRIES = 20


def open(
    path: str | os.PathLike[str],
    index: Index | None = None,
    *,
    read_only: bool = False,
    verify: bool = False,
) -> Catalogue:
    """Open a catalogue: an index in a folder, whose updates are on the disk when they return.

    The folder holds a snapshot, which is mapped, and a journal of the updates since. Opening makes these
    updates again, so it takes the longer the more there are; `Catalogue.checkpoint` folds them. What is
    promised, and what is not, is told in docs/durability.md.

    Parameters
    ----------
    path
        The folder, on a local disk.
    index
        What a new catalogue begins with, which is copied: needed where the folder is not there or is empty,
        and refused where it holds a catalogue. A catalogue is begun whole or not at all.
    read_only
        Open it beside whoever writes to it, as it is at this moment, and never change it.
    verify
        Check every byte of the snapshot against its checksum, too, which reads the whole file. The journal is
        always checked.

    Returns
    -------
    Catalogue
        To be closed when it is no longer needed: ``with leafscan.open(path) as catalogue: ...``.

    Raises
    ------
    TypeError
        If ``index`` is not an index.
    ValueError
        If ``index`` is given with ``read_only``.
    FileNotFoundError
        If there is no catalogue and no ``index`` either, or no folder to make it in.
    FileExistsError
        If ``index`` is given and there is a catalogue, or files of another kind.
    FileFormatError
        If the snapshot or the journal is damaged; the message names the section or the row.
    BlockingIOError
        If somebody has it open for writing already; the message says who.
    OSError
        If it cannot be read or written.

    Examples
    --------
    >>> import leafscan, numpy as np, os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "points")
    >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="squared_l2", ids=[10, 20, 30])
    >>> with leafscan.open(path, index) as catalogue:
    ...     catalogue.upsert([40], [[0.5, 0.5, 0.0]])
    >>> with leafscan.open(path) as catalogue, leafscan.open(path, read_only=True) as reader:
    ...     len(catalogue), reader.search([0.5, 0.5, 0.1], k=1).ids.tolist()
    (4, [40])
    >>> folder.cleanup()
    """
    if index is not None and not isinstance(index, Index):
        raise TypeError(f"index must be an Index or None; received {index!r:.80} ({type(index).__name__}).")
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            errno.ENOTDIR, "it is a file and no catalogue; leafscan.load reads an index file", str(folder)
        )
    if read_only:
        if index is not None:
            raise ValueError(
                "index begins a new catalogue, which read_only=True cannot; give one of the two."
            )
        return _read(folder, verify=verify)
    _check_folder(folder, index)
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    lock = _locked(folder)
    try:
        return _write(folder, lock, index, verify=verify)
    except BaseException:
        lock.release()
        raise


def _read(folder: Path, *, verify: bool) -> Catalogue:
    _check_folder(folder, None)
    if not snapshots(folder):
        raise _unfinished(folder)
    for left in reversed(range(TRIES)):
        journal = Journal(folder / JOURNAL, read_only=True)
        with contextlib.closing(journal):
            if journal.snapshot is None:
                raise _unfinished(folder)
            try:
                contents = _contents(folder, journal.snapshot, verify=verify)
            except FileNotFoundError:
                # A checkpoint came between the journal and the snapshot.
                if left:
                    continue
                raise
            return Catalogue._opened(contents, folder, journal, None)
    raise AssertionError("unreachable")


def _write(folder: Path, lock: WriterLock, index: Index | None, *, verify: bool) -> Catalogue:
    # A journal gets its tables before there is a snapshot: one without tables beside snapshots has lost them.
    journal = Journal(folder / JOURNAL, create=not snapshots(folder))
    try:
        if journal.snapshot is None:
            if index is None:
                raise _unfinished(folder)
            _begin(folder, journal, index)
        elif index is not None:
            raise _exists(folder)
        snapshot = journal.snapshot
        assert snapshot is not None
        contents = _contents(folder, snapshot, verify=verify)
        remove_leftovers(folder, snapshot.name)
        journal.sign()
        return Catalogue._opened(contents, folder, journal, lock)
    except BaseException:
        journal.close()
        raise


def _begin(folder: Path, journal: Journal, index: Index) -> None:
    """Write the first snapshot, and then the entry in the journal that makes the folder a catalogue."""
    remove_leftovers(folder, None)
    first = folder / snapshot_name(1)
    try:
        index.save(first)
        journal.point(Snapshot(first.name, fingerprint(first), 0))
    except BaseException:
        if not journal.unsure and journal.snapshot is None:
            with contextlib.suppress(OSError):
                first.unlink()
        raise


def _contents(folder: Path, snapshot: Snapshot, *, verify: bool) -> Contents:
    if snapshot_number(snapshot.name) is None:
        raise FileFormatError(
            f"{folder / JOURNAL}: the journal is damaged: it names {snapshot.name!r:.80} as its snapshot."
        )
    file = folder / snapshot.name
    if fingerprint(file) != snapshot.fingerprint:
        raise FileFormatError(
            f"{file} is not the snapshot that the journal goes on from, or its header is damaged."
        )
    return files.read(file, checksums=verify)


def _check_folder(folder: Path, index: Index | None) -> None:
    """Refuse what is no catalogue and cannot become one, before anything is made."""
    there = folder.is_dir()
    if (folder / JOURNAL).is_file():
        return
    if there and snapshots(folder):
        raise FileFormatError(
            f"{folder}: the journal ({JOURNAL}) is missing, and with it all updates since the last "
            f"checkpoint; leafscan.load reads {snapshots(folder)[-1]}, with which a new catalogue can begin."
        )
    if there and foreign_files(folder):
        raise FileExistsError(
            errno.EEXIST,
            f"it holds no catalogue but other files ({', '.join(foreign_files(folder)[:3])}); give an empty "
            "folder, or one that is yet to be made",
            str(folder),
        )
    if index is None:
        raise FileNotFoundError(
            errno.ENOENT, "there is no catalogue; leafscan.open(path, index) begins one", str(folder)
        )
    if not there and not folder.absolute().parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "there is no such folder to make a catalogue in; make it first", str(folder.parent)
        )


def _locked(folder: Path) -> WriterLock:
    try:
        return WriterLock(folder / LOCK)
    except BlockingIOError:
        writer = last_writer(folder / JOURNAL)
        who = "by somebody else"
        if writer is not None:
            ours = writer.pid == os.getpid()
            who = "in this process" if ours else f"by the process {writer.pid} on {writer.host}"
        raise BlockingIOError(
            errno.EAGAIN,
            f"it is open for writing already, {who}; close it there, or open it with read_only=True",
            str(folder),
        ) from None


def _exists(folder: Path) -> FileExistsError:
    return FileExistsError(
        errno.EEXIST,
        "there is a catalogue already; open it without index, or choose another folder",
        os.fspath(folder),
    )


def _unfinished(folder: Path) -> FileNotFoundError:
    return FileNotFoundError(
        errno.ENOENT,
        "there is no catalogue: making one was cut short; leafscan.open(path, index) makes it anew",
        str(folder),
    )
