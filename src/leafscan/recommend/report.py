"""Compare models by what they retrieve: the table that says whether a recommender recommends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.baselines import ALS, BPR, Popularity, Scorer
from leafscan.recommend.evaluation import evaluate
from leafscan.recommend.extras import require
from leafscan.recommend.history import latest_items
from leafscan.recommend.interactions import Interactions
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.presets import QUALITY, QualitySettings, quality_preset, rating_preset
from leafscan.recommend.progress import Progress, steps
from leafscan.recommend.splits import LeaveLastOut, leave_last_out
from leafscan.recommend.training import train

__all__ = ["QualityScorer", "TutorialScorer", "default_models", "quality_report", "report_table"]


@dataclass(frozen=True)
class QualityScorer:
    """Train `quality_preset` and score by it.

    Attributes
    ----------
    settings
        Its hyper-parameters.
    """

    settings: QualitySettings = QUALITY

    def scores(self, events: Interactions, *, seed: int = 0) -> NDArray[np.floating]:
        """Train and score.

        Parameters
        ----------
        events
            What to learn from.
        seed
            Seeds the training.

        Returns
        -------
        ndarray of float32
            Shape (num_users, num_items).
        """
        preset = quality_preset(events, settings=self.settings, seed=seed)
        train(preset, progress=False)
        users = np.arange(events.num_users, dtype=np.int32)
        queries = preset.model.query_embeddings(
            users, latest_items(events, length=self.settings.history_length)
        )
        return np.asarray(queries @ preset.model.candidate_embeddings().T)


@dataclass(frozen=True)
class TutorialScorer:
    """Train the tutorial's model and score by it.

    Attributes
    ----------
    epochs
        Passes over the events.
    """

    epochs: int = 50

    def scores(self, events: Interactions, *, seed: int = 0) -> NDArray[np.floating]:
        """Train and score.

        Parameters
        ----------
        events
            What to learn from.
        seed
            Seeds the training.

        Returns
        -------
        ndarray of float32
            Shape (num_users, num_items).
        """
        preset = rating_preset(events, seed=seed, epochs=self.epochs)
        train(preset, progress=False)
        queries = preset.model.query_embeddings(np.arange(events.num_users))
        return np.asarray(queries @ preset.model.candidate_embeddings().T)


def default_models(
    *,
    tutorial: TutorialScorer = TutorialScorer(),
    quality: QualityScorer = QualityScorer(),
) -> dict[str, Scorer]:
    """List the models that `quality_report` compares.

    Parameters
    ----------
    tutorial, quality
        The two presets, with other settings if you like.

    Returns
    -------
    dict of str to Scorer
        ``popularity``, ``tutorial``, ``als`` and ``bpr`` (only where implicit is installed) and ``quality``.

    Examples
    --------
    >>> models = default_models(tutorial=TutorialScorer(epochs=3))
    >>> list(models)[:2], models["tutorial"]
    (['popularity', 'tutorial'], TutorialScorer(epochs=3))
    """
    models: dict[str, Scorer] = {"popularity": Popularity(), "tutorial": tutorial}
    try:
        require("implicit", purpose="The baselines", install="implicit")
        models.update(als=ALS(), bpr=BPR())
    except ModuleNotFoundError:
        pass
    return {**models, "quality": quality}


def quality_report(
    data: MovieLens | LeaveLastOut,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    k: int = 10,
    models: dict[str, Scorer] | None = None,
    progress: bool | Progress = True,
) -> list[dict[str, Any]]:
    """Compare models by what they retrieve for the last rating of every user.

    Parameters
    ----------
    data
        MovieLens, which is split by `leave_last_out`, or such a split.
    seeds
        One training run each, averaged; models that ignore the seed run once.
    k
        How many items are retrieved.
    models
        Scorers by name; by default ``popularity``, ``tutorial``, ``als``, ``bpr`` (both only where implicit
        is installed) and ``quality``, with the settings that were tuned on the validation part.
    progress
        Whether to show a progress bar on stderr; or a display of your own, called with what is going on, the
        runs done, all runs, and the latest run as text.

    Returns
    -------
    list of dict
        One a model, in order: ``model``, ``ndcg_at_10``, ``recall_at_10``, ``mrr_at_10`` (means over the
        seeds), ``ndcg_at_10_std`` and ``recall_at_10_std`` (over the seeds), ``seeds`` (how many) and
        ``seconds`` (of one run); the names carry the k.

    Raises
    ------
    ValueError
        If there is no seed or no model.

    Notes
    -----
    Every model learns from the training and validation parts together (`LeaveLastOut.refit`), and what a user
    has seen there is taken out of the ranking. The test part is used for nothing else. Items are ranked among
    all movies, not among a sample (Krichene and Rendle, "On Sampled Metrics for Item Recommendation", KDD
    2020).

    The quality model knows the order of a user's ratings, which neither popularity nor the factorisations do.
    In MovieLens the order tells much: it follows in part the lists that the site showed.
    """
    split = data if isinstance(data, LeaveLastOut) else leave_last_out(data)
    chosen = default_models() if models is None else models
    if not seeds or not chosen:
        raise ValueError(
            f"seeds and models must not be empty, received {len(seeds)} seeds and {len(chosen)} models."
        )
    runs = {name: seeds[:1] if isinstance(model, Popularity) else seeds for name, model in chosen.items()}
    report = []
    total = sum(map(len, runs.values()))
    with steps("Evaluating", total, unit="run", progress=progress) as step:
        for name, model in chosen.items():
            start = time.perf_counter()
            results = []
            for seed in runs[name]:
                results.append(
                    evaluate(model.scores(split.refit, seed=seed), split.refit, split.test, k=k).to_dict()
                )
                step(f"{name}, seed {seed}")
            seconds = (time.perf_counter() - start) / len(results)
            report.append(_row(name, results, seconds, k))
    return report


def report_table(report: Sequence[dict[str, Any]], *, k: int = 10) -> str:
    """Lay a report out as text, with each model's gain over popularity.

    Parameters
    ----------
    report
        What `quality_report` gave.
    k
        The k which it was made for.

    Returns
    -------
    str
        A line of names, then one line a model.

    Examples
    --------
    >>> row = {"model": "popularity", "ndcg_at_10": 0.05, "recall_at_10": 0.1, "seconds": 0.0}
    >>> print(report_table([row]))
    model        NDCG@10   recall@10   against popularity     seconds
    popularity    0.0500      0.1000      +0 %,      +0 %         0.0
    """
    ndcg, recall = f"ndcg_at_{k}", f"recall_at_{k}"
    base = next((row for row in report if row["model"] == "popularity"), None)
    lines = [f"{'model':<12}{f'NDCG@{k}':>8}{f'recall@{k}':>12}   {'against popularity':<22}{'seconds':>8}"]
    for row in report:
        gains = " " * 20
        if base is not None and base[ndcg] > 0 and base[recall] > 0:
            gain, more = (100 * (row[metric] / base[metric] - 1) for metric in (ndcg, recall))
            gains = f"{gain:>+7.0f} %, {more:>+7.0f} %"
        numbers = f"{row[ndcg]:>8.4f}{row[recall]:>12.4f} {gains:<22}{row['seconds']:>9.1f}"
        lines.append(f"{row['model']:<12}{numbers}")
    return "\n".join(lines)


def _row(name: str, results: list[dict[str, float]], seconds: float, k: int) -> dict[str, Any]:
    row: dict[str, Any] = {"model": name}
    for metric in results[0]:
        row[metric] = float(np.mean([result[metric] for result in results]))
    for metric in (f"ndcg_at_{k}", f"recall_at_{k}"):
        row[f"{metric}_std"] = float(np.std([result[metric] for result in results]))
    return {**row, "seeds": len(results), "seconds": seconds}
