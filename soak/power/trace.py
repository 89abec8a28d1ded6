"""What a program did to a folder, as `strace` saw it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from soak.power.disk import Disk

__all__ = ["NoTraceError", "Step", "steps", "trace"]

CALLS = "openat,write,pwrite64,writev,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat"

_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^(\d+)<((?:\\x[0-9a-f]{2})*)>")


class NoTraceError(RuntimeError):
    """There is no strace, or it may not look."""


class Step(NamedTuple):
    """One system call: its name, the file ("" the folder itself), a place, bytes, another name."""

    call: str
    name: str
    place: int = 0
    data: bytes = b""
    to: str = ""


def trace(arguments: Sequence[str], log: Path) -> None:
    """Run Python with ``arguments`` under strace, which writes to ``log``.

    Raises
    ------
    NoTraceError
        If that cannot be done here.
    """
    if shutil.which("strace") is None:
        raise NoTraceError("strace is needed to see what is synced; it is a package of that name on Linux.")
    command = ["strace", "-f", "-y", "-xx", "-s", "99999999", "-e", f"trace={CALLS}", "-o", str(log)]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LEAFSCAN_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, sys.executable, *arguments], capture_output=True, text=True, env=alone, check=False
    )
    if "ptrace" in done.stderr.lower():
        raise NoTraceError(f"strace may not look at programs here: {done.stderr.strip():.200}")
    if done.returncode:
        raise RuntimeError(f"the writer ended with {done.returncode}: {done.stderr[-2000:]}")


def steps(log: Path, folder: Path) -> Iterator[Step]:
    """Read what was done to the files of ``folder``, and what was said ("say")."""
    positions: dict[str, int] = {}
    with log.open() as lines:
        for line in lines:
            call = _CALL.match(line)
            if call and int(call[3]) >= 0:
                yield from _step(call[1], call[2], int(call[3]), folder, positions)


def apply(step: Step, disk: Disk) -> None:
    """Do to ``disk`` what the step did."""
    if step.call == "create":
        disk.create(step.name)
    elif step.call == "write":
        disk.write(step.name, step.place, step.data)
    elif step.call == "truncate":
        disk.truncate(step.name, step.place)
    elif step.call == "sync":
        disk.sync(step.name)
    elif step.call == "rename":
        disk.rename(step.name, step.to)
    elif step.call == "unlink":
        disk.unlink(step.name)


def _step(call: str, arguments: str, result: int, folder: Path, positions: dict[str, int]) -> Iterator[Step]:
    strings = [_bytes(found) for found in _STRING.findall(arguments)]
    if call in ("rename", "renameat", "renameat2", "unlink", "unlinkat", "openat"):
        names = [_within(os.fsdecode(string), folder) for string in strings]
        if not names or names[-1] is None or names[0] is None:
            return
        if call == "openat":
            if "O_CREAT" in arguments and names[0]:
                yield Step("create", names[0])
                positions[names[0]] = 0
            if "O_TRUNC" in arguments and names[0]:
                yield Step("truncate", names[0])
        elif call.startswith("unlink"):
            yield Step("unlink", names[0])
        else:
            yield Step("rename", names[0], to=names[-1])
            positions[names[-1]] = positions.get(names[0], 0)
        return
    descriptor = _DESCRIPTOR.match(arguments)
    if descriptor is None:
        return
    if call == "write" and descriptor[1] == "1":
        yield Step("say", strings[0].decode())
        return
    name = _within(os.fsdecode(_bytes(descriptor[2])), folder)
    if name is None:
        return
    if call == "writev":
        raise RuntimeError("a write of several parts, which this does not read")
    if call == "write":
        place = positions.get(name, 0)
        positions[name] = place + result
        yield Step("write", name, place, strings[0][:result])
    elif call == "pwrite64":
        yield Step("write", name, int(arguments.rsplit(",", 1)[1]), strings[0][:result])
    elif call == "ftruncate":
        yield Step("truncate", name, int(arguments.rsplit(",", 1)[1]))
    else:
        yield Step("sync", name)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _within(path: str, folder: Path) -> str | None:
    """Return the name of ``path`` in ``folder``, "" for itself, None for shared memory and elsewhere."""
    relative = os.path.relpath(os.path.join(folder.parent, path), folder)
    if relative == ".":
        return ""
    return None if os.sep in relative or relative == ".." or relative.endswith("-shm") else relative
