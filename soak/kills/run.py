"""Kill after kill on the same catalogues."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

import leafscan
from soak.kills.check import BrokenPromiseError, check_catalogue, check_damage, content
from soak.kills.work import PLANS, Model, Operation, begin, draw

__all__ = ["Results", "Subject", "run"]

#: A writer is killed at most so long after it opened its catalogue, in seconds.
LONGEST = 0.25

#: The share of writers that are killed while they open it, or soon after.
EARLY = 0.12


@dataclass
class Results:
    """What happened; everything but ``wrong`` only tells how much was tried."""

    seed: int
    kills: int = 0
    #: Deeds that returned, by their kind, and the ids in them.
    acknowledged: Counter[str] = field(default_factory=Counter)
    ids: int = 0
    #: What the writer was at when it was killed.
    killed_during: Counter[str] = field(default_factory=Counter)
    #: What became of the deed in flight: there "whole", or "absent".
    in_flight: Counter[str] = field(default_factory=Counter)
    #: What opened after the journal's log was cut at a random byte, or one byte of the journal changed.
    cuts: Counter[str] = field(default_factory=Counter)
    flips: Counter[str] = field(default_factory=Counter)
    most_pending: int = 0
    slowest_opening_s: float = 0.0
    #: One sentence for each promise that was broken.
    wrong: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in said.items()}


class Subject:
    """One catalogue and what it must hold.

    Parameters
    ----------
    folder
        Where the catalogue goes.
    plan
        One of `PLANS`.
    seed
        Of the whole work.
    """

    def __init__(self, folder: Path, plan: str, seed: int) -> None:
        self.folder, self.seed = folder, seed
        index, self.model = begin(plan, seed)
        with leafscan.open(folder, index) as catalogue:
            if content(catalogue) != self.model.digest():
                raise BrokenPromiseError("a new catalogue does not hold its index")
        self.history = [self.model.digest()]
        self.next = 1

    def kill(self, rng: np.random.Generator, results: Results) -> None:
        """Let a writer work, kill it, and see to its catalogue.

        Raises
        ------
        BrokenPromiseError
            If a promise was broken.
        """
        said = self._work(rng, results)
        flying = self._follow(said, results)
        candidates = [self.model] if flying is None else [self.model, self.model.apply(flying)]
        # Every other time a copy is looked at, so that the next writer opens what the kill left.
        with tempfile.TemporaryDirectory() as place:
            folder = self.folder
            if results.kills % 2:
                folder = Path(shutil.copytree(folder, Path(place, "copy")))
            history = [*self.history, candidates[-1].digest()]
            results.cuts[check_damage(folder, history, "cut", rng)] += 1
            results.flips[check_damage(folder, history, "flip", rng)] += 1
            before = time.perf_counter()
            with leafscan.open(folder, read_only=True) as reader, leafscan.open(folder) as catalogue:
                took = (time.perf_counter() - before) / 2
                results.slowest_opening_s = max(results.slowest_opening_s, round(took, 4))
                results.most_pending = max(results.most_pending, catalogue.pending)
                held = check_catalogue(catalogue, candidates, rng)
                if content(reader) != content(catalogue):
                    raise BrokenPromiseError("a reader sees something else than a writer")
        if flying is not None and flying.kind != "checkpoint":
            results.in_flight["whole" if held else "absent"] += 1
        self._took(candidates[held])

    def _work(self, rng: np.random.Generator, results: Results) -> list[str]:
        command = [
            sys.executable,
            "-m",
            "soak.kills.writer",
            str(self.folder),
            str(self.seed),
            str(self.next),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stderr is not None
            lines = [writer.stdout.readline()]
            if rng.random() < EARLY:
                time.sleep(rng.uniform(0, results.slowest_opening_s))
            else:
                lines.append(writer.stdout.readline())
                time.sleep(rng.uniform(0, LONGEST))
            ended = writer.poll()
            writer.kill()
            lines += writer.stdout.readlines()
            errors = writer.stderr.read()
        if ended is not None:
            raise BrokenPromiseError(f"the writer ended by itself with {ended}: {errors[-2000:]}")
        results.kills += 1
        return [line.rstrip("\n") for line in lines if line]

    def _follow(self, said: list[str], results: Results) -> Operation | None:
        """Bring the model to what was acknowledged, and return what was in flight."""
        if said == ["begin"]:
            results.killed_during["opening"] += 1
            return None
        flying = None
        for line in said[2:]:
            mark, number = line.split()
            if int(number) != self.next:
                raise BrokenPromiseError(f"the writer is at {number} and should be at {self.next}")
            if mark == "+":
                flying = draw(self.seed, self.next, sorted(self.model.rows))
            elif flying is not None:
                results.acknowledged[flying.kind] += 1
                results.ids += len(flying.ids)
                self._took(self.model.apply(flying))
                self.next += 1
                flying = None
        results.killed_during["between" if flying is None else flying.kind] += 1
        if flying is not None:
            self.next += 1
        return flying

    def _took(self, model: Model) -> None:
        self.model = model
        self.history.append(model.digest())


def run(
    count: int, seed: int, *, folder: Path | None = None, progress: Callable[[Results], None] | None = None
) -> Results:
    """Kill ``count`` writers, by turns on a catalogue of each plan.

    Parameters
    ----------
    count
        How many.
    seed
        Of the work, and of the moments.
    folder
        Where the catalogues go and stay; a temporary folder by default.
    progress
        Called after each kill.

    Returns
    -------
    Results
        What happened. It ends at the first promise that is broken.
    """
    results = Results(seed=seed)
    rng = np.random.default_rng([seed, 2**32])
    with tempfile.TemporaryDirectory() as place:
        subjects = [Subject((folder or Path(place)) / plan, plan, seed) for plan in PLANS]
        for number in range(count):
            try:
                subjects[number % len(subjects)].kill(rng, results)
            except (BrokenPromiseError, Exception) as error:
                results.wrong.append(f"kill {number}: {type(error).__name__}: {error}")
                break
            if progress is not None:
                progress(results)
    return results
