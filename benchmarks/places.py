"""Where the benchmarks keep what they fetch, build and write; all of it can be deleted."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def out() -> Path:
    """Return the folder of everything generated: ``benchmarks/out``, or ``$LEAFSCAN_BENCH_OUT``."""
    chosen = os.environ.get("LEAFSCAN_BENCH_OUT")
    return Path(chosen).expanduser().resolve() if chosen else REPOSITORY / "benchmarks" / "out"


def folder(*parts: str) -> Path:
    """Return a folder under :func:`out`, made if it is not there."""
    path = out().joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path
