"""Docids: the caller's names of rows, whatever they are, and the keys that the index knows the rows by."""

import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Docids", "as_docids"]


def as_docids(docids: Iterable[Any], name: str = "docids") -> list[Hashable]:
    """Read a list of docids.

    Parameters
    ----------
    docids
        Anything that can be a key of a dictionary, each different; not None, which stands for none.
    name
        The argument, as the caller knows it.

    Raises
    ------
    TypeError
        If they are no list, or one of them cannot be a key.
    ValueError
        If one is None, or is there twice.

    Examples
    --------
    >>> as_docids(["a", "b", "a"])
    Traceback (most recent call last):
    ValueError: Duplicates found in docids: 'a' is there twice, at 0 and 2.
    """
    if isinstance(docids, (set, frozenset)):
        raise TypeError(f"{name} must be in the order of the rows, and a set has none; give a list.")
    if isinstance(docids, (str, bytes)) or not isinstance(docids, Iterable):
        raise TypeError(f"{name} must be a list, one for each row; received {docids!r:.80}.")
    if isinstance(docids, np.ndarray) and docids.ndim != 1:
        raise ValueError(f"{name} must have the shape (n,), one for each row; received {docids.shape}.")
    listed = list(docids)
    seen: dict[Hashable, int] = {}
    for place, docid in enumerate(listed):
        if docid is None:
            raise ValueError(f"{name} must not hold None, which stands for no docid; the one at {place} is.")
        try:
            first = seen.setdefault(docid, place)
        except TypeError:
            raise TypeError(
                f"{name} must be values that can be keys, such as strings; received {docid!r:.80} at {place}."
            ) from None
        if first != place or docid != docid:
            raise ValueError(
                f"Duplicates found in {name}: {docid!r:.80} is there twice, at {first} and {place}."
            )
    return listed


class Docids:
    """Which docid goes with which key.

    The index knows rows by keys, numbers that are never given twice; so what a search found in one version of
    the index still has its right name when the next one is there. A docid that was deleted keeps its name
    until no search that may still find it is under way.

    Parameters
    ----------
    docids
        As `as_docids` returns them.
    keys
        Of each docid; by default 0 ... n - 1.

    Examples
    --------
    >>> docids = Docids(["a", "b", "c"])
    >>> docids.add(["d"], docids.keys_for(["d"]))
    >>> docids.remove(["a"])
    >>> docids.listed()
    ['d', 'b', 'c']
    >>> with docids.reading():
    ...     docids.names(np.array([3, -1]))
    ['d', None]
    """

    def __init__(self, docids: Sequence[Hashable], keys: Sequence[int] | None = None) -> None:
        keys = range(len(docids)) if keys is None else keys
        self._lock = threading.Lock()
        self._names: dict[int, Any] = dict(zip(keys, docids, strict=True))
        self._names[-1] = None
        self._keys: dict[Hashable, int] = dict(zip(docids, keys, strict=True))
        # ScaNN's order: the last docid takes the place of one that is deleted.
        self._order: list[Hashable] = list(docids)
        self._places: dict[Hashable, int] = {docid: place for place, docid in enumerate(docids)}
        self._next = max(keys, default=-1) + 1
        self._searches = 0
        self._retired: list[int] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._keys)

    def __contains__(self, docid: object) -> bool:
        """Return whether there is such a docid."""
        return docid in self._keys

    def listed(self) -> list[Any]:
        """Return the docids, in ScaNN's order."""
        with self._lock:
            return list(self._order)

    def keyed(self) -> tuple[list[Any], list[int]]:
        """Return the docids and their keys, in ScaNN's order."""
        with self._lock:
            return list(self._order), [self._keys[docid] for docid in self._order]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the names of what is deleted in the meantime."""
        with self._lock:
            self._searches += 1
        try:
            yield
        finally:
            with self._lock:
                self._searches -= 1
                if not self._searches and self._retired:
                    for key in self._retired:
                        del self._names[key]
                    self._retired.clear()

    def names(self, keys: NDArray[np.int64]) -> list[Any]:
        """Return the docids of (m,) keys, or lists of them for (q, m); None for -1."""
        find = self._names.__getitem__
        if keys.ndim == 1:
            return list(map(find, keys.tolist()))
        return [list(map(find, row)) for row in keys.tolist()]

    def keys_for(self, docids: Sequence[Hashable]) -> NDArray[np.int64]:
        """Return the keys of docids, new ones for those that are not there yet; nothing is changed."""
        new = self._next
        keys = []
        for docid in docids:
            key = self._keys.get(docid)
            if key is None:
                key, new = new, new + 1
            keys.append(key)
        return np.array(keys, np.int64)

    def add(self, docids: Sequence[Hashable], keys: NDArray[np.int64]) -> None:
        """Name ``keys``, which `keys_for` returned for ``docids``; before the index has the rows."""
        with self._lock:
            for docid, key in zip(docids, keys.tolist(), strict=True):
                if docid not in self._keys:
                    self._keys[docid] = key
                    self._names[key] = docid
                    self._places[docid] = len(self._order)
                    self._order.append(docid)
                    self._next = max(self._next, key + 1)

    def remove(self, docids: Iterable[Hashable]) -> None:
        """Forget docids that are there; after the index has let go of their rows."""
        with self._lock:
            for docid in docids:
                key = self._keys.pop(docid)
                place, last = self._places.pop(docid), self._order.pop()
                if last is not docid and place < len(self._order):
                    self._order[place] = last
                    self._places[last] = place
                if self._searches:
                    self._retired.append(key)
                else:
                    del self._names[key]
