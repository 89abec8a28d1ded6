from pathlib import Path

import pytest

from leafscan import FileFormatError
from leafscan.index.catalogue.layout import (
    fingerprint,
    foreign_files,
    remove_leftovers,
    snapshot_name,
    snapshot_number,
    snapshots,
)


@pytest.mark.parametrize("number", [1, 999_999, 1_000_000, 123_456_789])
def test_names_and_numbers_belong_together(number: int) -> None:
    assert snapshot_number(snapshot_name(number)) == number


@pytest.mark.parametrize(
    "name",
    [
        "snapshot-1.leafscan",
        "snapshot-0000001.leafscan",
        "snapshot-000001.leafscan.tmp",
        "a/snapshot-000001.leafscan",
    ],
)
def test_other_names_are_no_snapshots(name: str) -> None:
    assert snapshot_number(name) is None


def test_snapshots_go_by_number(tmp_path: Path) -> None:
    for number in (1_000_000, 7, 999_999):
        (tmp_path / snapshot_name(number)).touch()
    assert snapshots(tmp_path) == [snapshot_name(7), snapshot_name(999_999), snapshot_name(1_000_000)]


def test_leftovers_go_and_all_else_stays(tmp_path: Path) -> None:
    stays = {
        "journal.sqlite",
        "journal.sqlite-wal",
        "writer.lock",
        "notes.txt",
        snapshot_name(2),
        ".leafscan-x.tmp",
    }
    goes = {snapshot_name(1), snapshot_name(3), ".leafscan-0123456789abcdef.tmp", ".tmpoO6r1e"}
    for name in stays | goes:
        (tmp_path / name).touch()
    assert foreign_files(tmp_path) == [".leafscan-x.tmp", "notes.txt"]
    remove_leftovers(tmp_path, snapshot_name(2))
    assert {path.name for path in tmp_path.iterdir()} == stays


def test_a_leftover_that_is_not_let_go_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError("mapped")

    (tmp_path / snapshot_name(1)).touch()
    monkeypatch.setattr(Path, "unlink", refuse)
    remove_leftovers(tmp_path, None)
    assert snapshots(tmp_path) == [snapshot_name(1)]


def test_a_fingerprint_is_of_the_header(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes((3).to_bytes(8, "little") + b"abc" + b"rest")
    first = fingerprint(file)
    file.write_bytes((3).to_bytes(8, "little") + b"abc" + b"REST")
    assert fingerprint(file) == first
    file.write_bytes((3).to_bytes(8, "little") + b"abd" + b"rest")
    assert fingerprint(file) != first


@pytest.mark.parametrize("data", [b"", b"1234567", b"\xff" * 8])
def test_what_has_no_header_has_no_fingerprint(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(FileFormatError, match="it has no header"):
        fingerprint(tmp_path / "a")
