"""Find MovieLens' files in a folder, a zip archive or a wheel, by name and wherever they lie inside."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from leafscan.recommend.movielens.parsing import GROUPLENS_FILES, RECBOLE_SUFFIXES

__all__ = ["pack", "read_files"]

# A member that claims to hold more than this is not ML-100K's (its largest file has 2 MB).
_MOST_BYTES = 256 * 2**20


def read_files(path: str | Path) -> dict[str, bytes]:
    """Read the files of MovieLens that a folder or an archive holds.

    Parameters
    ----------
    path
        A folder (the files may lie in a folder below it), or a ``.zip`` or ``.whl`` archive.

    Returns
    -------
    dict of str to bytes
        The contents by file name. GroupLens' files are taken where all three lie in one folder, else
        RecBole's.

    Raises
    ------
    FileNotFoundError
        If nothing is at the path.
    ValueError
        If it is neither a folder nor a readable archive, or no folder in it holds the files.
    """
    path = Path(path)
    if path.is_dir():
        names = sorted(found.relative_to(path).as_posix() for found in path.rglob("*") if found.is_file())
        return {PurePosixPath(name).name: (path / name).read_bytes() for name in _choose(names, path)}
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            chosen = _choose(archive.namelist(), path)
            for name in chosen:
                if archive.getinfo(name).file_size > _MOST_BYTES:
                    raise ValueError(
                        f"{name} in {path} claims more than {_MOST_BYTES >> 20} MB; ML-100K's files have 2."
                    )
            return {PurePosixPath(name).name: archive.read(name) for name in chosen}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path} is not a readable zip archive ({error}); it may be cut short.") from error


def pack(files: dict[str, bytes], path: str | Path) -> None:
    """Write files into a zip archive, which ``read_files`` reads; the same files give the same bytes.

    Parameters
    ----------
    files
        The contents by file name.
    path
        Where to write the archive.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _choose(names: Iterable[str], path: Path) -> list[str]:
    folders: dict[PurePosixPath, list[str]] = {}
    for name in names:
        folders.setdefault(PurePosixPath(name).parent, []).append(name)
    ordered = [
        folders[folder] for folder in sorted(folders, key=lambda folder: (len(folder.parts), str(folder)))
    ]
    for inside in ordered:
        grouplens = [name for name in inside if PurePosixPath(name).name in GROUPLENS_FILES]
        if len(grouplens) == len(GROUPLENS_FILES):
            return grouplens
    for inside in ordered:
        recbole = [
            next((name for name in inside if name.endswith(suffix)), "") for suffix in RECBOLE_SUFFIXES
        ]
        if all(recbole):
            return recbole
    wanted = ", ".join(GROUPLENS_FILES)
    raise ValueError(
        f"{path} holds no folder with {wanted}, nor one with a .inter, a .item and a .user file."
    )
