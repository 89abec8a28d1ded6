import time
from types import SimpleNamespace

import numpy as np
import pytest

from leafscan.index.tuning import stopwatch
from leafscan.index.tuning.stopwatch import HEAT, TIMED, microseconds

QUERIES = np.zeros((2_000, 3), np.float32)


class Clock:
    """A clock that only goes while a query is answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, resolution: float = 1e-9) -> None:
        self.now, self.asked = 0.0, 0
        told = SimpleNamespace(
            thread_time=lambda: self.now,
            perf_counter=lambda: 7 * self.now,
            get_clock_info=lambda name: SimpleNamespace(resolution=resolution),
        )
        monkeypatch.setattr(stopwatch, "time", told)

    def ask(self, query: np.ndarray) -> None:
        disturbed = self.asked // HEAT % 10 == 3
        self.asked += 1
        self.now += 5e-3 if disturbed else 20e-6


def test_what_falls_into_some_heats_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert microseconds(clock.ask, QUERIES) == pytest.approx(20)
    # The disturbed heat used the time up.
    assert clock.asked == 4 * HEAT


def test_it_asks_no_more_than_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    microseconds(lambda query: setattr(clock, "asked", clock.asked + 1), QUERIES)
    assert TIMED <= clock.asked < 2 * TIMED


def test_where_a_thread_s_own_clock_is_coarse_time_goes_by_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, resolution=0.0156)
    assert microseconds(clock.ask, QUERIES) == pytest.approx(7 * 20)


def test_this_system_s_clocks_serve() -> None:
    assert microseconds(lambda query: query.sum(), QUERIES) > 0
    assert time.perf_counter() > 0
