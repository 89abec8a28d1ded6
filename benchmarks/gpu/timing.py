"""How long a call takes on the GPU."""

import contextlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

__all__ = ["device_seconds", "seconds_a_call"]


def seconds_a_call(call: Callable[[], Any], *, wait: Callable[[Any], Any] = jax.block_until_ready) -> float:
    """Time a call as a stream of calls sees it: the median of five rounds of at least 30 ms each.

    Parameters
    ----------
    call
        Starts the work and need not wait for it.
    wait
        Waits for the result of the last call.

    Returns
    -------
    float
        Seconds.
    """
    wait(call())
    begin = time.perf_counter()
    wait(call())
    once = max(time.perf_counter() - begin, 1e-5)
    repeats = max(2, min(200, int(0.03 / once)))

    def a_round() -> float:
        begin = time.perf_counter()
        for _ in range(repeats):
            last = call()
        wait(last)
        return (time.perf_counter() - begin) / repeats

    return statistics.median(a_round() for _ in range(5))


def device_seconds(call: Callable[..., Any], *arguments: Any) -> float | None:
    """Sum the times of a call's kernels, by CUPTI: the median of five calls, or None without it."""
    with contextlib.suppress(Exception):
        from jax.experimental.mosaic.gpu import profiler

        wait: Callable[[Any], Any] = jax.block_until_ready
        wait(call(*arguments))
        times: Any = profiler.measure(call, aggregate=False, iterations=5)(*arguments)[1]
        return float(statistics.median(sum(took for _, took in kernels) for kernels in times)) / 1e3
    return None
