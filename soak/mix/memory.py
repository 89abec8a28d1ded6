"""How much memory the process holds, and whether that grows."""

import ctypes
import importlib
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Growth", "growth", "in_use", "resident"]

MIB = 2**20

#: It grows if the line through the second half climbs faster than this share of the warm level in an hour,
#: and if the median of the last sixth is above the warm level by more than this share.
MOST_SLOPE, MOST_ABOVE = 0.1, 0.1

#: Before this share of the run is over, it is warming up; the warm level is the median of the sixth after.
WARM = 1 / 3


def resident() -> float | None:
    """Return the resident size in MiB; on macOS the largest that it was, on Windows None."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB
    if sys.platform == "win32":
        return None
    resource = importlib.import_module("resource")
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024


class _Mallinfo2(ctypes.Structure):
    """glibc's ``struct mallinfo2``, since 2.33."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def in_use() -> float | None:
    """Return how much of the heap is handed out, in MiB: what would leak; None where glibc does not tell.

    The resident size has besides what the heap keeps for later, in holes, which is the allocator's affair.
    Python's small objects have arenas of their own: ``sys.getallocatedblocks`` counts those.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None
    mallinfo2.restype = _Mallinfo2
    told = mallinfo2()
    return float(told.uordblks + told.hblkhd) / MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """What was found of the resident sizes of a run, in MiB."""

    warm_mib: float
    last_mib: float
    most_mib: float
    slope_mib_an_hour: float
    grows: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, rounded."""
        return {
            name: round(value, 2) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def growth(samples: list[tuple[float, float]]) -> Growth:
    """Tell whether memory grows.

    Parameters
    ----------
    samples
        Seconds and MiB, in the order of time.

    Examples
    --------
    >>> flat = [(float(t), 100.0 + t % 3) for t in range(3600)]
    >>> growth(flat).grows
    False
    >>> growth([(t, mib + t / 100) for t, mib in flat]).grows
    True
    """
    seconds, mib = np.array(samples, np.float64).T
    share = seconds / seconds[-1]
    warm = float(np.median(mib[(share >= WARM) & (share < WARM + 1 / 6)]))
    last = float(np.median(mib[share >= 5 / 6]))
    late = share >= 0.5
    slope = float(np.polyfit(seconds[late] / 3600, mib[late], 1)[0])
    return Growth(
        warm_mib=warm,
        last_mib=last,
        most_mib=float(mib.max()),
        slope_mib_an_hour=slope,
        grows=slope > MOST_SLOPE * warm or last > (1 + MOST_ABOVE) * warm,
    )
