"""What the figures were taken on."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import leafscan

__all__ = ["describe_machine"]


def describe_machine(*, backend: str, threads: int) -> dict[str, Any]:
    """Describe the machine and the software, fit for JSON.

    Parameters
    ----------
    backend
        The Keras backend.
    threads
        How many threads every method had.

    Returns
    -------
    dict
        ``processor``, ``cores``, ``threads``, ``system``, ``python``, ``backend``, ``versions`` and ``date``.
    """
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": threads,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "backend": backend,
        "versions": {
            "leafscan": leafscan.__version__,
            **{
                package: _version(package)
                for package in ("numpy", "keras", "keras-rs", backend, "implicit")
                if _version(package)
            },
        },
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    # Only Linux keeps the name in a file; elsewhere platform knows it, or at least the architecture.
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
