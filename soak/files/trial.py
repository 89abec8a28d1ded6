"""One crafted file, made and tried: it must be refused in a sentence, or searched safely."""

import contextlib
import pickle
import traceback
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan import _engine
from soak.families import FAMILIES
from soak.files import hostile
from soak.files.forged_pickle import unpickles
from soak.files.mutations import MUTATIONS, SIGNED

__all__ = ["Trial", "crafted", "run_trial"]

Status = Literal["refused", "accepted", "failed"]

#: Of these queries some are asked one by one, and all in a batch.
_QUERIES = 40


@dataclass(frozen=True)
class Trial:
    """How one file fared.

    Parameters
    ----------
    number
        Which it was; with the seed it makes the same file again.
    family
        The plan of the index that it was made of.
    mutation
        What was done to it.
    status
        "refused" with an error of ours, "accepted", or "failed".
    verified
        Whether `leafscan.verify` passed it.
    problem
        What went wrong, or what the refusal said.
    """

    number: int
    family: str
    mutation: str
    status: Status
    verified: bool
    problem: str


@cache
def _valid(family: str, folder: Path, instructions: str) -> tuple[bytes, Mapping[str, Any]]:
    """Return the family's file and the answers of its index by these instructions."""
    path = folder / f"{family}.valid"
    FAMILIES[family].build().save(path)
    index = leafscan.load(path, memory=True)
    return path.read_bytes(), _answers(index, _queries(index.dim))


def crafted(seed: int, number: int, folder: Path) -> tuple[str, str, bytes]:
    """Make one file.

    Parameters
    ----------
    seed, number
        The file depends on these and on nothing else.
    folder
        Where valid indexes may be written.

    Returns
    -------
    family, mutation : str
        What it was made of, and how.
    data : bytes
        The file.
    """
    rng = np.random.default_rng([seed, number])
    family = hostile.pick(rng, FAMILIES)
    mutation = hostile.pick(rng, MUTATIONS)
    data, _ = _valid(family, folder, _engine.instruction_set())
    return family, mutation, MUTATIONS[mutation](rng, data)


def run_trial(seed: int, number: int, folder: Path) -> Trial:
    """Make one file and try it in every way that a user would, by one instruction set after the other.

    Parameters
    ----------
    seed, number
        Which file.
    folder
        Where files may be written.

    Returns
    -------
    Trial
        "refused" if loading it raises `leafscan.FileFormatError` or `OSError`, and "failed" if anything else
        is raised, now or later, or an answer cannot be.
    """
    sets = _engine.instruction_sets()
    path = folder / f"crafted-{number}.leafscan"
    _engine.use_instruction_set(sets[number % len(sets)])
    try:
        family, mutation, data = crafted(seed, number, folder)
        path.write_bytes(data)
        try:
            status, verified, problem = _tried(path, family, data, signed=mutation in SIGNED)
        except Exception:
            status, verified, problem = "failed", False, traceback.format_exc()
    finally:
        _engine.use_instruction_set("")
        # Windows keeps a file that is mapped still; its folder goes in the end.
        with contextlib.suppress(OSError):
            path.unlink()
    return Trial(number, family, mutation, status, verified, problem)


def _tried(path: Path, family: str, data: bytes, *, signed: bool) -> tuple[Status, bool, str]:
    """Return status, whether verify passed it, and the problem."""
    verified = True
    try:
        leafscan.verify(path)
    except (leafscan.FileFormatError, OSError):
        verified = False
    try:
        leafscan.inspect(path)
        mapped, copied = leafscan.load(path), leafscan.load(path, memory=True)
    except (leafscan.FileFormatError, OSError) as error:
        refusal = str(error)[:300]
        if verified:
            return "failed", True, f"verify passed it, but: {refusal}"
        if signed and unpickles(data):
            return "failed", False, f"a pickle of the same sections passes, but: {refusal}"
        return "refused", False, refusal
    if signed and not unpickles(data):
        return "failed", verified, "it passes, but a pickle of the same sections is refused"
    problem = _searched(mapped, copied, family, path, same=verified and not signed)
    return "failed" if problem else "accepted", verified, problem


def _searched(mapped: leafscan.Index, copied: leafscan.Index, family: str, path: Path, *, same: bool) -> str:
    """Return what is wrong with the answers of an index that was accepted; "" if nothing is."""
    queries = _queries(mapped.dim)
    answers = _answers(mapped, queries)
    _check_answers(mapped, answers)
    if not _equal(answers, _answers(copied, queries)):
        return "mapped and in memory it answers differently"
    again = pickle.loads(pickle.dumps(copied))
    if not _equal(answers, _answers(again, queries)):
        return "after pickling it answers differently"
    resaved = path.with_name("again.leafscan")
    copied.save(resaved)
    if not _equal(answers, _answers(leafscan.load(resaved, memory=True), queries)):
        return "saved again it answers differently"
    if same and not _equal(answers, _valid(family, path.parent, _engine.instruction_set())[1]):
        return "verify passed it, and it answers differently from the index it was made of"
    return ""


@cache
def _queries(dim: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(dim)
    queries = rng.standard_normal((_QUERIES, dim)).astype(np.float32)
    queries[1] = 0
    queries[2] *= np.float32(1e14)
    queries[3] *= np.float32(1e-30)
    return queries


def _answers(index: leafscan.Index, queries: NDArray[np.float32]) -> Mapping[str, Any]:
    """Search in every way there is."""
    n = len(index)
    half = np.arange(n) % 2 == 0
    few = np.arange(n) < 3
    thorough = leafscan.SearchParams(
        leaves=index.config.tree.num_leaves if index.config.tree else None,
        candidates=2 * n if index.config.reorder else None,
    )
    return {
        "where": _where(index, queries[0]),
        "recall": _by_recall(index, queries[0]),
        "ids": (index.ids,),
        "one": index.search(queries[0], k=5),
        "zero": index.search(queries[1], k=3),
        "batch": index.search(queries, k=4, threads=1),
        "threads": index.search(queries, k=4, threads=2),
        "all": index.search(queries[:5], k=n + 3, params=thorough),
        "half": index.search(queries[:9], k=4, filter=index.filter(allow=half)),
        "few": index.search(queries[0], k=4, filter=index.filter(allow=few)),
        "none": index.search(queries[0], k=4, filter=index.filter(allow=few, deny=few)),
    }


def _where(index: leafscan.Index, query: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
    """Ask for tags, which are looked at when somebody does; a refusal is an answer."""
    try:
        f = index.filter(where={"genre": "Comedy", "year": {"$gte": 1960}})
        return index.search(query, k=4, filter=f)
    except (leafscan.FileFormatError, ValueError) as error:
        return (np.array([type(error).__name__]),)


def _by_recall(index: leafscan.Index, query: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
    """Ask for a recall, which a curve may not reach, or answer by what the plan does not have."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", leafscan.OutOfDistributionWarning)
            return index.search(query, k=3, recall=0.6)
    except ValueError as error:
        return (np.array([type(error).__name__]),)


def _check_answers(index: leafscan.Index, answers: Mapping[str, Any]) -> None:
    known = index.ids
    none = "" if known.dtype.kind == "U" else -1
    unique = len(np.unique(known)) == len(known)
    for way, found in answers.items():
        if way in ("ids", "where") or (way == "recall" and not isinstance(found, leafscan.SearchResult)):
            continue
        ids = found.ids.reshape(-1, found.ids.shape[-1])
        if not np.isin(ids[ids != none], known).all():
            raise AssertionError(f"{way}: an id that the index does not have")
        for row in ids:
            given = row[row != none]
            if unique and len(np.unique(given)) != len(given):
                raise AssertionError(f"{way}: an id twice in one answer: {given}")
            if (row[len(given) :] != none).any():
                raise AssertionError(f"{way}: an id after the last one: {row}")
    if not np.array_equal(answers["batch"].ids, answers["threads"].ids):
        raise AssertionError("one thread and two find different ids")
    allowed = set(known[::2].tolist()) | {none}
    if not set(answers["half"].ids.ravel().tolist()) <= allowed and unique:
        raise AssertionError("half: an id that the filter does not allow")


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(
        np.array_equal(mine, others, equal_nan=mine.dtype.kind == "f")
        for way in one
        for mine, others in zip(one[way], other[way], strict=True)
    )
