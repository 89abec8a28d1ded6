"""How many threads a call may use."""

import functools
import os
from typing import SupportsIndex

from leafscan import _engine
from leafscan.index.numbers import whole_number

__all__ = ["MAX_THREADS", "VARIABLE", "check_threads", "default_threads"]

#: The environment variable that replaces the default of builds and batches.
VARIABLE = "LEAFSCAN_NUM_THREADS"

#: More than any machine has; a larger number is a slip.
MAX_THREADS = 4096


def default_threads() -> int:
    """Return what a build or a batch uses: ``LEAFSCAN_NUM_THREADS``, else all that this process may have.

    Raises
    ------
    ValueError
        If the variable is set to something that is not a number of threads.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return _available(os.getpid())
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_THREADS):
        raise ValueError(
            f"the environment variable {VARIABLE} must be a whole number between 1 and {MAX_THREADS}; "
            f"it is {text!r:.80}."
        )
    return int(text)


def check_threads(threads: SupportsIndex | None) -> int:
    """Return ``threads``, or the default for None.

    Raises
    ------
    TypeError, ValueError
        If it is not a whole number between 1 and `MAX_THREADS`.

    Examples
    --------
    >>> check_threads(2)
    2
    """
    if threads is None:
        return default_threads()
    return whole_number(threads, "threads", low=1, high=MAX_THREADS)


@functools.cache
def _available(process: int) -> int:
    # The engine reads files of the control group to know; a batch of four queries takes no longer than that.
    return _engine.available_threads()
