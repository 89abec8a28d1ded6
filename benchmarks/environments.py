"""Environments of their own: a virtual environment per peer, made on demand with ``pip``."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.places import folder


class EnvironmentNotMadeError(RuntimeError):
    """An environment that could not be made."""


def python_of(name: str, requirements: Sequence[str]) -> Path:
    """Return the interpreter of environment ``name``, which holds ``requirements``.

    The environment is made at the first call and again whenever the requirements change.

    Parameters
    ----------
    name
        Folder name under ``out/env``.
    requirements
        What to install, as ``pip`` takes it: names with versions.
    """
    place = folder("env") / name
    python = place / "bin" / "python"
    stamp = place / "requirements.installed"
    wanted = "\n".join([f"python {sys.version.split()[0]}", *requirements])
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(place, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(place)], name)
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements], name)
    stamp.write_text(wanted)
    return python


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise EnvironmentNotMadeError(
            f"The environment of {name!r} could not be made: {' '.join(command[1:])} ended with "
            f"{done.returncode}: {last}"
        )
