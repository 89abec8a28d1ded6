"""How much memory this process holds, and the most that it ever did."""

import contextlib
import ctypes
import gc
import resource
import sys
from pathlib import Path


def give_back_memory() -> None:
    """Hand what was freed back to the system, so that many workers fit side by side."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def peak_memory() -> float:
    """Return the most MiB that this process has held.

    Linux' own mark is read, since ``getrusage`` also counts what the parent held when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        marks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return float(marks[0].split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def start_peak_memory() -> float:
    """Lower the mark of :func:`peak_memory` to what is held now, where Linux allows, and return it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()
