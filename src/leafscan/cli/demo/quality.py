"""The second half of the demo's result: which model recommends how well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leafscan.cli.demo.settings import PresetName, Settings
from leafscan.recommend import (
    QUALITY,
    MovieLens,
    Progress,
    QualityScorer,
    TutorialScorer,
    default_models,
    quality_report,
)

__all__ = ["compare_quality"]


def compare_quality(data: MovieLens, settings: Settings, *, progress: Progress) -> list[dict[str, Any]]:
    """Train every model once a seed without each user's last rating, and see who retrieves it.

    Parameters
    ----------
    data
        MovieLens.
    settings
        The seeds; and the epochs, which go to the model that they were given for.
    progress
        Where to show how far it is.

    Returns
    -------
    list of dict
        As `leafscan.recommend.quality_report` gives it.
    """
    tutorial, quality = TutorialScorer(), QualityScorer()
    if settings.epochs is not None:
        if settings.preset is PresetName.tutorial:
            tutorial = TutorialScorer(settings.epochs)
        else:
            quality = QualityScorer(replace(QUALITY, epochs=settings.epochs))
    return quality_report(
        data,
        seeds=range(settings.seed, settings.seed + settings.quality_seeds),
        models=default_models(tutorial=tutorial, quality=quality),
        progress=progress,
    )
