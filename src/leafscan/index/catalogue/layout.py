"""What a catalogue's folder holds: the names of its files, and which of them a killed run left behind."""

import contextlib
import hashlib
import re
from pathlib import Path

from leafscan.index.errors import FileFormatError

__all__ = [
    "JOURNAL",
    "LOCK",
    "fingerprint",
    "foreign_files",
    "remove_leftovers",
    "snapshot_name",
    "snapshot_number",
    "snapshots",
]

JOURNAL = "journal.sqlite"

#: Empty; who writes holds a lock on it.
LOCK = "writer.lock"

_SNAPSHOT = re.compile(r"snapshot-([0-9]{6,12})\.leafscan")

#: What `leafscan.index.atomic.replacing` calls a file before it gets its name, and safetensors before that.
_TEMPORARY = re.compile(r"\.leafscan-[0-9a-f]{16}\.tmp|\.tmp[0-9A-Za-z]{6}")

#: What SQLite keeps beside the journal and the lock.
_BESIDE = ("", "-wal", "-shm", "-journal")


def snapshot_name(number: int) -> str:
    """Return the name of the snapshot that is the ``number``-th, from 1.

    Examples
    --------
    >>> snapshot_name(7)
    'snapshot-000007.leafscan'
    """
    return f"snapshot-{number:06d}.leafscan"


def snapshot_number(name: str) -> int | None:
    """Return which snapshot is called ``name``, or None if no snapshot is called so.

    Examples
    --------
    >>> snapshot_number("snapshot-000007.leafscan"), snapshot_number("../snapshot-000007.leafscan")
    (7, None)
    """
    match = _SNAPSHOT.fullmatch(name)
    return int(match[1]) if match and snapshot_name(int(match[1])) == name else None


def snapshots(folder: Path) -> list[str]:
    """Return the names of all snapshots in ``folder``, oldest first."""
    return sorted(
        (path.name for path in folder.iterdir() if snapshot_number(path.name) is not None),
        key=lambda name: snapshot_number(name) or 0,
    )


def foreign_files(folder: Path) -> list[str]:
    """Return the names of what is in ``folder`` and is not a catalogue's."""
    ours = {name + end for name in (JOURNAL, LOCK) for end in _BESIDE}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in ours
        and snapshot_number(path.name) is None
        and not _TEMPORARY.fullmatch(path.name)
    )


def remove_leftovers(folder: Path, keep: str | None) -> None:
    """Remove temporary files and the snapshots that are not ``keep``, as far as the system lets go of them.

    Only who holds the writer's lock may: another writer's new snapshot looks like a leftover.
    """
    for path in list(folder.iterdir()):
        if _TEMPORARY.fullmatch(path.name) or (snapshot_number(path.name) is not None and path.name != keep):
            # Windows keeps a file that somebody has mapped; the next opening tries again.
            with contextlib.suppress(OSError):
                path.unlink()


def fingerprint(snapshot: Path) -> str:
    """Return the SHA-256 of a snapshot's header, in which stand the checksums of all its sections.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is too short to have a header.
    """
    with snapshot.open("rb") as file:
        length = file.read(8)
        size = int.from_bytes(length, "little")
        if len(length) < 8 or size > _MAX_HEADER:
            raise FileFormatError(f"{snapshot} is not a leafscan index: it has no header.")
        return hashlib.sha256(length + file.read(size)).hexdigest()


#: More than any header has.
_MAX_HEADER = 1 << 24
