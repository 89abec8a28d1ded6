"""Vectors out of a file, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.failing import CommandError
from leafscan.cli.vectors.formats import Store, open_store
from leafscan.index.progress import Progress

__all__ = ["Vectors", "read_vectors"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Vectors:
    """What was read.

    Attributes
    ----------
    rows
        (n, d) numbers; a map of the file where that is possible.
    ids
        (n,) integers or strings; None where nobody asked for any.
    name
        The array or column that holds the vectors, "" where the file has but one, without a name.
    """

    rows: NDArray[Any]
    ids: NDArray[Any] | Sequence[str] | None
    name: str


def read_vectors(
    path: Path, *, key: str | None = None, ids: str | None = None, progress: Progress | None = None
) -> Vectors:
    """Read the vectors of a file.

    Parameters
    ----------
    path
        A .npy, .npz, Parquet, Arrow (file or stream, Feather too) or safetensors file, by what is inside it.
    key
        The array or column that holds the vectors; None takes the only one that can be.
    ids
        The array or column of the ids, or another file that holds them alone: .npy, or text with one a line.
        None reads none.
    progress
        Receives (stage, done, total).

    Returns
    -------
    Vectors
        Rows, and ids where they were asked for.

    Raises
    ------
    CommandError
        If the file is of another kind, or holds no vectors, several, or not as many ids.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "some.npz")
    ...     np.savez(path, words=np.array(["x", "y"]), vectors=np.eye(2, dtype=np.float32))
    ...     read = read_vectors(path, ids="words")
    >>> read.name, read.rows.shape, read.ids.tolist()
    ('vectors', (2, 2), ['x', 'y'])
    """
    store = open_store(path)
    name = _chosen(store, path, key)
    rows = store.vectors(name, progress)
    return Vectors(rows=rows, ids=None if ids is None else _ids(store, path, ids, len(rows)), name=name)


def _chosen(store: Store, path: Path, key: str | None) -> str:
    if key is not None:
        if "" in store.shapes:
            raise CommandError(f"{path} holds one array, which has no name; leave --key {key} out.")
        if key not in store.shapes:
            raise CommandError(f"{path} has no {store.noun} {key!r}; {_there(store)}.")
        if key not in store.candidates:
            raise CommandError(
                f"The {store.noun} {key!r} of {path} is {store.shapes[key]}; vectors must be real numbers, a "
                f"row each, all of one length; {_there(store)}."
            )
        return key
    if len(store.candidates) == 1:
        return store.candidates[0]
    if not store.candidates:
        raise CommandError(f"{path} holds no vectors, which are real numbers in rows; {_there(store)}.")
    several = ", ".join(f"{name!r} ({store.shapes[name]})" for name in store.candidates)
    raise CommandError(
        f"{path} holds several {store.noun}s that may be vectors: {several}; say which by --key NAME."
    )


def _there(store: Store) -> str:
    if not store.shapes:
        return "it is empty"
    if "" in store.shapes:
        return f"it has {store.shapes['']}"
    shown = [f"{name!r} ({shape})" for name, shape in list(store.shapes.items())[:20]]
    more = len(store.shapes) - len(shown)
    return "it has " + ", ".join(shown) + (f" and {more} more" if more else "")


def _ids(store: Store, path: Path, name: str, n: int) -> NDArray[Any] | Sequence[str]:
    if name in store.shapes:
        ids = store.ids(name)
        where = f"The {store.noun} {name!r} of {path}"
    elif Path(name).is_file():
        ids = _ids_of_file(Path(name))
        where = name
    else:
        raise CommandError(f"--ids {name}: {path} has no such {store.noun}, and there is no such file.")
    if len(ids) != n:
        raise CommandError(f"{where} has {len(ids):,} ids, and there are {n:,} vectors.")
    return ids


def _ids_of_file(path: Path) -> NDArray[Any] | Sequence[str]:
    with path.open("rb") as file:
        if file.read(6) == b"\x93NUMPY":
            store = open_store(path)
            return store.ids("")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} must be a .npy file, or text in UTF-8 with one id a line.") from error
    if lines and all(line.isascii() and line.isdigit() for line in lines):
        try:
            return np.array([int(line) for line in lines], dtype=np.int64)
        except OverflowError:
            return lines
    return lines
