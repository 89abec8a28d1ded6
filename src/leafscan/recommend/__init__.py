"""Train and judge retrieval models on MovieLens, and recommend from an index.

Names are imported on first use: the data part (`load_movielens`, the splits, the metrics and the baselines)
works without Keras, and nothing here sets ``KERAS_BACKEND``.

Examples
--------
>>> from leafscan.recommend import leave_last_out, synthetic_movielens
>>> split = leave_last_out(synthetic_movielens())
>>> len(split.train), len(split.validation), len(split.test)
(720, 40, 40)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from leafscan.recommend.extras import require

if TYPE_CHECKING:
    from leafscan.recommend.baselines import ALS, BPR, Popularity, Scorer
    from leafscan.recommend.candidates import noisy_candidates
    from leafscan.recommend.evaluation import evaluate
    from leafscan.recommend.history import NextItems, latest_items, next_items
    from leafscan.recommend.interactions import Interactions
    from leafscan.recommend.metrics import RankingMetrics, ranking_metrics, top_items
    from leafscan.recommend.models import HistoryModel, RetrievalModel
    from leafscan.recommend.movielens import (
        GENRES,
        OCCUPATIONS,
        MovieLens,
        genre_names,
        load_movielens,
        synthetic_movielens,
        write_synthetic_movielens,
    )
    from leafscan.recommend.plotting import plot_history
    from leafscan.recommend.presets import (
        QUALITY,
        QualitySettings,
        quality_preset,
        rating_preset,
        tutorial_preset,
    )
    from leafscan.recommend.progress import Progress
    from leafscan.recommend.recommender import Movie, Recommendation, Recommender
    from leafscan.recommend.report import (
        QualityScorer,
        TutorialScorer,
        default_models,
        quality_report,
        report_table,
    )
    from leafscan.recommend.splits import LeaveLastOut, ShuffleSplit, leave_last_out, shuffle_split
    from leafscan.recommend.training import Preset, TrainingHistory, train
    from leafscan.recommend.tuning import als_grid, bpr_grid, quality_grid, tune

_PLACES = {
    "baselines": ("ALS", "BPR", "Popularity", "Scorer"),
    "candidates": ("noisy_candidates",),
    "evaluation": ("evaluate",),
    "history": ("NextItems", "latest_items", "next_items"),
    "interactions": ("Interactions",),
    "metrics": ("RankingMetrics", "ranking_metrics", "top_items"),
    "models": ("HistoryModel", "RetrievalModel"),
    "movielens": (
        "GENRES",
        "MovieLens",
        "OCCUPATIONS",
        "genre_names",
        "load_movielens",
        "synthetic_movielens",
        "write_synthetic_movielens",
    ),
    "plotting": ("plot_history",),
    "presets": ("QUALITY", "QualitySettings", "quality_preset", "rating_preset", "tutorial_preset"),
    "progress": ("Progress",),
    "recommender": ("Movie", "Recommendation", "Recommender"),
    "report": ("QualityScorer", "TutorialScorer", "default_models", "quality_report", "report_table"),
    "splits": ("LeaveLastOut", "ShuffleSplit", "leave_last_out", "shuffle_split"),
    "training": ("Preset", "TrainingHistory", "train"),
    "tuning": ("als_grid", "bpr_grid", "quality_grid", "tune"),
}
# What imports Keras, and so the backend that the environment chooses.
_NEED_KERAS = ("models", "presets", "report", "training", "tuning")
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "ALS",
    "BPR",
    "GENRES",
    "OCCUPATIONS",
    "QUALITY",
    "HistoryModel",
    "Interactions",
    "LeaveLastOut",
    "Movie",
    "MovieLens",
    "NextItems",
    "Popularity",
    "Preset",
    "Progress",
    "QualityScorer",
    "QualitySettings",
    "RankingMetrics",
    "Recommendation",
    "Recommender",
    "RetrievalModel",
    "Scorer",
    "ShuffleSplit",
    "TrainingHistory",
    "TutorialScorer",
    "als_grid",
    "bpr_grid",
    "default_models",
    "evaluate",
    "genre_names",
    "latest_items",
    "leave_last_out",
    "load_movielens",
    "next_items",
    "noisy_candidates",
    "plot_history",
    "quality_grid",
    "quality_preset",
    "quality_report",
    "ranking_metrics",
    "rating_preset",
    "report_table",
    "shuffle_split",
    "synthetic_movielens",
    "top_items",
    "train",
    "tune",
    "tutorial_preset",
    "write_synthetic_movielens",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use."""
    if name not in _PLACE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _PLACE_OF[name] in _NEED_KERAS:
        require("keras", purpose=f"leafscan.recommend.{name}")
    value = getattr(importlib.import_module(f"{__name__}.{_PLACE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
