"""What was done, and what went wrong."""

import threading
import traceback
from collections import Counter, defaultdict
from typing import Any

__all__ = ["Broken", "Tally"]


class Broken(Exception):  # noqa: N818 (it is no error of this program)
    """The index did what no version of it may do."""


class Tally:
    """Counts of deeds by subject, and one sentence for each thing that went wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.items: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.wrong: list[str] = []

    def count(self, subject: str, deed: str, items: int = 1) -> None:
        """Count a deed and what was in it."""
        with self._lock:
            self.calls[subject][deed] += 1
            self.items[subject][deed] += items

    def blame(self, subject: str, what: str, error: BaseException) -> None:
        """Take note of an error."""
        where = "" if isinstance(error, Broken) else "".join(traceback.format_exception(error))[-2_000:]
        with self._lock:
            self.wrong.append(f"{subject}, {what}: {type(error).__name__}: {error} {where}".rstrip())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        with self._lock:
            counts = {"calls": self.calls, "items": self.items}
            said = {
                what: {name: dict(sorted(counter.items())) for name, counter in counters.items()}
                for what, counters in counts.items()
            }
            return {**said, "wrong": list(self.wrong)}

    def total(self, deed: str | None = None) -> int:
        """Return how many calls there were, of all or of one deed."""
        with self._lock:
            counters = list(self.calls.values())
            return sum(sum(each.values()) if deed is None else each[deed] for each in counters)
