"""Ctrl-C waits for a few steps."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from leafscan import build
from leafscan.index import living
from leafscan.index.uninterrupted import uninterrupted


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    # A process that was started in the background may have been told to ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_update_that_is_interrupted_while_it_is_published_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = build(np.eye(3, dtype=np.float32), metric="cosine")
    update = living.Roster.update

    def interrupted(self: Any, *args: Any, **named: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        update(self, *args, **named)

    monkeypatch.setattr(living.Roster, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index.upsert([7], np.ones((1, 3)))
    monkeypatch.undo()
    assert index.ids.tolist() == [0, 1, 2, 7]
    assert index.search(np.ones(3), k=1).ids.tolist() == [7]
    index.delete([7])
    assert len(index) == 3


def test_what_goes_wrong_in_the_block_is_told() -> None:
    with pytest.raises(ValueError, match="wrong"), uninterrupted():
        raise ValueError("wrong")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_left_alone() -> None:
    handlers = []

    def look() -> None:
        with uninterrupted():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
