"""Two ways to split ratings: shuffled, as the tutorial does, and by time within each user, for evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.interactions import Interactions
from leafscan.recommend.movielens.tables import MovieLens

__all__ = ["LeaveLastOut", "ShuffleSplit", "leave_last_out", "shuffle_split"]


@dataclass(frozen=True)
class ShuffleSplit:
    """Row numbers of a shuffled split.

    Attributes
    ----------
    train, test
        Rows of the ratings, int64, disjoint, in shuffled order.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class LeaveLastOut:
    """A split by time within each user.

    Attributes
    ----------
    train
        All events but the last ones, by user and time.
    validation
        Of each user with at least three events, the last but one: hyper-parameters are chosen on these.
    test
        Of each user with at least two events, the last: looked at once, to report.
    """

    train: Interactions
    validation: Interactions
    test: Interactions

    @property
    def refit(self) -> Interactions:
        """The first two parts together, by user and time: what a chosen model learns from before the test."""
        return self.train.joined(self.validation).in_order()


def shuffle_split(
    data: MovieLens | Interactions | int, *, train: int | None = None, test: int | None = None, seed: int = 42
) -> ShuffleSplit:
    """Shuffle the ratings and cut them in two.

    Parameters
    ----------
    data
        The ratings, or how many there are.
    train, test
        How many rows each part gets; by default four fifths and the rest: 80,000 and 20,000 of ML-100K's, the
        sizes of the KerasRS tutorial.
    seed
        Seeds ``numpy.random.default_rng``, whose permutation is cut. (The tutorial shuffles with TensorFlow;
        the sizes are the same, the rows are not.)

    Returns
    -------
    ShuffleSplit
        The row numbers.

    Raises
    ------
    ValueError
        If a size is below 1 or both together exceed the number of ratings.

    Examples
    --------
    >>> split = shuffle_split(100_000)
    >>> len(split.train), len(split.test), len(np.intersect1d(split.train, split.test))
    (80000, 20000, 0)
    """
    count = data if isinstance(data, int) else len(data)
    train_rows = count * 4 // 5 if train is None else train
    test_rows = count - train_rows if test is None else test
    if train_rows < 1 or test_rows < 1 or train_rows + test_rows > count:
        raise ValueError(
            f"train and test must be at least 1 and together at most the {count} ratings, "
            f"received train={train_rows} and test={test_rows}."
        )
    order = np.random.default_rng(seed).permutation(count)
    return ShuffleSplit(order[:train_rows], order[train_rows : train_rows + test_rows])


def leave_last_out(data: MovieLens | Interactions) -> LeaveLastOut:
    """Hold out each user's last rating for the test and the last but one for validation.

    Parameters
    ----------
    data
        The ratings. Every rating counts as an event, whatever its stars.

    Returns
    -------
    LeaveLastOut
        The three parts. Users with one event are in the training part alone, users with two have no
        validation.

    Notes
    -----
    Events of one second are ordered by their row in the file, the later row last: ML-100K's file is in random
    order, so that the rule favours no movie, and every source has the same order. A global split by time
    would leave hardly anyone: of the last 20,000 ratings 2,952 are by users with an earlier one.

    Examples
    --------
    >>> from leafscan.recommend import synthetic_movielens
    >>> split = leave_last_out(synthetic_movielens(users=10, movies=30, ratings_per_user=8))
    >>> len(split.train), len(split.validation), len(split.test)
    (60, 10, 10)
    """
    events = Interactions.of(data).in_order()
    counts = np.bincount(events.users, minlength=events.num_users)
    from_end = np.repeat(np.cumsum(counts), counts) - np.arange(len(events))
    counts_of_row = counts[events.users]
    test = (from_end == 1) & (counts_of_row >= 2)
    validation = (from_end == 2) & (counts_of_row >= 3)
    return LeaveLastOut(
        train=events.take(~test & ~validation), validation=events.take(validation), test=events.take(test)
    )
