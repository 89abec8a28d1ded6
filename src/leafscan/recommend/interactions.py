"""Ratings as plain numbers: who, what, how many stars, when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.movielens.tables import MovieLens

__all__ = ["Interactions"]


@dataclass(frozen=True)
class Interactions:
    """Events of users and items, by row number in the tables of users and movies.

    Attributes
    ----------
    users
        The user's row, int32 of shape (n,), in 0..num_users-1.
    items
        The item's row, int32 of shape (n,), in 0..num_items-1.
    ratings
        Stars, float32 of shape (n,).
    timestamps
        Seconds since 1970, int64 of shape (n,).
    num_users, num_items
        How many rows the tables have; subsets keep them.

    Examples
    --------
    >>> from leafscan.recommend import synthetic_movielens
    >>> events = Interactions.of(synthetic_movielens(users=3, movies=9, ratings_per_user=4))
    >>> len(events), events.num_users, events.num_items
    (12, 3, 9)
    >>> len(events.take(events.users == 0))
    4
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    ratings: NDArray[np.float32]
    timestamps: NDArray[np.int64]
    num_users: int
    num_items: int

    @classmethod
    def of(cls, data: MovieLens | Interactions) -> Interactions:
        """Make events of MovieLens' ratings; events are returned as they are.

        Parameters
        ----------
        data
            The tables.

        Returns
        -------
        Interactions
            One event a rating, in the order of ``data.ratings``.
        """
        if isinstance(data, Interactions):
            return data
        return cls(
            users=data.user_rows,
            items=data.movie_rows,
            ratings=data.ratings["user_rating"],
            timestamps=data.ratings["timestamp"],
            num_users=len(data.users["user_id"]),
            num_items=len(data.movies["movie_id"]),
        )

    def __len__(self) -> int:
        """Count the events."""
        return len(self.users)

    def take(self, rows: NDArray[Any]) -> Interactions:
        """Keep some events.

        Parameters
        ----------
        rows
            Row numbers or a boolean mask, of shape (m,) or (n,).

        Returns
        -------
        Interactions
            Those events, in that order; the numbers of users and items stay.
        """
        return Interactions(
            self.users[rows],
            self.items[rows],
            self.ratings[rows],
            self.timestamps[rows],
            self.num_users,
            self.num_items,
        )

    def joined(self, other: Interactions) -> Interactions:
        """Append the events of another set over the same tables.

        Parameters
        ----------
        other
            Events with the same numbers of users and items.

        Returns
        -------
        Interactions
            These events, then those.

        Raises
        ------
        ValueError
            If the tables differ in size.
        """
        mine, theirs = (self.num_users, self.num_items), (other.num_users, other.num_items)
        if mine != theirs:
            raise ValueError(f"other must have the same {mine} users and items, received {theirs}.")
        return Interactions(
            np.concatenate([self.users, other.users]),
            np.concatenate([self.items, other.items]),
            np.concatenate([self.ratings, other.ratings]),
            np.concatenate([self.timestamps, other.timestamps]),
            self.num_users,
            self.num_items,
        )

    def in_order(self) -> Interactions:
        """Sort by user, then by time, ties by row.

        Returns
        -------
        Interactions
            The same events; each user's are together, oldest first.
        """
        return self.take(np.lexsort((self.timestamps, self.users)))

    def seen(self) -> NDArray[np.bool_]:
        """Mark what each user has touched.

        Returns
        -------
        ndarray of bool
            Shape (num_users, num_items), true where there is an event.
        """
        marks = np.zeros((self.num_users, self.num_items), dtype=np.bool_)
        marks[self.users, self.items] = True
        return marks
