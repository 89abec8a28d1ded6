"""Read MovieLens' files, in GroupLens' own form or in RecBole's, into the same tables.

GroupLens' ML-100K is ``u.data`` (tabs), ``u.item`` and ``u.user`` (bars), in ISO-8859-1. RecBole's copy is
``*.inter``, ``*.item`` and ``*.user``: tabs, UTF-8, and a first line of typed column names. RecBole's copy
has all that the tables need; it lacks the release dates and the IMDb addresses, which TFDS drops as well. It
takes the last bracket of a title for the year (so that movie 1412 has the "year" V) and spells movie 267
``unkonwn``: putting the bracket back restores the original title.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.movielens.tables import MovieLens, Table, make_tables
from leafscan.recommend.movielens.vocabulary import FLAGGED_GENRES, genre_label

__all__ = ["GROUPLENS_FILES", "RECBOLE_SUFFIXES", "parse"]

#: The files that are read of GroupLens' release.
GROUPLENS_FILES = ("u.data", "u.item", "u.user")
#: The endings of the files that are read of RecBole's copy.
RECBOLE_SUFFIXES = (".inter", ".item", ".user")

_RECBOLE_UNKNOWN = "unkonwn"


def parse(files: Mapping[str, bytes], *, source: str) -> MovieLens:
    r"""Turn the contents of MovieLens' files into tables.

    Parameters
    ----------
    files
        The contents by file name: ``u.data``, ``u.item`` and ``u.user``, or three names which end in
        ``.inter``, ``.item`` and ``.user``.
    source
        Where they came from, in words; kept in the result and named in errors.

    Returns
    -------
    MovieLens
        The tables.

    Raises
    ------
    ValueError
        If files are missing, or what they hold is not MovieLens'.

    Examples
    --------
    >>> data = parse({
    ...     "u.data": b"1\t1\t5\t881250949\n",
    ...     "u.item": b"1|Toy Story (1995)|01-Jan-1995|||" + b"0|0|0|1|1|1" + b"|0" * 13 + b"\n",
    ...     "u.user": b"1|24|M|technician|85711\n",
    ... }, source="an example")
    >>> print(data.ratings["movie_title"], data.ratings["movie_genres"][0], data.ratings["user_rating"])
    ['Toy Story (1995)'] [2 3 4] [5.]
    """
    try:
        if all(name in files for name in GROUPLENS_FILES):
            return _parse_grouplens(*(files[name] for name in GROUPLENS_FILES), source=source)
        recbole = [
            next((content for name, content in files.items() if name.endswith(suffix)), None)
            for suffix in RECBOLE_SUFFIXES
        ]
        if all(content is not None for content in recbole):
            return _parse_recbole(*(content for content in recbole if content is not None), source=source)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{source} does not read as MovieLens: {error}") from error
    raise ValueError(
        f"{source} must hold u.data, u.item and u.user, or a .inter, a .item and a .user file of RecBole; "
        f"it holds {', '.join(sorted(files)) or 'none of them'}."
    )


def _parse_grouplens(data: bytes, item: bytes, user: bytes, *, source: str) -> MovieLens:
    items = _rows(item.decode("iso-8859-1"), "|", 24, "u.item")
    users = _rows(user.decode("iso-8859-1"), "|", 5, "u.user")
    flags = np.array([row[5:24] for row in items], dtype=np.str_) == "1"
    labels = np.array([genre_label(name) for name in FLAGGED_GENRES], np.int64)
    return make_tables(
        movies=_movies([row[0] for row in items], [row[1] for row in items], [labels[row] for row in flags]),
        **_users(users, id=0, age=1, gender=2, occupation=3, zip_code=4),
        **_ratings(data.decode("iso-8859-1"), "u.data", skip=0),
        source=source,
    )


def _parse_recbole(inter: bytes, item: bytes, user: bytes, *, source: str) -> MovieLens:
    items = _rows(item.decode("utf-8"), "\t", 4, "the .item file")[1:]
    users = _rows(user.decode("utf-8"), "\t", 5, "the .user file")[1:]
    titles = [
        "unknown" if title == _RECBOLE_UNKNOWN else f"{title} ({year})" if year else title
        for _, title, year, *_ in items
    ]
    genres = [np.array([genre_label(name) for name in row[3].split()], np.int64) for row in items]
    return make_tables(
        movies=_movies([row[0] for row in items], titles, genres),
        **_users(users, id=0, age=1, gender=2, occupation=3, zip_code=4),
        **_ratings(inter.decode("utf-8"), "the .inter file", skip=1),
        source=source,
    )


def _rows(text: str, delimiter: str, width: int, name: str) -> list[list[str]]:
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE) if row]
    for number, row in enumerate(rows, start=1):
        if len(row) < width:
            raise ValueError(f"row {number} of {name} has {len(row)} fields; it must have {width}.")
    return rows


def _movies(ids: list[str], titles: list[str], genres: list[NDArray[np.int64]]) -> Table:
    boxed = np.empty(len(genres), dtype=object)
    for row, labels in enumerate(genres):
        boxed[row] = np.sort(labels)
    return {
        "movie_id": np.array(ids, dtype=np.str_),
        "movie_title": np.array([title.strip() for title in titles], dtype=np.str_),
        "movie_genres": boxed,
    }


def _users(
    rows: list[list[str]], *, id: int, age: int, gender: int, occupation: int, zip_code: int
) -> dict[str, Any]:
    def column(field: int) -> NDArray[np.str_]:
        return np.array([row[field].strip() for row in rows], dtype=np.str_)

    return {
        "user_id": column(id),
        "age": column(age).astype(np.float32),
        "gender": column(gender),
        "occupation": column(occupation),
        "zip_code": column(zip_code),
    }


def _ratings(text: str, name: str, *, skip: int) -> dict[str, Any]:
    body = text.split("\n", skip)[-1]
    if not body.strip():
        raise ValueError(f"{name} has no ratings; it must have at least one row.")
    try:
        table = np.loadtxt(io.StringIO(body), delimiter="\t", ndmin=2, usecols=(0, 1, 2, 3))
    except ValueError as error:
        raise ValueError(
            f"{name} must have four numbers a row (user, movie, stars, seconds): {error}"
        ) from error
    if not np.isfinite(table).all():
        raise ValueError(
            f"row {int(np.argmin(np.isfinite(table).all(1)))} of {name} has a value that is not finite."
        )
    whole = table[:, [0, 1, 3]].astype(np.int64)
    if (whole != table[:, [0, 1, 3]]).any():
        raise ValueError(f"{name} must have whole numbers for the user, the movie and the seconds.")
    if not ((table[:, 2] >= 0.5) & (table[:, 2] <= 5)).all():
        wrong = table[(table[:, 2] < 0.5) | (table[:, 2] > 5), 2][0]
        raise ValueError(f"{name} must have ratings of 0.5 to 5 stars, received {wrong:g}.")
    return {
        "rating_user": whole[:, 0].astype(np.str_),
        "rating_movie": whole[:, 1].astype(np.str_),
        "rating": table[:, 2],
        "timestamp": whole[:, 2],
    }
