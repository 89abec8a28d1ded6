"""The versions that a call may have seen."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from soak.mix.model import Version

__all__ = ["Call", "History"]


class Call:
    """A call on the index, and, once it returned, what it may have seen: some version of ``versions``."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.versions: list[Version] = []

    @property
    def alone(self) -> Version | None:
        """The version that it saw, if there was but one."""
        return self.versions[0] if len(self.versions) == 1 else None


class History:
    """Versions by number: those that a call which has not returned may see, and the current one.

    The writer says what comes before it makes an update, and that it is made after. So what a call saw lies
    between what was made when it began and what had begun when it returned.
    """

    def __init__(self, version: Version) -> None:
        self._lock = threading.Lock()
        self._versions = deque([version])
        self._first = 0  # the number of the first that is remembered
        self._made = 0
        self._calls: set[Call] = set()
        #: The most that were remembered at once, and the most that one call may have seen.
        self.longest = self.widest = 1

    @property
    def current(self) -> Version:
        """The latest; to be asked by the writer, between its updates."""
        with self._lock:
            return self._versions[-1]

    @contextmanager
    def update(self, version: Version) -> Iterator[None]:
        """Make the update to ``version`` in a block, which is not to raise."""
        with self._lock:
            self._versions.append(version)
        yield
        with self._lock:
            self._made += 1
            self._forget()

    @contextmanager
    def call(self) -> Iterator[Call]:
        """Call the index in a block."""
        with self._lock:
            call = Call(self._made)
            self._calls.add(call)
        try:
            yield call
        finally:
            with self._lock:
                call.versions = list(self._versions)[call.first - self._first :]
                self.widest = max(self.widest, len(call.versions))
                self._calls.remove(call)

    def _forget(self) -> None:
        self.longest = max(self.longest, len(self._versions))
        oldest = min((call.first for call in self._calls), default=self._made)
        while self._first < oldest:
            self._versions.popleft()
            self._first += 1
