"""Time the methods against one another, in turns, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.demo.methods import Method
from leafscan.recommend import Progress

__all__ = ["race"]

_WARM_UP_CALLS = 5
_FEWEST_CALLS, _MOST_CALLS = 3, 100
_SECONDS_A_TURN = 0.02


def race(
    methods: Sequence[Method], queries: NDArray[np.float32], *, rounds: int, progress: Progress
) -> list[float]:
    """Measure how long each method takes for the queries.

    Parameters
    ----------
    methods
        Who races.
    queries
        Float32 of shape (q, d), retrieved for in one call.
    rounds
        How many rounds, at least 1. In each every method has a turn of 3 to 100 calls, about 20 ms; every
        other round goes backwards, so that nobody always follows the same one.
    progress
        Where to show how far it is.

    Returns
    -------
    list of float
        The median seconds of a call, one a method, over all its calls after the warm-up.
    """
    prepared = [method.prepare(queries) for method in methods]
    times: list[list[float]] = [[] for _ in methods]
    calls: list[int] = []
    for method, mine in zip(methods, prepared, strict=True):
        progress("Warming up", len(calls), len(methods), method.name)
        quickest = min(_turn(method, mine, _WARM_UP_CALLS))
        calls.append(min(max(math.ceil(_SECONDS_A_TURN / quickest), _FEWEST_CALLS), _MOST_CALLS))
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            progress("Racing", number, rounds)
            order = range(len(methods))
            for place in order if number % 2 == 0 else reversed(order):
                times[place] += _turn(methods[place], prepared[place], calls[place])
    finally:
        if was_enabled:
            gc.enable()
    return [float(np.median(taken)) for taken in times]


def _turn(method: Method, queries: Any, calls: int) -> list[float]:
    seconds = []
    for _ in range(calls):
        start = time.perf_counter()
        method.search(queries)
        seconds.append(time.perf_counter() - start)
    return seconds
