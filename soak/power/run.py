"""Power cut after power cut, at every moment of one piece of work."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import leafscan
from soak.kills.check import content
from soak.kills.work import PLANS, begin, draw
from soak.power.disk import Disk
from soak.power.trace import Step, apply, steps, trace

__all__ = ["Results", "run"]


@dataclass
class Results:
    """What happened; everything but ``wrong`` only tells how much was tried."""

    seed: int
    #: Moments between two system calls, and how often the power failed at one.
    moments: int = 0
    cuts: int = 0
    #: What was there after: nothing "yet", what was "acknowledged", or the deed in flight, too.
    found: Counter[str] = field(default_factory=Counter)
    #: One sentence for each promise that was broken.
    wrong: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**vars(self), "found": dict(self.found)}


def run(cuts: int, seed: int, *, deeds: int = 40) -> Results:
    """Let the power fail ``cuts`` times, by turns on a catalogue of each plan.

    Parameters
    ----------
    cuts
        How often.
    seed
        Of the work, the moments and the disk's whims.
    deeds
        Updates and checkpoints of each plan's writer.

    Returns
    -------
    Results
        What happened.

    Raises
    ------
    NoTraceError
        If strace cannot be used here.
    """
    results = Results(seed=seed)
    rng = np.random.default_rng([seed, 2**33])
    share = -(-cuts // len(PLANS))
    for plan in PLANS:
        with tempfile.TemporaryDirectory() as place:
            folder, log = Path(place, "catalogue"), Path(place, "trace")
            trace(["-m", "soak.power.writer", str(folder), plan, str(seed), str(deeds)], log)
            _cut(list(steps(log, folder)), plan, min(share, cuts - results.cuts), deeds, rng, results)
    return results


def _cut(
    done: list[Step], plan: str, cuts: int, deeds: int, rng: np.random.Generator, results: Results
) -> None:
    _, model = begin(plan, results.seed)
    states = [model.digest()]
    for number in range(1, deeds + 1):
        model = model.apply(draw(results.seed, number, sorted(model.rows)))
        states.append(model.digest())
    moments = Counter(rng.integers(len(done) + 1, size=cuts).tolist())
    results.moments += len(done)
    disk = Disk()
    acknowledged = flying = -1
    for moment, step in enumerate([*done, Step("say", "")]):
        for _ in range(moments[moment]):
            results.cuts += 1
            found = _found(disk, states, acknowledged, flying, rng)
            if found.startswith("wrong"):
                results.wrong.append(f"{plan}, before step {moment} ({step.call} {step.name}): {found}")
            else:
                results.found[found] += 1
        if step.call != "say":
            apply(step, disk)
            continue
        mark, _, deed = step.name.strip().partition(" ")
        if mark == "open":
            acknowledged = flying = 0
        elif mark == "+":
            flying = int(deed)
        elif mark == "-":
            acknowledged = int(deed)


def _found(disk: Disk, states: list[str], acknowledged: int, flying: int, rng: np.random.Generator) -> str:
    with tempfile.TemporaryDirectory() as place:
        disk.put(disk.fail(rng), Path(place))
        try:
            with leafscan.open(place, verify=True) as catalogue:
                held = content(catalogue)
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError) and acknowledged < 0:
                return "nothing yet"
            return f"wrong: {type(error).__name__}: {error}"
    if held == states[max(acknowledged, 0)]:
        return "acknowledged"
    if held == states[max(flying, 0)]:
        return "in flight"
    where = states.index(held) if held in states else "none"
    return f"wrong: the state {where} is there, where {acknowledged} was acknowledged and {flying} in flight"
