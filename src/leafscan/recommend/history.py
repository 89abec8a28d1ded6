"""Histories as arrays: what each user touched before an event, the latest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.interactions import Interactions

__all__ = ["NextItems", "latest_items", "next_items"]


@dataclass(frozen=True)
class NextItems:
    """Examples for a model that predicts the next item.

    Attributes
    ----------
    users
        The user's row, int32 of shape (n,).
    history
        The items before, the latest first, int32 of shape (n, length); filled with ``num_items``.
    items
        The next item, int32 of shape (n,).
    """

    users: NDArray[np.int32]
    history: NDArray[np.int32]
    items: NDArray[np.int32]


def next_items(events: Interactions, *, length: int) -> NextItems:
    """Make one example of every event.

    Parameters
    ----------
    events
        The events, in any order; they are sorted by user and time.
    length
        How many items before an event are kept, at least 1.

    Returns
    -------
    NextItems
        One row an event, by user and time. A user's first event has an empty history.

    Raises
    ------
    ValueError
        If the length is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> zeros, times = np.zeros(3, np.int32), np.array([30, 10, 20])
    >>> events = Interactions(zeros, np.array([5, 6, 7], np.int32), zeros.astype(np.float32), times, 1, 9)
    >>> next_items(events, length=2).history
    array([[9, 9],
           [6, 9],
           [7, 6]], dtype=int32)
    """
    events = events.in_order()
    counts = np.bincount(events.users, minlength=events.num_users)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return NextItems(events.users, _before(events, np.arange(len(events)), first, length), events.items)


def latest_items(events: Interactions, *, length: int) -> NDArray[np.int32]:
    """Collect what each user touched last.

    Parameters
    ----------
    events
        The events, in any order.
    length
        How many items are kept, at least 1.

    Returns
    -------
    ndarray of int32
        Shape (num_users, length), the latest first; filled with ``num_items``.

    Raises
    ------
    ValueError
        If the length is below 1.
    """
    events = events.in_order()
    ends = np.cumsum(np.bincount(events.users, minlength=events.num_users))
    return _before(events, ends, np.concatenate([[0], ends[:-1]]), length)


def _before(
    events: Interactions, places: NDArray[np.int64], first: NDArray[np.int64], length: int
) -> NDArray[np.int32]:
    if length < 1:
        raise ValueError(f"length must be at least 1, received {length}.")
    rows = places[:, None] - 1 - np.arange(length)
    padded = np.append(events.items, np.int32(events.num_items))
    return padded[np.where(rows >= first[:, None], rows, len(events))]
