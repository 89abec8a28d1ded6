"""A small made-up data set in MovieLens' own file formats, for tests and examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from leafscan.recommend.movielens.files import pack
from leafscan.recommend.movielens.parsing import parse
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.movielens.vocabulary import FLAGGED_GENRES

__all__ = ["synthetic_files", "synthetic_movielens", "write_synthetic_movielens"]

_JOBS = ("administrator", "doctor", "educator", "engineer", "none", "other", "salesman", "student", "writer")
# Two of the original's oddities ride along: letters outside ASCII and a space after the year.
_NOUNS = (
    "Cérémonie, La",
    "Big Storm",
    "Quiet Harbour",
    "Löwe, Der",
    "Second Tide",
    "Paper Moon",
    "Last Train",
)


def synthetic_files(
    *, users: int = 40, movies: int = 60, ratings_per_user: int = 20, seed: int = 0, form: str = "grouplens"
) -> dict[str, bytes]:
    """Make up the files of a data set.

    Parameters
    ----------
    users, movies
        How many, at least 1 each.
    ratings_per_user
        How many movies each user rates; at most all of them.
    seed
        Seeds everything: the same arguments give the same bytes.
    form
        ``"grouplens"`` for ``u.data``, ``u.item`` and ``u.user``, or ``"recbole"`` for ``ml-100k.inter``,
        ``.item`` and ``.user``. The two hold the same data set.

    Returns
    -------
    dict of str to bytes
        The contents by file name.

    Raises
    ------
    ValueError
        If a size is below 1 or the form is unknown.

    Notes
    -----
    Users and movies fall into four tastes; users rate movies of their own taste more often and higher, in
    runs, so that a model has something to learn. Like in ML-100K, times come in ties.
    """
    for name, value in (("users", users), ("movies", movies), ("ratings_per_user", ratings_per_user)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, received {value}.")
    if form not in ("grouplens", "recbole"):
        raise ValueError(f"form must be 'grouplens' or 'recbole', received {form!r}.")
    rng = np.random.default_rng(seed)
    movie_taste, user_taste = np.arange(movies) % 4, np.arange(users) % 4
    popularity = 1 / np.sqrt(1 + rng.permutation(movies))
    rows = []
    for user in range(users):
        weight = popularity * np.where(movie_taste == user_taste[user], 8.0, 1.0)
        chosen = rng.choice(
            movies, size=min(ratings_per_user, movies), replace=False, p=weight / weight.sum()
        )
        stars = np.clip(rng.integers(1, 5, len(chosen)) + 2 * (movie_taste[chosen] == user_taste[user]), 1, 5)
        seconds = 881_250_949 + 100_000 * user + 60 * (np.arange(len(chosen)) // 3)
        rows += list(
            zip(
                [user + 1] * len(chosen), (chosen + 1).tolist(), stars.tolist(), seconds.tolist(), strict=True
            )
        )
    rows = [rows[place] for place in rng.permutation(len(rows))]
    years = 1930 + rng.integers(0, 69, movies)
    titles = [f"{_NOUNS[movie % len(_NOUNS)]} {movie + 1}" for movie in range(movies)]
    flags = np.zeros((movies, len(FLAGGED_GENRES)), dtype=int)
    flags[np.arange(movies), 1 + movie_taste] = 1
    flags[np.arange(movies), 5 + rng.integers(0, 14, movies)] = 1
    people = [
        (
            user + 1,
            int(rng.integers(7, 74)),
            "MF"[user % 2],
            _JOBS[user % len(_JOBS)],
            f"{rng.integers(0, 10**5):05d}",
        )
        for user in range(users)
    ]
    if form == "recbole":
        item_lines = [
            f"{movie + 1}\t{titles[movie]}\t{years[movie]}\t"
            + " ".join(name for name, flag in zip(FLAGGED_GENRES, flags[movie], strict=True) if flag)
            for movie in range(movies)
        ]
        return {
            "ml-100k.inter": _text(rows, "\t", "user_id:token\titem_id:token\trating:float\ttimestamp:float"),
            "ml-100k.item": _lines(
                ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq", *item_lines],
                "utf-8",
            ),
            "ml-100k.user": _text(
                people, "\t", "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token"
            ),
        }
    item_lines = [
        f"{movie + 1}|{titles[movie]} ({years[movie]}){' ' * (movie == 1)}|01-Jan-{years[movie]}||http://example.org|"
        + "|".join(map(str, flags[movie]))
        for movie in range(movies)
    ]
    return {
        "u.data": _text(rows, "\t"),
        "u.item": _lines(item_lines, "iso-8859-1"),
        "u.user": _text(people, "|"),
    }


def write_synthetic_movielens(
    path: str | Path,
    *,
    users: int = 40,
    movies: int = 60,
    ratings_per_user: int = 20,
    seed: int = 0,
    form: Literal["grouplens", "recbole"] = "grouplens",
) -> Path:
    """Write a made-up data set where `load_movielens` reads it.

    Parameters
    ----------
    path
        A name that ends in ``.zip`` or ``.whl`` gives an archive, with the files in a folder inside as the
        originals have them; any other name gives a folder.
    users, movies, ratings_per_user, seed, form
        As in `synthetic_files`.

    Returns
    -------
    Path
        The path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_synthetic_movielens(folder + "/ml-100k", users=3, movies=5)
    ...     sorted(file.name for file in written.iterdir())
    ['u.data', 'u.item', 'u.user']
    """
    path = Path(path)
    files = synthetic_files(
        users=users, movies=movies, ratings_per_user=ratings_per_user, seed=seed, form=form
    )
    if path.suffix in (".zip", ".whl"):
        path.parent.mkdir(parents=True, exist_ok=True)
        inside = "recbole/dataset_example/ml-100k/" if form == "recbole" else "ml-100k/"
        pack({inside + name: content for name, content in files.items()}, path)
    else:
        path.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (path / name).write_bytes(content)
    return path


def synthetic_movielens(
    *, users: int = 40, movies: int = 60, ratings_per_user: int = 20, seed: int = 0
) -> MovieLens:
    """Make up a data set in memory.

    Parameters
    ----------
    users, movies, ratings_per_user, seed
        As in `synthetic_files`.

    Returns
    -------
    MovieLens
        The tables.

    Examples
    --------
    >>> synthetic_movielens(users=4, movies=10, ratings_per_user=5)
    MovieLens(20 ratings by 4 users of 10 movies, from a made-up data set)
    """
    files = synthetic_files(users=users, movies=movies, ratings_per_user=ratings_per_user, seed=seed)
    return parse(files, source="a made-up data set")


def _text(rows: Sequence[Sequence[int | str]], delimiter: str, head: str = "") -> bytes:
    lines = [delimiter.join(map(str, row)) for row in rows]
    return _lines([head, *lines] if head else lines, "ascii")


def _lines(lines: list[str], encoding: str) -> bytes:
    return ("\n".join(lines) + "\n").encode(encoding)
