"""Train the model whose candidates are raced, and take it as plain vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.demo.settings import PresetName, Settings
from leafscan.recommend import (
    Interactions,
    MovieLens,
    Progress,
    TrainingHistory,
    latest_items,
    quality_preset,
    train,
    tutorial_preset,
)

__all__ = ["Towers", "quality_towers", "train_towers"]


@dataclass(frozen=True)
class Towers:
    """A trained model, and what its two towers say.

    Attributes
    ----------
    model
        The Keras model.
    history
        Its losses.
    queries
        One query for each row of the table of users, float32 of shape (users, d).
    table
        The candidate tower's vectors, float32 of shape (n, d).
    """

    model: Any
    history: TrainingHistory
    queries: NDArray[np.float32]
    table: NDArray[np.float32]


def train_towers(data: MovieLens, settings: Settings, *, progress: bool | Progress) -> Towers:
    """Train the preset that the settings name.

    Parameters
    ----------
    data
        MovieLens.
    settings
        The preset, its epochs and its seed.
    progress
        Where to show how far it is.

    Returns
    -------
    Towers
        The tutorial's model has 1,000 spare rows a table, as in the tutorial; the quality model has one row a
        movie and was trained on all ratings.
    """
    if settings.preset is PresetName.quality:
        return quality_towers(data, epochs=settings.epochs, seed=settings.seed, progress=progress)
    preset = tutorial_preset(data, seed=settings.seed)
    history = train(preset, epochs=settings.epochs, progress=progress)
    queries = preset.model.query_embeddings(data.users["user_id"].astype(np.int64))
    return Towers(preset.model, history, queries, preset.model.candidate_embeddings())


def quality_towers(data: MovieLens, *, epochs: int | None, seed: int, progress: bool | Progress) -> Towers:
    """Train the quality preset on all ratings, as one would to serve it.

    Parameters
    ----------
    data
        MovieLens.
    epochs
        Passes over the ratings; None for the preset's own.
    seed
        Seeds the training.
    progress
        Where to show how far it is.

    Returns
    -------
    Towers
        Queries come after all that each user has rated.
    """
    events = Interactions.of(data)
    preset = quality_preset(events, seed=seed, epochs=epochs)
    history = train(preset, progress=progress)
    latest = latest_items(events, length=preset.model.history_length)
    queries = preset.model.query_embeddings(np.arange(events.num_users, dtype=np.int32), latest)
    return Towers(preset.model, history, queries, preset.model.candidate_embeddings())
