"""No power cut can be had here, but what the system was asked to do, and in which order, can be seen."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Linux)")

WRITER = """
import os, sys, numpy as np, leafscan
def say(what):
    os.write(1, f"<{what}>".encode())
vectors = np.eye(8, dtype=np.float32)
catalogue = leafscan.open(sys.argv[1], leafscan.build(vectors, metric="squared_l2"))
say("begun")
for number in range(3):
    catalogue.upsert([100 + number], vectors[:1])
    say("upserted")
catalogue.delete([100])
say("deleted")
catalogue.checkpoint()
say("folded")
"""

CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += \d")


def _events(folder: Path) -> list[tuple[str, str]]:
    """Return what was done to which file, in order, and what was said."""
    trace = folder / "trace"
    asked = "trace=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
    command = ["strace", "-f", "-y", "-e", asked, "-o", str(trace), sys.executable, "-c", WRITER]
    done = subprocess.run([*command, str(folder / "catalogue")], capture_output=True, text=True)
    if "ptrace" in done.stderr.lower():
        pytest.skip("strace may not look here")
    assert done.returncode == 0, done.stderr
    events = []
    for line in trace.read_text().splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        name, arguments = call[1], call[2]
        said = re.search(r'"<(\w+)>"', arguments)
        if name == "write" and said:
            events.append(("say", said[1]))
        elif str(folder / "catalogue") in arguments:
            files = re.findall(r"/catalogue/?([^>\"]*)[>\"]", arguments)
            kind = {"pwrite64": "write", "fdatasync": "fsync"}.get(name, name[:6])
            events.append((kind, re.sub(r"[0-9a-f]{16}", "*", files[-1])))
    return events


def test_all_is_synced_before_it_is_said(tmp_path: Path) -> None:
    events = _events(tmp_path)
    said = [place for place, (kind, _) in enumerate(events) if kind == "say"]
    assert [events[place][1] for place in said] == ["begun", *["upserted"] * 3, "deleted", "folded"]
    log = "journal.sqlite-wal"
    for before, place in pairwise(said[:5]):
        step = events[before + 1 : place]
        assert ("write", log) in step
        # What was written to the log last was synced after, and nothing else is needed to find it again.
        last = len(step) - 1 - step[::-1].index(("write", log))
        assert ("fsync", log) in step[last:]
    # A snapshot is on the disk, then its name, then the commit that points to it; then the old one goes.
    step = events[said[4] + 1 : said[5]]
    new = step.index(("rename", "snapshot-000002.leafscan"))
    assert ("fsync", ".leafscan-*.tmp") in step[:new]
    folder = step.index(("fsync", ""), new)
    assert ("write", log) not in step[:folder]
    commit = step.index(("write", log), folder)
    synced = step.index(("fsync", log), commit)
    gone = step.index(("unlink", "snapshot-000001.leafscan"))
    assert gone > synced
    # The log is shortened only when the database itself has all of it.
    assert step.index(("fsync", "journal.sqlite"), synced) > synced
