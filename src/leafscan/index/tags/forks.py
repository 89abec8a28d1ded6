"""Locks that a fork finds free: the child has none of the threads that could let go of them."""

import os
import threading
import weakref

__all__ = ["fork_safe"]

_locks: weakref.WeakSet["_Lock"] = weakref.WeakSet()
_held: list["_Lock"] = []
_registering = threading.Lock()


class _Lock:
    """A lock that the thread which holds it may take again."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def fork_safe() -> _Lock:
    """Return a lock that whoever forks takes first, so that what it guards is whole in the child.

    Examples
    --------
    >>> lock = fork_safe()
    >>> with lock, lock:
    ...     print("mine")
    mine
    """
    lock = _Lock()
    with _registering:
        _locks.add(lock)
    return lock


def _take() -> None:
    _registering.acquire()
    for lock in list(_locks):
        lock.__enter__()
        _held.append(lock)


def _release() -> None:
    while _held:
        _held.pop().__exit__()
    _registering.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take, after_in_parent=_release, after_in_child=_release)
