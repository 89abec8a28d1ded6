"""The first half of the demo's result: who retrieves how fast, and how well."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.demo.methods import (
    TUTORIAL,
    Method,
    compiled_method,
    keras_rs_method,
    leafscan_method,
)
from leafscan.cli.demo.race import race
from leafscan.cli.demo.recall import find_all, kth_best_scores, recall
from leafscan.cli.demo.settings import RECALL, TUNED_BY_AT_LEAST, K, Settings
from leafscan.recommend import Progress

__all__ = ["Retrieval", "compare_retrieval", "tuning_users"]


@dataclass(frozen=True)
class Retrieval:
    """One method's result, as the report has it.

    Attributes
    ----------
    method, parameters
        Who, and how it was set.
    median_ms
        The median milliseconds of a call for the four users.
    recall_at_10
        Against exact search in float64, over all users.
    speedup_over_keras_rs, speedup_over_jit
        How many times faster it was than the two ways of brute force.
    """

    method: str
    parameters: dict[str, Any]
    median_ms: float
    recall_at_10: float
    speedup_over_keras_rs: float
    speedup_over_jit: float

    @property
    def time(self) -> str:
        """The median in words, with three digits."""
        return f"{self.median_ms:#.3g} ms" if self.median_ms < 100 else f"{self.median_ms:,.0f} ms"

    def to_dict(self) -> dict[str, Any]:
        """Give it as the report has it."""
        return asdict(self)


def tuning_users(count: int, shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw half of the users to tune by: none of those that are shown, and none if there are too few.

    Examples
    --------
    >>> len(tuning_users(943, np.array([1, 2]))), len(tuning_users(100, np.array([1, 2])))
    (471, 0)
    """
    others = np.setdiff1d(np.arange(count), shown)
    if count // 2 < TUNED_BY_AT_LEAST:
        return others[:0]
    return np.sort(np.random.default_rng(0).choice(others, size=count // 2, replace=False))


def compare_retrieval(
    candidates: NDArray[np.float32],
    queries: NDArray[np.float32],
    rows: NDArray[np.int64],
    settings: Settings,
    *,
    progress: Progress,
) -> tuple[list[Method], list[Retrieval]]:
    """Set the four methods up, check what they find, and race them.

    Parameters
    ----------
    candidates
        Float32 of shape (n, d).
    queries
        Of all users, float32 of shape (users, d). leafscan is tuned over some of them, and the recall of
        every method is measured over the others (`tuning_users`).
    rows
        The rows of the users that are raced for.
    settings
        The backend, threads, seed and rounds.
    progress
        Where to show how far it is.

    Returns
    -------
    list of Method, list of Retrieval
        KerasRS, the compiled search, leafscan at the tutorial's parameters and tuned for a recall.
    """
    common: dict[str, Any] = {"k": K, "threads": settings.threads}

    def build(what: str) -> Progress:
        return lambda stage, done, total, note="", /: progress(f"{what}: {stage}", done, total, note)

    tuned_by = tuning_users(len(queries), rows)
    if len(tuned_by):
        given, judged = queries[tuned_by], np.delete(queries, tuned_by, axis=0)
    else:
        given, judged = None, queries
    methods = [
        keras_rs_method(candidates, **common),
        compiled_method(settings.backend, candidates, **common),
        leafscan_method(candidates, **common, config=TUTORIAL, seed=settings.seed, progress=build("Index 1")),
        leafscan_method(
            candidates,
            **common,
            recall=RECALL,
            queries=given,
            seed=settings.seed,
            progress=build("Index 2"),
        ),
    ]
    kth_best = kth_best_scores(judged, candidates, k=K, progress=progress)
    recalls = [
        recall(find_all(method, judged, progress=progress), judged, candidates, kth_best)
        for method in methods
    ]
    seconds = race(methods, queries[rows], rounds=settings.rounds, progress=progress)
    keras_rs, jit, *_ = seconds
    return methods, [
        Retrieval(
            method=method.name,
            parameters=method.parameters,
            median_ms=1000 * mine,
            recall_at_10=found,
            speedup_over_keras_rs=keras_rs / mine,
            speedup_over_jit=jit / mine,
        )
        for method, mine, found in zip(methods, seconds, recalls, strict=True)
    ]
