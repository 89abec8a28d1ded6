"""Where ML-100K can be had, and the sums by which its files are known."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from leafscan.recommend.extras import require
from leafscan.recommend.movielens.files import pack, read_files
from leafscan.recommend.progress import Progress

__all__ = [
    "GROUPLENS_SHA256",
    "GROUPLENS_URL",
    "RECBOLE_REQUIREMENT",
    "RECBOLE_SHA256",
    "SourceError",
    "check_recbole",
    "default_cache_dir",
    "fetch_grouplens",
    "fetch_recbole",
]

#: GroupLens' own archive and its sum.
GROUPLENS_URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
GROUPLENS_SHA256 = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
#: The wheel that carries a copy, as pip names it, and the sums of the copy's files.
RECBOLE_REQUIREMENT = "recbole==1.2.1"
RECBOLE_SHA256 = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
    "ml-100k.user": "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
}
# Seconds to connect and seconds without a byte, and the seconds that pip may take in all.
_GROUPLENS_TIMEOUT = (4.0, 20.0)
_PIP_TIMEOUT = 180.0


class SourceError(RuntimeError):
    """A source did not give the files; the message is the reason."""


def default_cache_dir() -> Path:
    """Name the folder in which fetched files are kept.

    Returns
    -------
    Path
        ``movielens`` below the user's cache folder for leafscan, as the platform has it (``XDG_CACHE_HOME``
        and its like are honoured).
    """
    platformdirs = require("platformdirs", purpose="Finding the cache folder of MovieLens")
    return Path(platformdirs.user_cache_dir("leafscan", appauthor=False)) / "movielens"


class _DownloadBar:
    """A caller's display with the face that pooch asks of a progress bar."""

    def __init__(self, progress: Progress) -> None:
        self.total = 0
        self._done = 0
        self._progress = progress

    def update(self, size: int) -> None:
        """Count bytes."""
        self._done = min(self._done + size, self.total)
        self._progress("Fetching MovieLens-100K", self._done, self.total)

    def reset(self) -> None:
        """Start anew: pooch does so before it counts the whole."""
        self._done = 0

    def close(self) -> None:
        """Do nothing: the display is the caller's."""


def fetch_grouplens(target: Path, *, progress: bool | Progress) -> None:
    """Fetch GroupLens' archive and keep it if its sum is right.

    Parameters
    ----------
    target
        Where to keep it; the folder exists. It is written under another name first.
    progress
        Whether to show a progress bar on stderr; or a display of the caller's.

    Raises
    ------
    SourceError
        If the server does not answer in a few seconds, or what it sent has another sum.
    """
    pooch = require("pooch", purpose="Fetching MovieLens from GroupLens")
    require("requests", purpose="Fetching MovieLens from GroupLens")
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    bar = _DownloadBar(progress) if callable(progress) else progress
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            fetched = pooch.retrieve(
                GROUPLENS_URL,
                known_hash=f"sha256:{GROUPLENS_SHA256}",
                path=folder,
                fname=target.name,
                downloader=pooch.HTTPDownloader(progressbar=bar, timeout=_GROUPLENS_TIMEOUT),
            )
            os.replace(fetched, target)
    except (OSError, ValueError) as error:
        raise SourceError(_reason(error)) from error
    finally:
        logger.setLevel(level)


def fetch_recbole(target: Path) -> None:
    """Take the copy out of RecBole's wheel, fetched by ``pip download``, and keep it if its sums are right.

    Parameters
    ----------
    target
        Where to keep the three files, as a zip archive; the folder exists. It is written under another name
        first.

    Raises
    ------
    SourceError
        If there is no pip, it cannot have the wheel, or the files have other sums.

    Notes
    -----
    pip goes to whichever index it is configured for; nothing is installed.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
        command += ["--disable-pip-version-check", "--quiet", "--dest", folder, RECBOLE_REQUIREMENT]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_PIP_TIMEOUT,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(_reason(error)) from error
        if done.returncode != 0:
            said = (
                done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}"
            ).splitlines()
            raise SourceError(f"pip could not download {RECBOLE_REQUIREMENT}: {said[-1]}")
        wheels = sorted(Path(folder).glob("*.whl"))
        if not wheels:
            raise SourceError(f"pip download {RECBOLE_REQUIREMENT} left no wheel.")
        try:
            files = read_files(wheels[0])
        except (OSError, ValueError) as error:
            raise SourceError(_reason(error)) from error
        check_recbole(files)
        packed = Path(folder) / target.name
        pack({name: files[name] for name in RECBOLE_SHA256}, packed)
        os.replace(packed, target)


def check_recbole(files: dict[str, bytes]) -> None:
    """Compare the sums of RecBole's files with the known ones.

    Parameters
    ----------
    files
        The contents by file name.

    Raises
    ------
    SourceError
        If a file is missing or has another sum; it is named.
    """
    for name, wanted in RECBOLE_SHA256.items():
        if name not in files:
            raise SourceError(f"{name} is missing.")
        found = hashlib.sha256(files[name]).hexdigest()
        if found != wanted:
            raise SourceError(f"{name} has the sha256 {found}, not {wanted}; it was changed or cut short.")


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{type(error).__name__}: {lines[0][:300]}"
