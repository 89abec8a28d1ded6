import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from leafscan import FileFormatError
from leafscan.index.catalogue import log
from leafscan.index.catalogue.journal import Journal, Snapshot
from leafscan.index.catalogue.log import FRAME_HEADER, HEADER, check_log
from leafscan.index.update import Update

FRAME = 4096 + FRAME_HEADER


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Path]:
    """A log with five transactions; a database that is closed has none."""
    path = tmp_path / "journal.sqlite"
    with closing(Journal(path, create=True)) as journal:
        journal.point(Snapshot("snapshot-000001.leafscan", "f" * 64, 0))
        for number in range(5):
            vectors = np.full((1, 3000), number, np.float32)
            journal.append(Update(ids=np.array([number]), vectors=vectors, tags=None))
        copy = tmp_path / "copy"
        copy.mkdir()
        for file in ("journal.sqlite", "journal.sqlite-wal"):
            shutil.copy(tmp_path / file, copy)
        yield copy / "journal.sqlite-wal"


def _ends(data: bytes) -> list[int]:
    """Return the byte behind each transaction."""
    return [
        end
        for end in range(HEADER + FRAME, len(data) + 1, FRAME)
        if data[end - FRAME + 4 : end - FRAME + 8] != b"\0\0\0\0"
    ]


def _read(path: Path) -> int:
    with closing(Journal(path.with_name("journal.sqlite"))) as journal:
        return len(list(journal.updates()))


@pytest.mark.parametrize("chunk", [1, 3, 1 << 13])
def test_a_whole_log_is_read(logged: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(log, "CHUNK", chunk)
    check_log(logged)
    assert len(_ends(logged.read_bytes())) == 5
    assert _read(logged) == 5


def test_our_sums_are_sqlites(logged: Path) -> None:
    """Every frame counts as valid: damage before the last transaction would not be seen otherwise."""
    data = bytearray(logged.read_bytes())
    second = _ends(data)[-2]
    data[second + 100] ^= 1
    logged.write_bytes(data)
    check_log(logged)  # The last transaction alone: that can be a power cut.
    assert _read(logged) == 4


def test_damage_before_what_was_acknowledged_is_told(logged: Path) -> None:
    whole = logged.read_bytes()
    rng = np.random.default_rng(0)
    last = _ends(whole)[-2]
    for place in sorted({*range(HEADER + FRAME_HEADER), *rng.integers(HEADER, last, 100).tolist()}):
        data = bytearray(whole)
        data[place] ^= 0x30 if place == 10 else int(rng.integers(1, 256))  # 10: twice the page size.
        logged.write_bytes(data)
        with pytest.raises(FileFormatError, match="acknowledged lie behind; restore the folder"):
            check_log(logged)
        with pytest.raises(FileFormatError):
            _read(logged)
        assert logged.read_bytes() == bytes(data)


def test_a_log_without_its_beginning_is_told(logged: Path) -> None:
    data = logged.read_bytes()
    logged.write_bytes(bytes(HEADER) + data[HEADER:])
    with pytest.raises(FileFormatError, match="damaged at its beginning"):
        check_log(logged)


@pytest.mark.parametrize("data", [b"", b"x", bytes(HEADER), bytes(3 * FRAME)])
def test_what_never_came_to_the_disk_is_no_damage(tmp_path: Path, data: bytes) -> None:
    check_log(tmp_path / "none")
    (tmp_path / "log").write_bytes(data)
    check_log(tmp_path / "log")


def test_frames_of_an_earlier_log_are_no_damage(tmp_path: Path) -> None:
    """SQLite begins a log anew from the front, over what is in the database already."""
    path = tmp_path / "a"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
        for number in range(9):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("INSERT INTO t VALUES (10)")
        assert (tmp_path / "a-wal").stat().st_size > 5 * FRAME
        check_log(tmp_path / "a-wal")
