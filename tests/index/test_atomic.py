import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leafscan.index import atomic
from leafscan.index.atomic import replacing


def test_what_was_there_is_replaced_and_nothing_else_left(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with replacing(target) as temporary:
        assert temporary.parent == tmp_path
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_failure_before_anything_was_written_stays_the_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="first"), replacing(tmp_path / "file"):
        raise RuntimeError("first")


def test_the_file_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []

    def noting(event: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            events.append(event)
            return function(*arguments)

        return call

    monkeypatch.setattr(os, "fsync", noting("sync", os.fsync))
    monkeypatch.setattr(os, "replace", noting("rename", os.replace))
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("x")
    assert events == ["sync", "rename", "sync"] if os.name == "posix" else ["sync", "rename"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_keeps_leading_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="give a file in it"), replacing(tmp_path):
        pass


def test_a_missing_folder_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"), replacing(tmp_path / "none" / "file"):
        pass


def test_a_file_that_is_not_let_go_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(os, "replace", refuse)

    def write() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("x")

    with pytest.raises(PermissionError, match=r"cannot be replaced; if an index .* memory=True"):
        write()
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="folders are synced on POSIX only")
@pytest.mark.parametrize(("code", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_without_folder_sync_is_forgiven_and_a_failing_disk_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, raised: bool
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(os, "fsync", fail)
    if raised:
        with pytest.raises(OSError, match="no"):
            atomic.sync_folder(tmp_path)
    else:
        atomic.sync_folder(tmp_path)


def test_other_systems_sync_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(os, "open", None)
    atomic.sync_folder(tmp_path)
