"""A process that tries crafted files one after the other, so that a crash ends it and nothing else.

It is called with a `Job` as JSON, and writes one line of JSON for each file: a `Trial`.
"""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from soak.engine import use_engine

__all__ = ["Job"]

#: No file of a few kilobytes needs as much, beside what Python itself maps.
_MOST_MEMORY = 4 << 30


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker does.

    Parameters
    ----------
    seed
        Seeds every file, together with its number.
    first, count
        Which files.
    engine
        The native module to try; "" is the installed one.
    """

    seed: int
    first: int
    count: int
    engine: str = ""


def _limit_memory() -> None:
    """Make an allocation that a forged size asks for fail, rather than take the machine along."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, most))


def _run(job: Job) -> None:
    if job.engine:
        # A sanitizer maps terabytes of its own, and limits allocations itself.
        use_engine(Path(job.engine))
    else:
        _limit_memory()
    from soak.files.trial import run_trial

    with tempfile.TemporaryDirectory(prefix="leafscan-soak-") as folder:
        for number in range(job.first, job.first + job.count):
            print(json.dumps(asdict(run_trial(job.seed, number, Path(folder)))), flush=True)


if __name__ == "__main__":
    _run(Job(**json.loads(sys.argv[1])))
