"""The thread that updates an index: one of each."""

import threading

import numpy as np

from soak.mix.model import GENRES
from soak.mix.subjects import ALWAYS, DIM, FEWEST, MOST, UNIVERSE, Subject, draw_vectors
from soak.mix.tally import Broken, Tally

__all__ = ["write"]

#: Between bursts the writer waits so long on average, in seconds, after every update.
PAUSE = 0.08

#: One in so many times a burst of so many updates without a pause begins.
BURST_EVERY, BURST = 60, 40

#: The largest batch; sizes are drawn so that each magnitude is as frequent.
LARGEST = 400


def write(subject: Subject, rng: np.random.Generator, tally: Tally, stop: threading.Event) -> None:
    """Update until ``stop``."""
    burst = 0
    while not stop.is_set():
        kind = rng.choice(["upsert", "delete", "refused"], p=[0.55, 0.4, 0.05])
        {"upsert": _upsert, "delete": _delete, "refused": _refused}[kind](subject, rng, tally)
        if burst:
            burst -= 1
        elif rng.random() < 1 / BURST_EVERY:
            burst = BURST
        else:
            stop.wait(float(rng.exponential(PAUSE)))


def _size(rng: np.random.Generator) -> int:
    return int(np.exp(rng.uniform(0, np.log(LARGEST + 1))))


def _upsert(subject: Subject, rng: np.random.Generator, tally: Tally) -> None:
    now = subject.history.current
    count = _size(rng)
    live = np.flatnonzero(now.live)
    room = max(MOST - len(live), 0)
    if rng.random() < 0.4:  # all of them replace
        places = rng.choice(live, min(count, len(live)), replace=False)
    else:
        places = rng.choice(UNIVERSE, count, replace=False)
        new = np.flatnonzero(~now.live[places])
        places = np.delete(places, new[room:])
    if not len(places):
        return
    vectors = draw_vectors(rng, len(places))
    genre = rng.integers(-1, len(GENRES), len(places)).astype(np.int8) if rng.random() < 0.7 else None
    year = rng.integers(1950, 2020, len(places)).astype(np.int16) if rng.random() < 0.7 else None
    then = now.upserted(places, subject.kept(vectors), genre, year)
    said = then.tags(places)
    tags = {name: said[name] for name, given in (("genre", genre), ("year", year)) if given is not None}
    ids = subject.ids(places)
    with subject.history.update(then):
        subject.index.upsert(ids.tolist() if rng.random() < 0.5 else ids, vectors, tags or None)
    tally.count(subject.name, "upsert", len(places))


def _delete(subject: Subject, rng: np.random.Generator, tally: Tally) -> None:
    now = subject.history.current
    live = np.flatnonzero(now.live)
    may = live[live >= ALWAYS]
    count = min(_size(rng), len(live) - FEWEST, len(may))
    if count < 1:
        return
    places = rng.choice(may, count, replace=False)
    with subject.history.update(now.deleted(places)):
        subject.index.delete(subject.ids(places))
    tally.count(subject.name, "delete", count)


def _refused(subject: Subject, rng: np.random.Generator, tally: Tally) -> None:
    """Ask for what must change nothing."""
    now = subject.history.current
    try:
        if rng.random() < 0.5:
            places = rng.choice(UNIVERSE, 5, replace=False)
            vectors = draw_vectors(rng, 5)
            vectors[int(rng.integers(5)), int(rng.integers(DIM))] = np.nan
            subject.index.upsert(subject.ids(places), vectors)
        else:
            some = np.flatnonzero(now.live[ALWAYS:])[:3] + ALWAYS
            gone = np.flatnonzero(~now.live)[:1]
            subject.index.delete(subject.ids(np.concatenate([some, gone])))
    except ValueError:
        tally.count(subject.name, "refused update")
    else:
        raise Broken("an update that is wrong was taken")
