"""All threads on all indexes, for a time."""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from soak.mix.looks import LOOKS, look
from soak.mix.memory import growth, in_use, resident
from soak.mix.questions import Standing, compile_filter, search
from soak.mix.subjects import PLANS, Subject
from soak.mix.tally import Tally
from soak.mix.writer import write

__all__ = ["SEARCHERS", "Results", "run"]

#: Threads that ask, of each index; one more writes.
SEARCHERS = 2

#: Filters that each of them has, and how many of a hundred deeds compile one in the place of the oldest.
FILTERS, COMPILES = 4, 2

#: How many of a hundred deeds are looks (soak/mix/looks.py); the rest are searches, so many of them with a
#: compiled filter.
ASKS = 15
FILTERED = 0.4

#: Whoever asks waits so long on average after every deed, in seconds: the writers should have their turns.
PAUSE = 0.004

#: Threads take turns so often, in seconds, which is ten times as often as Python's own.
TURN = 0.0005

#: At least so many samples tell whether memory grows.
SAMPLES = 600


@dataclass
class Results:
    """What happened so far."""

    seed: int
    tally: Tally
    subjects: list[Subject]
    seconds: float = 0.0
    #: Seconds and MiB.
    samples: list[tuple[float, float]] = field(default_factory=list)
    #: The same of what the heap has handed out, and seconds and how many objects Python has.
    handed_out: list[tuple[float, float]] = field(default_factory=list)
    objects: list[tuple[float, float]] = field(default_factory=list)

    @property
    def grows(self) -> bool:
        """Whether memory grew; too short a run cannot tell."""
        return len(self.samples) >= SAMPLES and growth(self.samples).grows

    def to_dict(self, *, every: int = 1) -> dict[str, Any]:
        """Return it as JSON can hold it, with one of ``every`` samples of memory."""
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "total_calls": self.tally.total(),
            **self.tally.to_dict(),
            "most_versions_a_call_may_have_seen": max(subject.history.widest for subject in self.subjects),
            "most_versions_remembered": max(subject.history.longest for subject in self.subjects),
            "memory": growth(self.samples).to_dict() if len(self.samples) >= SAMPLES else None,
            "heap": growth(self.handed_out).to_dict() if len(self.handed_out) >= SAMPLES else None,
            "memory_samples_s_mib": [[round(t, 1), round(mib, 2)] for t, mib in self.samples[::every]],
            "heap_samples_s_mib": [[round(t, 1), round(mib, 2)] for t, mib in self.handed_out[::every]],
            "object_samples_s": [[round(t, 1), int(count)] for t, count in self.objects[::every]],
        }


def run(seconds: float, seed: int, *, progress: Callable[[Results], None] | None = None) -> Results:
    """Work on an index of each plan at once.

    Parameters
    ----------
    seconds
        How long.
    seed
        Of what each thread does; how the threads meet is up to the system.
    progress
        Called about once a second with what happened so far.

    Returns
    -------
    Results
        What happened. It ends at the first thing that is wrong.
    """
    tally, stop = Tally(), threading.Event()
    with ExitStack() as stack:
        subjects = [Subject(name, seed) for name in PLANS]
        for subject in subjects:
            stack.callback(subject.close)
        results = Results(seed, tally, subjects)
        stack.enter_context(_turns(TURN))
        threads = [
            threading.Thread(target=_watched, args=(work, subject, [seed, number, part], tally, stop))
            for number, subject in enumerate(subjects)
            for part, work in enumerate([write] + [_ask] * SEARCHERS)
        ]
        begin = time.perf_counter()
        for thread in threads:
            thread.start()
        try:
            while results.seconds < seconds and not stop.wait(min(1.0, seconds - results.seconds)):
                results.seconds = time.perf_counter() - begin
                mib = resident()
                if mib is not None:
                    results.samples.append((results.seconds, mib))
                mib = in_use()
                if mib is not None:
                    results.handed_out.append((results.seconds, mib))
                results.objects.append((results.seconds, float(sys.getallocatedblocks())))
                if progress is not None:
                    progress(results)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        results.seconds = time.perf_counter() - begin
    return results


def _ask(subject: Subject, rng: np.random.Generator, tally: Tally, stop: threading.Event) -> None:
    filters: deque[Standing] = deque(maxlen=FILTERS)
    kinds, odds = list(LOOKS), np.array(list(LOOKS.values()), np.float64)
    while not stop.is_set():
        deed = rng.integers(100)
        if deed < COMPILES or not filters:
            made = compile_filter(subject, rng, tally)
            if made is not None:
                filters.append(made)
        elif deed < COMPILES + ASKS:
            look(str(rng.choice(kinds, p=odds / odds.sum())), subject, rng, tally)
        else:
            one = filters[int(rng.integers(len(filters)))] if rng.random() < FILTERED else None
            search(subject, rng, tally, one)
        stop.wait(float(rng.exponential(PAUSE)))


def _watched(
    work: Callable[..., None], subject: Subject, seed: list[int], tally: Tally, stop: threading.Event
) -> None:
    try:
        work(subject, np.random.default_rng(seed), tally, stop)
    except BaseException as error:
        tally.blame(subject.name, "the writer" if work is write else "a searcher", error)
        stop.set()


@contextmanager
def _turns(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
