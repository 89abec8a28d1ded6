"""Locks that a fork finds free: the child has none of the threads that could let go of them."""

import os
import threading
import weakref
from enum import IntEnum

__all__ = ["Rank", "fork_free", "fork_safe"]


class Rank(IntEnum):
    """What a lock guards, in the order in which a thread takes those that it holds at once."""

    WRITING = 0
    FILTER = 1
    TAGS = 2
    VERSION = 3


class _Safe:
    """A lock that the thread which holds it may take again, and that whoever forks takes first."""

    __slots__ = ("__weakref__", "_lock", "rank")

    def __init__(self, rank: Rank) -> None:
        self._lock = threading.RLock()
        self.rank = rank

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        self._lock = threading.RLock()


class _Free:
    """A lock that a fork does not wait for, and that the child has anew."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def acquire(self) -> bool:
        """Take it, if nobody has it, and tell whether that was so."""
        return self._lock.acquire(blocking=False)

    def release(self) -> None:
        """Let go of it."""
        self._lock.release()

    def locked(self) -> bool:
        """Tell whether somebody has it."""
        return self._lock.locked()

    def renew(self) -> None:
        self._lock = threading.Lock()


_safe: weakref.WeakSet[_Safe] = weakref.WeakSet()
_free: weakref.WeakSet[_Free] = weakref.WeakSet()
_taken: list[_Safe] = []
_forking = threading.Lock()
_registering = threading.RLock()


def fork_safe(rank: Rank) -> _Safe:
    """Return a lock that whoever forks takes first, so that what it guards is whole in the child.

    Parameters
    ----------
    rank
        A thread that holds it takes only locks of higher ranks.

    Examples
    --------
    >>> lock = fork_safe(Rank.TAGS)
    >>> with lock, lock:
    ...     print("mine")
    mine
    """
    lock = _Safe(rank)
    with _registering:
        _safe.add(lock)
    return lock


def fork_free() -> _Free:
    """Return a lock, not to be taken twice, of what takes too long for a fork to wait for.

    In the child nobody has it. What it guards must be right though it was left at any moment.

    Examples
    --------
    >>> lock = fork_free()
    >>> with lock:
    ...     lock.acquire(), lock.locked()
    (False, True)
    """
    lock = _Free()
    with _registering:
        _free.add(lock)
    return lock


def _take() -> None:
    _forking.acquire()
    for rank in Rank:
        # Only now: those who hold lower ranks may have made more.
        with _registering:
            locks = [lock for lock in _safe if lock.rank == rank]
        for lock in locks:
            lock.__enter__()
            _taken.append(lock)
    # So that no other thread has it.
    _registering.acquire()


def _release() -> None:
    while _taken:
        _taken.pop().__exit__()
    _registering.release()
    _forking.release()


def _begin_anew() -> None:
    taken = set(map(id, _taken))
    for lock in _safe:
        if id(lock) not in taken:
            lock.renew()
    for free in _free:
        free.renew()
    _release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take, after_in_parent=_release, after_in_child=_begin_anew)
