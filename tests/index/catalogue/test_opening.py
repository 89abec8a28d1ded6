import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import FileFormatError
from leafscan.index.catalogue import opening
from leafscan.index.catalogue.journal import Journal
from leafscan.index.index import Index
from leafscan.index.update import Update

Matrix = NDArray[np.float32]

OURS = {"journal.sqlite", "snapshot-000001.leafscan", "writer.lock"}


def _names(path: Path) -> set[str]:
    return set(os.listdir(path))


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_becomes_a_catalogue(path: Path, index: Index, there: bool) -> None:
    if there:
        path.mkdir()
    with leafscan.open(str(path), index) as catalogue:
        assert catalogue.ids.tolist() == index.ids.tolist()
        assert catalogue.config == index.config
    assert _names(path) == OURS


def test_one_is_not_begun_over_another(path: Path, index: Index) -> None:
    leafscan.open(path, index).close()
    with pytest.raises(FileExistsError, match="there is a catalogue already; open it without index"):
        leafscan.open(path, index)
    leafscan.open(path).close()


def test_without_an_index_there_is_none(path: Path) -> None:
    for read_only in (False, True):
        with pytest.raises(FileNotFoundError, match=r"there is no catalogue; leafscan\.open\(path, index\)"):
            leafscan.open(path, read_only=read_only)
    assert not path.exists()


def test_other_files_are_left_alone(path: Path, index: Index) -> None:
    path.mkdir()
    (path / "notes.txt").touch()
    for given in (None, index):
        with pytest.raises(FileExistsError, match=r"other files \(notes\.txt\); give an empty folder"):
            leafscan.open(path, given)
    assert _names(path) == {"notes.txt"}


def test_a_file_gets_a_sentence(path: Path, index: Index) -> None:
    index.save(path)
    with pytest.raises(NotADirectoryError, match=r"leafscan\.load reads an index file"):
        leafscan.open(path)


def test_a_missing_parent_gets_a_sentence(path: Path, index: Index) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder to make a catalogue in"):
        leafscan.open(path / "more", index)


def test_arguments_get_sentences(path: Path, index: Index) -> None:
    with pytest.raises(TypeError, match="index must be an Index or None; received 7"):
        leafscan.open(path, 7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give one of the two"):
        leafscan.open(path, index, read_only=True)


def test_a_second_writer_is_told_who_writes(
    catalogue: leafscan.Catalogue, path: Path, tmp_path: Path
) -> None:
    with pytest.raises(BlockingIOError, match="open for writing already, in this process; close it there"):
        leafscan.open(path)
    code = (
        "import leafscan, sys\ntry: leafscan.open(sys.argv[1])\nexcept BlockingIOError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    assert f"open for writing already, by the process {os.getpid()} on " in done.stdout
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(BlockingIOError):
        leafscan.open(tmp_path / "link")


@pytest.mark.parametrize("stage", ["save", "point"])
@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_making_one_is_all_or_nothing(
    path: Path, index: Index, monkeypatch: pytest.MonkeyPatch, stage: str, error: BaseException
) -> None:
    def fail(*arguments: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(*((Index, "save") if stage == "save" else (Journal, "point")), fail)
        with pytest.raises(type(error)):
            leafscan.open(path, index)
    assert not list(path.glob("*.leafscan"))
    for read_only in (False, True):
        with pytest.raises(FileNotFoundError, match="making one was cut short"):
            leafscan.open(path, read_only=read_only)
    leafscan.open(path, index).close()
    assert _names(path) == OURS


def test_leftovers_are_removed(path: Path, index: Index, points: Matrix) -> None:
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([1], points[:1])
    left = [path / "snapshot-000002.leafscan", path / ".leafscan-0123456789abcdef.tmp"]
    for file in left:
        file.write_text("half")
    leafscan.open(path, read_only=True).close()
    assert all(file.exists() for file in left)
    with leafscan.open(path) as catalogue:
        assert 1 in catalogue
        assert not any(file.exists() for file in left)


def test_a_lost_journal_is_told(path: Path, index: Index) -> None:
    leafscan.open(path, index).close()
    (path / "journal.sqlite").unlink()
    for given in (None, index):
        with pytest.raises(
            FileFormatError, match=r"is missing, .* leafscan\.load reads snapshot-000001\.leafscan"
        ):
            leafscan.open(path, given)
    (path / "journal.sqlite").touch()
    for given in (None, index):
        with pytest.raises(FileFormatError, match=r"journal\.sqlite is not the journal"):
            leafscan.open(path, given)
    assert (path / "snapshot-000001.leafscan").exists()


def test_a_lost_snapshot_is_told(path: Path, index: Index) -> None:
    leafscan.open(path, index).close()
    (path / "snapshot-000001.leafscan").rename(path / "snapshot-000002.leafscan")
    for read_only in (False, True):
        with pytest.raises(FileNotFoundError, match=r"snapshot-000001\.leafscan"):
            leafscan.open(path, read_only=read_only)
    assert (path / "snapshot-000002.leafscan").exists()


def test_another_snapshot_is_told(path: Path, index: Index, points: Matrix) -> None:
    leafscan.open(path, index).close()
    leafscan.build(points, metric="cosine").save(path / "snapshot-000001.leafscan")
    with pytest.raises(FileFormatError, match="is not the snapshot that the journal goes on from"):
        leafscan.open(path)


def test_a_name_that_leads_elsewhere_is_told(path: Path, index: Index) -> None:
    leafscan.open(path, index).close()
    with closing(sqlite3.connect(path / "journal.sqlite")) as connection, connection:
        connection.execute("UPDATE state SET snapshot = '../snapshot-000001.leafscan'")
    with pytest.raises(FileFormatError, match="as its snapshot"):
        leafscan.open(path)


def test_a_damaged_snapshot_is_told_on_demand(path: Path, index: Index) -> None:
    leafscan.open(path, index).close()
    file = path / "snapshot-000001.leafscan"
    data = bytearray(file.read_bytes())
    data[-9] ^= 1
    file.write_bytes(data)
    with pytest.raises(FileFormatError, match="section"):
        leafscan.open(path, verify=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda ids, vectors: (ids, vectors[:, :3]),
        lambda ids, vectors: (ids, vectors * np.float32(np.nan)),
        lambda ids, vectors: (-ids - 1, vectors),
        lambda ids, vectors: (["x"], vectors),
        lambda ids, vectors: (ids, None),
    ],
)
def test_a_row_that_does_not_fit_is_told(
    path: Path, index: Index, points: Matrix, change: Callable[..., Any]
) -> None:
    """Whoever made it look right: it goes through the checks of every update."""
    leafscan.open(path, index).close()
    ids, vectors = change(np.array([7]), points[:1])
    with closing(Journal(path / "journal.sqlite")) as journal:
        journal.append(Update(ids=ids, vectors=vectors, tags=None))
    with pytest.raises(FileFormatError, match="the rows 1 to 1 of the journal do not fit the snapshot"):
        leafscan.open(path)


def test_a_reader_looks_again_when_a_checkpoint_comes_between(
    path: Path, index: Index, points: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = opening._contents
    calls = []

    with leafscan.open(path, index) as catalogue:

        def slowly(*arguments: Any, **options: Any) -> Any:
            calls.append(arguments)
            if len(calls) == 1:
                catalogue.upsert([1], points[:1])
                catalogue.checkpoint()
            return contents(*arguments, **options)

        monkeypatch.setattr(opening, "_contents", slowly)
        with leafscan.open(path, read_only=True) as reader:
            assert 1 in reader
        assert len(calls) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_read(path: Path, index: Index, points: Matrix) -> None:
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([1], points[:1])
    path.chmod(0o555)
    try:
        with pytest.raises(OSError, match="read_only=True"):
            leafscan.open(path)
        with leafscan.open(path, read_only=True) as reader:
            assert 1 in reader
    finally:
        path.chmod(0o755)


def test_a_copy_is_a_catalogue(path: Path, tmp_path: Path, index: Index, points: Matrix) -> None:
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([1], points[:1])
    shutil.copytree(path, tmp_path / "copy")
    with leafscan.open(tmp_path / "copy") as copy, leafscan.open(path) as catalogue:
        copy.delete([1])
        assert 1 in catalogue
