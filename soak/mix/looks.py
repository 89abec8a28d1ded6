"""Everything else that can be asked of an index while it is updated."""

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import leafscan
from soak.mix.model import Places, Version
from soak.mix.subjects import ALWAYS, UNIVERSE, Subject
from soak.mix.tally import Broken, Tally

__all__ = ["LOOKS", "look"]

#: How well a health may estimate the recall of a plan that finds the best of all.
LEAST_RECALL = 0.99

Rng = np.random.Generator


def look(kind: str, subject: Subject, rng: Rng, tally: Tally) -> None:
    """Ask for ``kind``, one of `LOOKS`, and hold it against every version that there was meanwhile."""
    if _LOOKS[kind](subject, rng):
        tally.count(subject.name, kind)


def _vectors(subject: Subject, rng: Rng) -> bool:
    places = _some(subject, rng)
    with subject.history.call() as call:
        got, said = _tried(lambda: subject.index.vectors(subject.ids(places)))
    if got is None:
        return _was_gone(call.versions, places, said)
    return _explained(
        call.versions, "vectors", lambda v: bool(v.live[places].all()) and _close(got, v.vectors[places])
    )


def _tags(subject: Subject, rng: Rng) -> bool:
    places = _some(subject, rng)
    with subject.history.call() as call:
        got, said = _tried(lambda: subject.index.tags(subject.ids(places).tolist()))
    if got is None:
        return _was_gone(call.versions, places, said)
    return _explained(
        call.versions, "tags", lambda v: bool(v.live[places].all()) and bool(got == v.tags(places))
    )


def _contains(subject: Subject, rng: Rng) -> bool:
    place = int(rng.integers(UNIVERSE))
    one = subject.ids(np.array([place]))[0]
    with subject.history.call() as call:
        got = one in subject.index
    return _explained(call.versions, "in", lambda v: bool(v.live[place]) == got)


def _ids(subject: Subject, rng: Rng) -> bool:
    with subject.history.call() as call:
        got = subject.index.ids
    places = subject.places(got.tolist())
    return _explained(call.versions, "ids", lambda v: np.array_equal(v.order(), places))


def _length(subject: Subject, rng: Rng) -> bool:
    with subject.history.call() as call:
        got = len(subject.index)
    return _explained(call.versions, "len", lambda v: int(v.live.sum()) == got)


def _health(subject: Subject, rng: Rng) -> bool:
    with subject.history.call() as call:
        got = subject.index.health()
    if subject.plan.exact and got.recall is not None and got.recall < LEAST_RECALL:
        raise Broken(f"health says that recall is {got.recall}, of a plan that finds all")
    return _explained(call.versions, "health", lambda v: int(v.live.sum()) == got.vectors)


def _rebalance(subject: Subject, rng: Rng) -> bool:
    with _once(subject) as mine:
        if mine:
            subject.index.rebalance(threads=1, progress=False)
    return mine


def _save(subject: Subject, rng: Rng) -> bool:
    path = subject.folder / f"saved-{threading.get_ident()}.leafscan"
    with subject.history.call() as call:
        subject.index.save(path)
    loaded = leafscan.load(path, memory=bool(rng.random() < 0.5), verify=True)
    return _same(subject, call.versions, loaded, "a file")


def _pickle(subject: Subject, rng: Rng) -> bool:
    buffers: list[pickle.PickleBuffer] = []
    with subject.history.call() as call:
        if rng.random() < 0.5:
            data = pickle.dumps(subject.index, protocol=5, buffer_callback=buffers.append)
        else:
            data = pickle.dumps(subject.index, protocol=int(rng.integers(2, 6)))
    return _same(subject, call.versions, pickle.loads(data, buffers=buffers), "a pickle")


def _checkpoint(subject: Subject, rng: Rng) -> bool:
    if subject.catalogue is None:
        return False
    subject.catalogue.checkpoint()
    return True


def _reader(subject: Subject, rng: Rng) -> bool:
    if subject.catalogue is None:
        return False
    with subject.history.call() as call, leafscan.open(subject.catalogue.path, read_only=True) as reader:
        pass
    return _same(subject, call.versions, reader, "a catalogue that is opened")


_LOOKS: dict[str, Callable[[Subject, Rng], bool]] = {
    "vectors": _vectors,
    "tags": _tags,
    "in": _contains,
    "ids": _ids,
    "len": _length,
    "health": _health,
    "rebalance": _rebalance,
    "save and load": _save,
    "pickle": _pickle,
    "checkpoint": _checkpoint,
    "open to read": _reader,
}

#: What there is, and how often of a hundred looks.
LOOKS = {
    "vectors": 20,
    "tags": 20,
    "in": 18,
    "ids": 9,
    "len": 9,
    "health": 4,
    "rebalance": 3,
    "save and load": 6,
    "pickle": 6,
    "checkpoint": 3,
    "open to read": 2,
}


class _once:  # noqa: N801 (a context manager)
    """Let one thread at a time in, for each subject; others are told so."""

    _busy: set[str] = set()  # noqa: RUF012 (of the class)
    _lock = threading.Lock()

    def __init__(self, subject: Subject) -> None:
        self._name = subject.name

    def __enter__(self) -> bool:
        with self._lock:
            self._mine = self._name not in self._busy
            self._busy.add(self._name)
        return self._mine

    def __exit__(self, *_: object) -> None:
        if self._mine:
            self._busy.discard(self._name)


def _some(subject: Subject, rng: Rng) -> Places:
    live = np.flatnonzero(subject.history.current.live)
    if rng.random() < 0.3:
        live = live[live < ALWAYS]
    return rng.permutation(live)[: int(rng.integers(1, 30))]


def _tried(ask: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return ask(), ""
    except ValueError as error:
        return None, str(error)


def _was_gone(versions: list[Version], places: Places, said: str) -> bool:
    if all(version.live[places].all() for version in versions):
        raise Broken(f"ids that are there were refused: {said}")
    return False


def _close(got: Any, held: Any) -> bool:
    # With cosine it is the engine that scales to length 1.
    return bool(got.shape == held.shape and np.allclose(got, held, rtol=0, atol=1e-6))


def _same(subject: Subject, versions: list[Version], other: leafscan.Index, what: str) -> bool:
    """Hold that another index is the copy of one version."""
    places = subject.places(other.ids.tolist())
    vectors, tags = other.vectors(other.ids), other.tags(other.ids)

    def is_of(version: Version) -> bool:
        if not np.array_equal(version.order(), places):
            return False
        return _close(vectors, version.vectors[places]) and tags == version.tags(places)

    return _explained(versions, what, is_of)


def _explained(versions: list[Version], what: str, holds: Callable[[Version], bool]) -> bool:
    if not any(holds(version) for version in versions):
        raise Broken(f"no version explains {what}; there were {len(versions)}")
    return True
