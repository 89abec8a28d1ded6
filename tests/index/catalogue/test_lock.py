import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leafscan.index.catalogue.lock import WriterLock

HOLD = """
import sys, time
from pathlib import Path
from leafscan.index.catalogue.lock import WriterLock
lock = WriterLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_one_holds_it_within_a_process(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        WriterLock(tmp_path / "lock")
    lock.release()
    lock.release()
    WriterLock(tmp_path / "lock").release()
    assert os.listdir(tmp_path) == ["lock"]
    assert (tmp_path / "lock").stat().st_size == 0


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            WriterLock(tmp_path / "lock")
        holder.kill()
    WriterLock(tmp_path / "lock").release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_neither_holds_it_nor_lets_go(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        lock.release()  # What the end of a child may come to.
        os.write(write, b"x")
        signal.pause()
    assert os.read(read, 1) == b"x"
    with pytest.raises(BlockingIOError):
        WriterLock(tmp_path / "lock")
    lock.release()
    WriterLock(tmp_path / "lock").release()  # The child lives, and does not hold it.
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_folder_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it cannot be written to; give this process the right"):
        WriterLock(tmp_path / "none" / "lock")
