"""Workers side by side, each watched: one that dies or hangs is told, and another goes on where it was."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from soak.files.worker import Job
from soak.places import REPOSITORY

__all__ = ["run_job"]

#: A file that takes longer hangs.
PATIENCE = 120.0

Report = Callable[[dict[str, Any]], None]


def run_job(job: Job, report: Report) -> None:
    """Run a job to its end, in as many processes as it takes.

    Parameters
    ----------
    job
        What to do.
    report
        Receives each `soak.files.trial.Trial` as a dictionary; the status of a file that ended its process
        is "crashed", and its problem what the process said last.
    """
    end = job.first + job.count
    while job.first < end:
        done, said = _run_process(job, report)
        job = replace(job, first=job.first + done, count=job.count - done)
        if job.first < end:
            report(
                {
                    "number": job.first,
                    "family": "",
                    "mutation": "",
                    "status": "crashed",
                    "verified": False,
                    "problem": said,
                }
            )
            job = replace(job, first=job.first + 1, count=job.count - 1)


def _run_process(job: Job, report: Report) -> tuple[int, str]:
    """Return how many files it did, and how it ended."""
    done = 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "soak.files.worker", json.dumps(asdict(job))],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=REPOSITORY,
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        watch = _Watch(process)
        for line in process.stdout:
            watch.begin()
            report(json.loads(line))
            done += 1
        watch.end()
        process.wait()
        errors.seek(0)
        said = errors.read()
        # A sanitizer tells what it found first, Python why it ended last.
        said = said if len(said) < 6000 else f"{said[:3000]}\n...\n{said[-3000:]}"
    return done, f"it ended with {process.returncode}{watch.hung}\n{said}"


class _Watch:
    """Ends a process that has been quiet for too long."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.hung = ""
        self._process = process
        self._timer: threading.Timer | None = None
        self.begin()

    def begin(self) -> None:
        self.end()
        self._timer = threading.Timer(PATIENCE, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _kill(self) -> None:
        self.hung = f", after {PATIENCE:.0f} seconds without a result"
        with contextlib.suppress(OSError):
            self._process.kill()
