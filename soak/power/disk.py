"""A disk that may lose what was not synced: names, truncations and single sectors of what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["SECTOR", "Disk"]

#: What a disk writes whole or not at all.
SECTOR = 512


@dataclass
class _File:
    """What is on the disk for sure, and in order what was done since: bytes at a place, or a new length."""

    synced: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)


def _do(data: bytearray, place: int, written: bytes | None) -> None:
    if written is None:
        del data[place:]
        data.extend(bytes(place - len(data)))
        return
    data.extend(bytes(max(0, place + len(written) - len(data))))
    data[place : place + len(written)] = written


class Disk:
    """One folder of it.

    A file's bytes are safe once it is synced, its name once the folder is; names come to the disk in the
    order in which they were given, as a journaling file system does it, and no sync of a file is taken to
    keep its name.
    """

    def __init__(self) -> None:
        self._files: list[_File] = []
        self._names: dict[str, int] = {}
        self._synced_names: dict[str, int] = {}
        self._renamed: list[dict[str, int]] = []

    def create(self, name: str) -> None:
        """Make an empty file, unless there is one."""
        if name not in self._names:
            self._files.append(_File())
            self._change({**self._names, name: len(self._files) - 1})

    def write(self, name: str, place: int, data: bytes) -> None:
        """Write into a file."""
        self._file(name).since.append((place, data))

    def truncate(self, name: str, length: int) -> None:
        """Set the length of a file."""
        self._file(name).since.append((length, None))

    def rename(self, name: str, to: str) -> None:
        """Give a file another name, in the place of what had it."""
        rest = {key: value for key, value in self._names.items() if key != name}
        self._change({**rest, to: self._names[name]})

    def unlink(self, name: str) -> None:
        """Take a name away."""
        self._change({key: value for key, value in self._names.items() if key != name})

    def sync(self, name: str) -> None:
        """Bring a file to the disk; the folder itself by the name ""."""
        if name == "":
            self._synced_names, self._renamed = dict(self._names), []
            return
        file = self._file(name)
        for done in file.since:
            _do(file.synced, *done)
        file.since = []

    def fail(self, rng: np.random.Generator) -> Mapping[str, bytes]:
        """Return what a power cut now leaves: the files of the folder."""
        kept = int(rng.integers(len(self._renamed) + 1))
        names = self._renamed[kept - 1] if kept else self._synced_names
        share = float(rng.choice([0.0, 0.5, 0.9, 1.0]))
        return {name: self._left(self._files[file], share, rng) for name, file in names.items()}

    def put(self, files: Mapping[str, bytes], folder: Path) -> None:
        """Write such files into a real folder."""
        for name, data in files.items():
            (folder / name).write_bytes(data)

    def _left(self, file: _File, share: float, rng: np.random.Generator) -> bytes:
        data = bytearray(file.synced)
        for place, written in file.since:
            if written is None:
                if rng.random() < share:
                    _do(data, place, None)
                continue
            # The length may come to the disk before the bytes do: then there are zeros.
            if rng.random() < 0.5:
                data.extend(bytes(max(0, place + len(written) - len(data))))
            begin = 0
            while begin < len(written):
                end = min(len(written), begin + SECTOR - (place + begin) % SECTOR)
                if rng.random() < share:
                    _do(data, place + begin, written[begin:end])
                begin = end
        return bytes(data)

    def _file(self, name: str) -> _File:
        return self._files[self._names[name]]

    def _change(self, names: dict[str, int]) -> None:
        self._names = names
        self._renamed.append(names)
