"""Bringing an index to where its journal ends."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from leafscan.index.catalogue.journal import Journal
from leafscan.index.errors import FileFormatError
from leafscan.index.index import Index
from leafscan.index.update import Update

__all__ = ["Batch", "batches", "replay"]

#: One update of the index for so many rows of the journal that they reach this size.
BATCH_BYTES = 1 << 26
BATCH_IDS = 1 << 16


class Batch(NamedTuple):
    """Updates that come to the same in one: the first and last of their rows, and what they say together."""

    first: int
    last: int
    update: Update


def replay(index: Index, journal: Journal) -> None:
    """Make all updates of ``journal`` in ``index``, without recording them.

    Parameters
    ----------
    index
        Of the snapshot that the journal goes on from.
    journal
        What came after.

    Raises
    ------
    FileFormatError
        If a row is damaged, or does not fit the index; the message names it.
    """
    for batch in batches(journal.updates()):
        update = batch.update
        try:
            # Not over what a subclass makes of them: what is in the journal already is not to be recorded.
            if update.vectors is None:
                Index.delete(index, update.ids)
            else:
                Index.upsert(index, update.ids, update.vectors, update.tags)
        except (TypeError, ValueError) as error:
            raise FileFormatError(
                f"{journal.path}: the rows {batch.first} to {batch.last} of the journal do not fit the "
                f"snapshot: {error}"
            ) from error


def batches(updates: Iterable[tuple[int, Update]]) -> Iterator[Batch]:
    """Put updates together as long as the order within them does not matter.

    Parameters
    ----------
    updates
        Numbered rows of a journal, in order.

    Yields
    ------
    Batch
        Neighbours of one kind and with the same tags, which name no id twice.

    Examples
    --------
    >>> one, two = (Update(ids=np.array(ids), vectors=None, tags=None) for ids in ([3, 5], [4]))
    >>> [(first, last, update.ids.tolist()) for first, last, update in batches([(1, one), (2, two)])]
    [(1, 2, [3, 5, 4])]
    """
    waiting: list[Update] = []
    seen: set[Any] = set()
    size = first = last = 0
    for number, update in updates:
        ids = update.ids.tolist() if isinstance(update.ids, np.ndarray) else update.ids
        if waiting and (
            not _alike(waiting[0], update)
            or not seen.isdisjoint(ids)
            or size >= BATCH_BYTES
            or len(seen) >= BATCH_IDS
        ):
            yield Batch(first, last, _joined(waiting))
            waiting, seen, size = [], set(), 0
        if not waiting:
            first = number
        waiting.append(update)
        seen.update(ids)
        size += 0 if update.vectors is None else update.vectors.nbytes
        last = number
    if waiting:
        yield Batch(first, last, _joined(waiting))


def _alike(one: Update, other: Update) -> bool:
    return (
        type(one.ids) is type(other.ids)
        and _width(one) == _width(other)
        and (None if one.tags is None else one.tags.keys())
        == (None if other.tags is None else other.tags.keys())
    )


def _width(update: Update) -> int | None:
    return None if update.vectors is None else update.vectors.shape[1]


def _joined(updates: list[Update]) -> Update:
    first = updates[0]
    if len(updates) == 1:
        return first
    ids: Any
    if isinstance(first.ids, np.ndarray):
        ids = np.concatenate([update.ids for update in updates])
    else:
        ids = [one for update in updates for one in update.ids]
    vectors = [update.vectors for update in updates if update.vectors is not None]
    tags = None
    if first.tags is not None:
        tags = {name: [one for update in updates for one in (update.tags or {})[name]] for name in first.tags}
    return Update(ids=ids, vectors=np.concatenate(vectors) if vectors else None, tags=tags)
