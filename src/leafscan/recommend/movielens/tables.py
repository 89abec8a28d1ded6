"""The three tables that every source of MovieLens ends in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.movielens.vocabulary import age_group, occupation_label

__all__ = ["MOVIE_FIELDS", "RATING_FIELDS", "USER_FIELDS", "MovieLens", "Table", "make_tables"]

Table = dict[str, NDArray[Any]]

#: The fields of each table, in order; the names are TensorFlow Datasets'.
MOVIE_FIELDS = ("movie_id", "movie_title", "movie_genres")
USER_FIELDS = (
    "user_id",
    "user_gender",
    "bucketized_user_age",
    "raw_user_age",
    "user_occupation_label",
    "user_occupation_text",
    "user_zip_code",
)
RATING_FIELDS = (*MOVIE_FIELDS, "user_id", "user_rating", "timestamp", *USER_FIELDS[1:])


@dataclass(frozen=True)
class MovieLens:
    """MovieLens as three tables, each a dict of NumPy arrays of one length.

    Field names and types are those of TensorFlow Datasets' ``movielens/100k-ratings`` and ``100k-movies``;
    text is ``numpy.str_`` where TFDS has bytes, and rows keep the order of the files (TFDS shuffles them).

    Attributes
    ----------
    ratings
        One row a rating: ``movie_id`` (str), ``movie_title`` (str), ``movie_genres`` (object: int64 class
        labels, ascending), ``user_id`` (str), ``user_rating`` (float32, 1 to 5), ``timestamp`` (int64,
        seconds since 1970, UTC), ``user_gender`` (bool, true for male), ``bucketized_user_age`` (float32: 1,
        18, 25, 35, 45, 50 or 56), ``raw_user_age`` (float32, years), ``user_occupation_label`` (int64,
        0..21), ``user_occupation_text`` (str), ``user_zip_code`` (str).
    movies
        One row a movie: ``movie_id``, ``movie_title``, ``movie_genres``.
    users
        One row a user: ``user_id`` and the fields of ``ratings`` that describe a user.
    source
        Where the files came from, in words.

    Notes
    -----
    Titles are in their canonical form: the year in brackets, ``"Toy Story (1995)"``, no space at either end
    (the original has one after ``"Marlene Dietrich: Shadow and Light (1996)"``), and ``"unknown"`` for movie
    267. A title is no key: 18 movies of ML-100K share theirs with another.

    The data set is Harper and Konstan's, "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015.
    It may be used for research and may not be redistributed.

    Examples
    --------
    >>> from leafscan.recommend import synthetic_movielens
    >>> data = synthetic_movielens(users=5, movies=8, seed=0)
    >>> sorted(data.movies)
    ['movie_genres', 'movie_id', 'movie_title']
    >>> len(data.users["user_id"]), len(data.movies["movie_id"])
    (5, 8)
    """

    ratings: Table
    movies: Table
    users: Table
    source: str = "memory"

    def __len__(self) -> int:
        """Count the ratings."""
        return len(self.ratings["user_rating"])

    def __repr__(self) -> str:
        """Describe in one line."""
        return (
            f"MovieLens({len(self):,} ratings by {len(self.users['user_id']):,} users "
            f"of {len(self.movies['movie_id']):,} movies, from {self.source})"
        )

    @cached_property
    def movie_rows(self) -> NDArray[np.int32]:
        """The row in ``movies`` of each rating, int32 of shape (ratings,)."""
        return _rows(self.movies["movie_id"], self.ratings["movie_id"], "movie_id", "movies")

    @cached_property
    def user_rows(self) -> NDArray[np.int32]:
        """The row in ``users`` of each rating, int32 of shape (ratings,)."""
        return _rows(self.users["user_id"], self.ratings["user_id"], "user_id", "users")


def make_tables(
    *,
    movies: Table,
    user_id: NDArray[np.str_],
    age: NDArray[np.floating],
    gender: NDArray[np.str_],
    occupation: NDArray[np.str_],
    zip_code: NDArray[np.str_],
    rating_user: NDArray[np.str_],
    rating_movie: NDArray[np.str_],
    rating: NDArray[np.floating],
    timestamp: NDArray[np.integer],
    source: str,
) -> MovieLens:
    """Join what the files say into the three tables.

    Parameters
    ----------
    movies
        The finished table of movies.
    user_id, age, gender, occupation, zip_code
        One entry a user; ``gender`` is ``M`` or ``F``, ``age`` is in years.
    rating_user, rating_movie, rating, timestamp
        One entry a rating: the user's id, the movie's id, the stars and the seconds since 1970.
    source
        Where the files came from, in words.

    Returns
    -------
    MovieLens
        The tables.

    Raises
    ------
    ValueError
        If an id comes twice, a rating is of an unknown user or movie, or a value is not one of MovieLens'.
    """
    for name, ids in (("movie_id", movies["movie_id"]), ("user_id", user_id)):
        unique, counts = np.unique(ids, return_counts=True)
        if len(unique) != len(ids):
            raise ValueError(
                f"{name} {unique[counts > 1][0]} comes more than once; each id must have one row."
            )
    if not np.isin(gender, ["M", "F"]).all():
        wrong = str(gender[~np.isin(gender, ["M", "F"])][0])
        raise ValueError(f"user gender must be M or F, received {wrong!r}.")
    users: Table = {
        "user_id": user_id,
        "user_gender": gender == "M",
        "bucketized_user_age": age_group(age),
        "raw_user_age": age.astype(np.float32),
        "user_occupation_label": np.array([occupation_label(text) for text in occupation.tolist()], np.int64),
        "user_occupation_text": occupation,
        "user_zip_code": zip_code,
    }
    movie_rows = _rows(movies["movie_id"], rating_movie, "movie_id", "movies")
    user_rows = _rows(user_id, rating_user, "user_id", "users")
    columns: Table = {
        **{field: movies[field][movie_rows] for field in MOVIE_FIELDS},
        **{field: users[field][user_rows] for field in USER_FIELDS},
        "user_rating": rating.astype(np.float32),
        "timestamp": timestamp.astype(np.int64),
    }
    return MovieLens({field: columns[field] for field in RATING_FIELDS}, movies, users, source)


def _rows(table_ids: NDArray[Any], ids: NDArray[Any], field: str, table: str) -> NDArray[np.int32]:
    order = np.argsort(table_ids)
    places = np.searchsorted(table_ids, ids, sorter=order)
    found = order[np.minimum(places, len(order) - 1)]
    missing = np.flatnonzero(table_ids[found] != ids)
    if len(missing):
        raise ValueError(
            f"rating {missing[0]} has {field} {ids[missing[0]]}, which is not in the table of {table}; "
            "the files must belong to one release."
        )
    return found.astype(np.int32)
