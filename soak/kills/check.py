"""What must be true of a catalogue whose writer was killed."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

import leafscan
from soak.kills.work import DIM, Model, digest

__all__ = ["BrokenPromiseError", "check_catalogue", "check_damage", "content"]

K = 10


class BrokenPromiseError(AssertionError):
    """A promise was broken."""


def content(index: leafscan.Index) -> str:
    """Return what tells two contents apart."""
    ids = index.ids
    return digest(ids, index.vectors(ids))


def check_catalogue(
    catalogue: leafscan.Catalogue, candidates: Sequence[Model], rng: np.random.Generator
) -> int:
    """Hold an open catalogue to one of ``candidates``: contents, file, and answers.

    Returns
    -------
    int
        Which of them it holds.

    Raises
    ------
    BrokenPromiseError
        If it holds none of them, or answers wrong.
    """
    held = content(catalogue)
    place = next((place for place, model in enumerate(candidates) if model.digest() == held), None)
    if place is None:
        missing, extra = _differences(catalogue, candidates[0])
        raise BrokenPromiseError(
            f"the catalogue holds neither what was acknowledged nor more; without {missing}, with {extra}"
        )
    model = candidates[place]
    for file in catalogue.path.glob("snapshot-*.leafscan"):
        leafscan.verify(file)
    _check_answers(catalogue, model, rng)
    _check_tags(catalogue, model, rng)
    return place


def check_damage(
    folder: Path, history: Sequence[str], damage: Literal["cut", "flip"], rng: np.random.Generator
) -> Literal["whole", "earlier", "refused"]:
    """Damage the journal in a copy of ``folder``: cut its log at a random byte, or change one byte of it.

    What opens must hold what was there at some moment, the last of ``history`` or one before; what does not
    must say so, and after a flip no more than the last transaction of the log may be missing.
    """
    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copytree(folder, Path(place, "copy")))
        log = copy / "journal.sqlite-wal"
        logged = log.exists() and log.stat().st_size > 0
        if damage == "cut" and logged:
            with log.open("r+b") as file:
                file.truncate(int(rng.integers(log.stat().st_size)))
        elif damage == "flip":
            victim = log if logged and rng.random() < 0.5 else copy / "journal.sqlite"
            data = bytearray(victim.read_bytes())
            data[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
            victim.write_bytes(data)
        try:
            with leafscan.open(copy) as catalogue:
                held = content(catalogue)
        except (leafscan.FileFormatError, FileNotFoundError):
            return "refused"
    if held not in history:
        raise BrokenPromiseError(f"after a {damage} in its journal the catalogue holds what never was")
    if damage == "flip":
        # What is damaged in the last transaction of the log looks as if the power had failed within.
        states = [one for one, after in zip(history, [*history[1:], None], strict=True) if one != after]
        if held not in states[-3:]:
            raise BrokenPromiseError(
                "after a flip in its journal the catalogue has lost more than one update"
            )
    return "whole" if held == history[-1] else "earlier"


def _check_answers(catalogue: leafscan.Catalogue, model: Model, rng: np.random.Generator) -> None:
    queries = rng.standard_normal((5, DIM)).astype(np.float32)
    found = catalogue.search(queries, k=K)
    rows = model.vectors().astype(np.float64)
    exact = np.square(queries[:, None, :].astype(np.float64) - rows[None]).sum(axis=2)
    nearest = np.argsort(exact, axis=1)[:, :K]
    ids = np.array(list(model.rows))
    if not np.array_equal(found.ids, ids[nearest]):
        raise BrokenPromiseError(
            f"a search gives the ids {found.ids.tolist()} and should give {ids[nearest].tolist()}"
        )
    if not np.allclose(found.scores, np.take_along_axis(exact, nearest, axis=1), rtol=1e-4):
        raise BrokenPromiseError("a search gives other scores than those of its ids")


def _check_tags(catalogue: leafscan.Catalogue, model: Model, rng: np.random.Generator) -> None:
    number = int(rng.choice([tag for _, tag in model.rows.values()]))
    wanted = {one for one, (_, tag) in model.rows.items() if tag == number}
    tagged = catalogue.filter(where={"number": number, "parity": "odd" if number % 2 else "even"})
    found = catalogue.search(np.zeros(DIM, np.float32), k=len(model.rows), filter=tagged).ids
    if set(found[found >= 0].tolist()) != wanted:
        raise BrokenPromiseError(
            f"the tag {number} is on {sorted(found[found >= 0].tolist())}, not on {sorted(wanted)}"
        )


def _differences(catalogue: leafscan.Catalogue, model: Model) -> tuple[list[int], list[int]]:
    there = dict(zip(catalogue.ids.tolist(), catalogue.vectors(catalogue.ids), strict=True))
    missing = [
        one
        for one, (vector, _) in model.rows.items()
        if one not in there or not np.array_equal(there[one], vector)
    ]
    return missing[:5], sorted(there.keys() - model.rows.keys())[:5]
