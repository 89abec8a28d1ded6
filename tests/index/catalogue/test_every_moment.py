"""Killed at each line that a step runs through, a catalogue holds what it held before, or after.

Every fifth line is tried, and with LEAFSCAN_EVERY_LINE=1 in the environment (a minute) every one.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan.index.index import Index

Matrix = NDArray[np.float32]
Step = Callable[[Path], Any]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

STRIDE = 1 if os.environ.get("LEAFSCAN_EVERY_LINE") else 5

#: Where lines count: whatever touches the folder.
WATCHED = (os.path.join("index", "catalogue", ""), os.path.join("index", "atomic.py"))


def _killed_at(line: int, step: Callable[[], Any]) -> bool:
    """Run ``step`` in a fork that is killed at its ``line``-th line; False if it has fewer."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal left
            if not any(part in frame.f_code.co_filename for part in WATCHED):
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            sys.settrace(trace)
            step()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _content(index: Index) -> dict[int, list[float]]:
    ids = index.ids.tolist()
    return dict(zip(ids, index.vectors(ids).tolist(), strict=True))


def _each_line(begin: Step, step: Callable[[Any], Any], look: Callable[[Path], Any], path: Path) -> list[Any]:
    """Return what ``look`` saw after a kill at each line of ``step``, which goes on from ``begin``."""
    seen: list[Any] = []
    for line in range(1, 10_000, STRIDE):
        folder = path.with_name(f"killed-{line}")
        if path.exists():
            shutil.copytree(path, folder)
        killed = _killed_at_step(line, folder, begin, step)
        seen.append(look(folder))
        shutil.rmtree(folder, ignore_errors=True)
        if not killed:
            return seen
    raise AssertionError("it does not end")


def _killed_at_step(line: int, folder: Path, begin: Step, step: Callable[[Any], Any]) -> bool:
    # The catalogue is opened in the fork, which alone may write to it, before lines count.
    def both() -> None:
        trace = sys.gettrace()
        sys.settrace(None)
        begun = begin(folder)
        sys.settrace(trace)
        step(begun)

    return _killed_at(line, both)


def _opened(path: Path) -> dict[int, list[float]]:
    with leafscan.open(path, read_only=True) as reader:
        read = _content(reader)
    with leafscan.open(path, verify=True) as catalogue:
        content = _content(catalogue)
        assert read == content
        catalogue.delete([0])
        catalogue.checkpoint()
    with leafscan.open(path) as catalogue:
        assert _content(catalogue) == {one: vector for one, vector in content.items() if one != 0}
    assert len(list(path.iterdir())) == 3
    return content


@pytest.fixture
def path() -> Iterator[Path]:
    # A kill loses nothing that was written, synced or not: memory does, where syncing takes no time.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder, "catalogue")


@pytest.fixture
def begun(path: Path, index: Index, points: Matrix) -> dict[int, list[float]]:
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([1, 2], points[:2])
        return _content(catalogue)


def test_an_update(path: Path, points: Matrix, begun: dict[int, list[float]]) -> None:
    seen = _each_line(leafscan.open, lambda catalogue: catalogue.upsert([3, 10], points[4:6]), _opened, path)
    after = begun | {3: points[4].tolist(), 10: points[5].tolist()}
    assert len(seen) > 10 / STRIDE
    assert seen[-1] == after
    # First one, then the other, and never back.
    turn = seen.index(after)
    assert all(content == begun for content in seen[:turn])
    assert all(content == after for content in seen[turn:])


def test_a_checkpoint(path: Path, begun: dict[int, list[float]]) -> None:
    seen = _each_line(leafscan.open, lambda catalogue: catalogue.checkpoint(), _opened, path)
    assert len(seen) > 30 / STRIDE
    assert all(content == begun for content in seen)


def test_an_opening(path: Path, begun: dict[int, list[float]]) -> None:
    (path / "snapshot-000002.leafscan").write_text("half")
    seen = _each_line(lambda folder: folder, leafscan.open, _opened, path)
    assert len(seen) > 30 / STRIDE
    assert all(content == begun for content in seen)


def test_a_closing(path: Path, begun: dict[int, list[float]]) -> None:
    seen = _each_line(leafscan.open, lambda catalogue: catalogue.close(), _opened, path)
    assert all(content == begun for content in seen)


def test_a_beginning(path: Path, index: Index) -> None:
    def look(folder: Path) -> bool:
        """Tell whether there is a catalogue, and make it if not."""
        try:
            leafscan.open(folder).close()
        except FileNotFoundError:
            leafscan.open(folder, index).close()
            assert _opened(folder) == _content(index)
            return False
        assert _opened(folder) == _content(index)
        return True

    seen = _each_line(lambda folder: folder, lambda folder: leafscan.open(folder, index), look, path)
    assert len(seen) > 30 / STRIDE
    turn = seen.index(True)
    assert not any(seen[:turn])
    assert all(seen[turn:])
