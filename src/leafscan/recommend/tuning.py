"""How the hyper-parameters were chosen: on the validation part of leave-last-out, never on the test part.

Run `tune` again to check. On ML-100K, means of three seeds: the default of `baselines.ALS` (NDCG@10 0.083
and recall@10 0.166) lies within 0.001 of the best of its grid. That of `baselines.BPR` (0.064 and 0.122)
comes first; beyond the grid, more iterations, a lower rate or fewer factors gain nothing. `quality_grid` is
flat: all of it lies within 0.142 to 0.150 and 0.256 to 0.274; `presets.QUALITY` (0.145 and 0.265) is the
plain middle. A history of 100 items is best (0.150 and 0.274), and takes twice the time, which is why it is
not the default.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from leafscan.recommend.baselines import ALS, BPR, Scorer
from leafscan.recommend.evaluation import evaluate
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.presets import QUALITY
from leafscan.recommend.progress import Progress, steps
from leafscan.recommend.report import QualityScorer
from leafscan.recommend.splits import LeaveLastOut, leave_last_out

__all__ = ["als_grid", "bpr_grid", "quality_grid", "tune"]


def als_grid() -> list[ALS]:
    """List the settings of ALS that were tried: a full grid of 36."""
    return [
        ALS(factors=factors, regularization=regularization, alpha=alpha)
        for factors, regularization, alpha in itertools.product(
            (16, 32, 64, 128), (0.01, 1.0, 10.0), (0.3, 1.0, 5.0)
        )
    ]


def bpr_grid() -> list[BPR]:
    """List the settings of BPR that were tried: a full grid of 36."""
    return [
        BPR(factors=factors, learning_rate=rate, regularization=regularization, iterations=iterations)
        for factors, rate, regularization, iterations in itertools.product(
            (32, 64), (0.005, 0.01, 0.02), (0.01, 0.1), (50, 100, 200)
        )
    ]


def quality_grid() -> list[QualityScorer]:
    """List the settings of the quality preset that were tried: the chosen ones, and each with one change."""
    changes: Sequence[dict[str, Any]] = (
        {},
        {"learning_rate": 3e-3},
        {"learning_rate": 8e-3},
        {"epochs": 4},
        {"epochs": 8},
        {"width": 32},
        {"width": 96},
        {"history_length": 25},
        {"history_length": 100},
        {"timescales": (8.0,)},
        {"timescales": (3.0, 30.0)},
        {"timescales": (1.5, 5.0, 15.0, 45.0)},
        {"history_dropout": 0.0},
        {"history_dropout": 0.4},
        {"dropout": 0.2},
        {"dropout": 0.7},
        {"batch_size": 256},
        {"batch_size": 1024},
    )
    return [QualityScorer(replace(QUALITY, **change)) for change in changes]


def tune(
    data: MovieLens | LeaveLastOut,
    scorers: Sequence[Scorer] | Mapping[str, Scorer],
    *,
    seeds: Sequence[int] = (0, 1, 2),
    k: int = 10,
    progress: bool | Progress = True,
) -> list[dict[str, Any]]:
    """Try scorers on the validation part.

    Parameters
    ----------
    data
        MovieLens, which is split by `leave_last_out`, or such a split. Only its training and validation parts
        are used.
    scorers
        What to try, for example `als_grid`, `bpr_grid` or `quality_grid`.
    seeds
        One run each, averaged.
    k
        How many items are retrieved.
    progress
        Whether to show a progress bar on stderr; or a display of your own, called with what is going on, the
        settings done, all settings, and the latest one as text.

    Returns
    -------
    list of dict
        One a scorer, the best mean of NDCG and recall first: ``scorer``, ``ndcg_at_10``, ``recall_at_10``
        (the names carry the k), and its ``settings``.

    Raises
    ------
    ValueError
        If there is no scorer or no seed.

    Examples
    --------
    >>> from leafscan.recommend import Popularity, load_movielens, synthetic_movielens
    >>> tune(synthetic_movielens(), [Popularity()], seeds=(0,), progress=False)[0]["scorer"]
    'Popularity'
    """
    split = data if isinstance(data, LeaveLastOut) else leave_last_out(data)
    tried = list(scorers.values()) if isinstance(scorers, Mapping) else list(scorers)
    if not tried or not seeds:
        raise ValueError(
            f"scorers and seeds must not be empty, received {len(tried)} scorers and {len(seeds)} seeds."
        )
    rows: list[dict[str, Any]] = []
    scorer: Any
    with steps("Tuning", len(tried), unit="setting", progress=progress) as step:
        for scorer in tried:
            runs = [
                evaluate(scorer.scores(split.train, seed=seed), split.train, split.validation, k=k)
                for seed in seeds
            ]
            rows.append(
                {
                    "scorer": type(scorer).__name__,
                    f"ndcg_at_{k}": float(np.mean([run.ndcg for run in runs])),
                    f"recall_at_{k}": float(np.mean([run.recall for run in runs])),
                    "settings": asdict(scorer),
                }
            )
            step(type(scorer).__name__)
    return sorted(rows, key=lambda row: -(row[f"ndcg_at_{k}"] + row[f"recall_at_{k}"]))
