"""The program: it runs with nothing but NumPy and the library that it is told to call.

python -m benchmarks.coming_from_scann.program scann answers.json
python -m benchmarks.coming_from_scann.program leafscan.scann answers.json
"""

import importlib
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.coming_from_scann.calls import K, calls
from benchmarks.coming_from_scann.refusals import refusals
from benchmarks.coming_from_scann.traps import traps

ROWS, DIMENSIONS, QUERIES = 4_000, 32, 50


def main(module: str, out: str) -> None:
    """Make every call, and write what it gave."""
    scann = importlib.import_module(module)
    rng = np.random.default_rng(11)
    # Clusters, so that near neighbours are there to be found.
    centers = rng.standard_normal((60, DIMENSIONS))
    rows = (centers[rng.integers(60, size=ROWS)] + 0.6 * rng.standard_normal((ROWS, DIMENSIONS))).astype("f")
    queries = (
        centers[rng.integers(60, size=QUERIES)] + 0.6 * rng.standard_normal((QUERIES, DIMENSIONS))
    ).astype("f")
    exact = {
        "dot_product": -queries.astype("d") @ rows.astype("d").T,
        "squared_l2": np.square(queries[:, None].astype("d") - rows).sum(axis=2),
    }
    near = {measure: np.argsort(scores, axis=1)[:, :K] for measure, scores in exact.items()}
    answers = {}
    for name, (measure, call) in calls(scann, rows, queries).items():
        answers[name] = answered(call, near[measure])
    for name, call in refusals(scann, rows, queries).items():
        answers[name] = answered(call, near["squared_l2"]) | {"refusal": True}
    for name, call in traps(scann, rows, queries).items():
        answers[name] = in_a_process_of_its_own(call) | {"trap": True}
    with open(out, "w", encoding="utf-8") as file:
        json.dump(answers, file)


def answered(call: Callable[[], Any], near: Any) -> dict[str, Any]:
    """Describe what a call gives."""
    try:
        given = call()
    except Exception as error:
        # Folders have another name in each run.
        said = re.sub(re.escape(tempfile.gettempdir()) + r"/\w+", "FOLDER", str(error))
        lines = said.strip().splitlines() or [""]
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return {"told": f"{type(error).__name__}: {lines[-1][:150]}", "raises": kinds}
    told: dict[str, Any] = {"told": described(given)}
    if isinstance(given, tuple) and len(given) == 2 and not isinstance(given[0], int):
        ids = given[0]
        told["ids"] = ids.tolist() if hasattr(ids, "tolist") else ids
        if hasattr(ids, "shape") and ids.shape == near.shape:
            told["recall"] = float(
                np.mean([len(set(a) & set(b)) / K for a, b in zip(ids, near, strict=True)])
            )
        scores = np.asarray(given[1], np.float64)
        told["sorted"] = sign_of(scores)
    return told


def in_a_process_of_its_own(call: Callable[[], Any]) -> dict[str, Any]:
    """Describe what a call gives that may end the process."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        os.close(receive)
        signal.alarm(60)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        os.write(send, json.dumps(answered(call, np.empty(0))["told"]).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"told": f"the process dies ({signal.Signals(os.WTERMSIG(status)).name})"}
    if not told:
        return {"told": "the process ends"}
    return {"told": json.loads(told)}


def described(given: Any) -> str:
    """Return shapes and dtypes of arrays, and what else there is."""
    if isinstance(given, tuple) and not all(isinstance(part, int) for part in given):
        return ", ".join(described(part) for part in given)
    if hasattr(given, "dtype"):
        shape = "x".join(map(str, given.shape))
        values = f" {given.ravel().tolist()}" if 0 < given.size <= 5 else ""
        return f"{given.dtype} ({shape}){values}"
    if isinstance(given, list):
        if given and isinstance(given[0], list) and len(given) > 1:
            return f"list of {len(given)} lists of {len(given[0])}"
        return f"list of {len(given)}" + (f" {given}" if len(str(given)) < 100 else "")
    return repr(given) if isinstance(given, (int, float, str, tuple, type(None))) else type(given).__name__


def sign_of(scores: Any) -> str:
    """Tell in which order scores are."""
    if scores.shape[-1] < 2:
        return ""
    steps = np.diff(scores, axis=-1)
    return "ascending" if np.all(steps >= 0) else "descending" if np.all(steps <= 0) else "in no order"


if __name__ == "__main__":
    main(*sys.argv[1:])
