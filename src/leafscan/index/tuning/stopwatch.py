"""The time of one query alone."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["microseconds"]

#: Each time is of about so many different queries, and about so many seconds: enough for the rows of one to
#: have left the caches when it comes again, and to tell 3 % apart on a quiet machine.
TIMED = 512
TIMED_SECONDS = 0.03

#: Of heats of so many queries the median counts: what else the machine does falls into some of them.
HEAT = 32

#: A clock is fine enough if it goes in steps of at most so many seconds.
FINE = 1e-6


def microseconds(ask: Callable[[NDArray[np.float32]], Any], queries: NDArray[np.float32]) -> float:
    """Time a search of one query a call.

    Parameters
    ----------
    ask
        Searches for one query, on this thread.
    queries
        (m, d), of which some `TIMED` are asked, evenly spread.

    Returns
    -------
    float
        Microseconds a query: of this thread alone, where the system tells that finely enough (Windows does
        not), so that whatever else runs takes none of it.
    """
    queries = queries[:: max(1, len(queries) // TIMED)]
    fine = hasattr(time, "thread_time") and time.get_clock_info("thread_time").resolution <= FINE
    clock = time.thread_time if fine else time.perf_counter
    until = clock() + TIMED_SECONDS
    heats = []
    for place in range(0, len(queries), HEAT):
        heat = queries[place : place + HEAT]
        begin = clock()
        for query in heat:
            ask(query)
        end = clock()
        heats.append((end - begin) / len(heat))
        if end > until:
            break
    return 1e6 * float(np.median(heats))
