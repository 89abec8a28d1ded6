"""Recommend movies to a user: a query tower, an index of candidates, and the titles behind the ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.history import latest_items
from leafscan.recommend.interactions import Interactions
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.movielens.vocabulary import genre_names

__all__ = ["Movie", "QueryTower", "Recommendation", "Recommender", "Searcher"]


class Searcher(Protocol):
    """What is needed of an index; any index of leafscan has it."""

    def search(self, queries: Any, /, *, k: int) -> Any:
        """Give ids and scores, each of shape (q, k), best first, for queries of shape (q, d)."""
        ...


class QueryTower(Protocol):
    """What is needed of a model: `HistoryModel` has it."""

    history_length: int

    def query_embeddings(
        self, users: NDArray[np.integer], history: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """Make queries of shape (q, d) of users (q,) and their latest items (q, history_length)."""
        ...


@dataclass(frozen=True)
class Movie:
    """A movie that is shown.

    Attributes
    ----------
    movie_id
        MovieLens' id.
    title
        The title with its year.
    genres
        The names of its genres.
    value
        The score for a recommendation, the stars for a rating.
    """

    movie_id: str
    title: str
    genres: tuple[str, ...]
    value: float


@dataclass(frozen=True)
class Recommendation:
    """What one user is recommended, next to what the user liked.

    Attributes
    ----------
    user_id
        MovieLens' id of the user.
    recommended
        New movies, the best first, with their scores.
    liked
        What the user rated highest, with the stars; among equals the latest first.
    """

    user_id: str
    recommended: tuple[Movie, ...]
    liked: tuple[Movie, ...]


class Recommender:
    """Recommend from a trained model and an index of its candidates.

    Parameters
    ----------
    model
        The query tower, for example the model of a `quality_preset` that was trained on all ratings.
    index
        An index over ``model.candidate_embeddings()`` for the metric ``"dot_product"``: anything with
        ``search(queries, k=...)`` that gives ids and scores. Integer ids are rows of ``data.movies``, which
        is what an index built without ids gives; text ids are MovieLens' ``movie_id``.
    data
        The tables.
    events
        What users have seen; by default all ratings of ``data``.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.recommend import Interactions, quality_preset, synthetic_movielens
    >>> data = synthetic_movielens()
    >>> model = quality_preset(Interactions.of(data)).model
    >>> class BruteForce:
    ...     def search(self, queries, *, k):
    ...         scores = queries @ model.candidate_embeddings().T
    ...         ids = np.argsort(-scores, axis=1)[:, :k]
    ...         return ids, np.take_along_axis(scores, ids, axis=1)
    >>> answer = Recommender(model, BruteForce(), data).recommend("7", k=3)
    >>> len(answer.recommended), len(answer.liked)
    (3, 3)
    """

    def __init__(
        self, model: QueryTower, index: Searcher, data: MovieLens, *, events: Interactions | None = None
    ) -> None:
        self._model, self._index, self._data = model, index, data
        self._events = (Interactions.of(data) if events is None else events).in_order()
        self._latest = latest_items(self._events, length=model.history_length)
        self._movie_rows = {movie_id: row for row, movie_id in enumerate(data.movies["movie_id"].tolist())}
        self._user_rows = {user_id: row for row, user_id in enumerate(data.users["user_id"].tolist())}

    def recommend(self, user_id: str | int, *, k: int = 10) -> Recommendation:
        """Find the movies that a user would like next.

        Parameters
        ----------
        user_id
            MovieLens' id of the user.
        k
            How many movies, at least 1.

        Returns
        -------
        Recommendation
            At most k movies which the user has not rated, and the k that the user rated highest. There are
            fewer where the index gives no more.

        Raises
        ------
        KeyError
            If there is no such user.
        ValueError
            If k is below 1.

        Notes
        -----
        The index is asked for k and as many more as the user has seen, and the seen ones are dropped.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, received {k}.")
        if str(user_id) not in self._user_rows:
            raise KeyError(f"user_id must be one of the {len(self._user_rows)} users; received {user_id!r}.")
        row = self._user_rows[str(user_id)]
        mine = self._events.take(self._events.users == row)
        seen = set(mine.items.tolist())
        queries = self._model.query_embeddings(np.array([row], np.int32), self._latest[row : row + 1])
        wanted = min(k + len(seen), len(self._movie_rows))
        ids, scores = self._index.search(queries, k=wanted)
        recommended = []
        for found, score in zip(np.asarray(ids)[0].tolist(), np.asarray(scores)[0].tolist(), strict=True):
            movie = self._movie_rows.get(found, -1) if isinstance(found, str) else int(found)
            if movie >= 0 and movie not in seen:
                recommended.append(self._movie(movie, score))
        newest = np.lexsort((-np.arange(len(mine)), -mine.ratings))[:k]
        liked = [self._movie(int(mine.items[place]), float(mine.ratings[place])) for place in newest]
        return Recommendation(str(user_id), tuple(recommended[:k]), tuple(liked))

    def _movie(self, row: int, value: float) -> Movie:
        movies = self._data.movies
        genres = tuple(genre_names(movies["movie_genres"][row].tolist()))
        return Movie(str(movies["movie_id"][row]), str(movies["movie_title"][row]), genres, float(value))
