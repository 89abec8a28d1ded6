"""Two ways to train a retrieval model on MovieLens: as the tutorial does, and so that it recommends well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leafscan.recommend.batches import Batches
from leafscan.recommend.extras import require
from leafscan.recommend.history import next_items
from leafscan.recommend.interactions import Interactions
from leafscan.recommend.models import HistoryModel, RetrievalModel
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.splits import ShuffleSplit, shuffle_split
from leafscan.recommend.training import Preset

__all__ = ["QUALITY", "QualitySettings", "quality_preset", "rating_preset", "tutorial_preset"]

_SPARE_ROWS = 1000
_BATCH_SIZE = 1000
_LEARNING_RATE = 0.1


@dataclass(frozen=True)
class QualitySettings:
    """The hyper-parameters of `quality_preset`.

    Attributes
    ----------
    width, history_length, timescales, history_dropout, dropout
        As in `HistoryModel`.
    learning_rate
        Adam's, at the start; it falls to 0 along a half cosine.
    batch_size
        Examples a step.
    epochs
        Passes over the examples.
    """

    width: int = 64
    history_length: int = 50
    timescales: tuple[float, ...] = (2.0, 8.0, 32.0)
    history_dropout: float = 0.2
    dropout: float = 0.5
    learning_rate: float = 5e-3
    batch_size: int = 512
    epochs: int = 6


#: Chosen on the validation split of ML-100K; `leafscan.recommend.tuning` tells how and runs it again.
QUALITY = QualitySettings()


def tutorial_preset(
    data: MovieLens, *, seed: int = 42, epochs: int = 50, split: ShuffleSplit | None = None
) -> Preset:
    """Set the KerasRS tutorial's run up: its model, sizes, optimiser and batches.

    Parameters
    ----------
    data
        MovieLens. Ids are used as row numbers, so they must be whole numbers, as ML-100K's are.
    seed
        Seeds the split and the initial weights.
    epochs
        Passes over the training ratings, at least 1.
    split
        The rows to train and to validate on; by default `shuffle_split`: 80,000 and 20,000 of ML-100K's.

    Returns
    -------
    Preset
        A `RetrievalModel` with 1,000 spare rows a table (2,682 candidates of width 32 for ML-100K), ratings
        scaled to 0..1, Adagrad at 0.1, batches of 1,000 in one fixed order, validation every 5 epochs.

    Raises
    ------
    ValueError
        If an id is not a whole number.

    Notes
    -----
    As in the tutorial, the user table has (the largest user id + 1,000) rows and the candidate table (the
    number of movies + 1,000), and row 0 of each stays untrained. The model hardly learns: expect a training
    loss that goes from 0.48 to 0.47 in 50 epochs.

    Examples
    --------
    >>> from leafscan.recommend import synthetic_movielens
    >>> preset = tutorial_preset(synthetic_movielens(users=40, movies=60))
    >>> preset.epochs, preset.validation_every, preset.model.candidate_embeddings().shape
    (50, 5, (1060, 32))
    """
    try:
        users = data.ratings["user_id"].astype(np.int32)
        movies = data.ratings["movie_id"].astype(np.int32)
    except ValueError as error:
        raise ValueError(
            f"data must have whole numbers for ids, since they index the tables: {error}."
        ) from error
    split = shuffle_split(data, seed=seed) if split is None else split
    rows = (int(users.max()) + _SPARE_ROWS, len(data.movies["movie_id"]) + _SPARE_ROWS)
    return _rating_preset(
        "tutorial", users, movies, data.ratings["user_rating"], (split.train, split.test), rows, seed, epochs
    )


def rating_preset(events: Interactions, *, seed: int = 0, epochs: int = 50) -> Preset:
    """Set the tutorial's model up on rows of the tables, without spare rows, to be judged like the others.

    Parameters
    ----------
    events
        The ratings to learn from, all of them.
    seed
        Seeds the initial weights.
    epochs
        Passes over the events, at least 1.

    Returns
    -------
    Preset
        As `tutorial_preset`, with no validation.
    """
    everything = np.arange(len(events))
    rows = (events.num_users, events.num_items)
    return _rating_preset(
        "tutorial", events.users, events.items, events.ratings, (everything, None), rows, seed, epochs
    )


def _rating_preset(
    name: str,
    users: Any,
    items: Any,
    stars: Any,
    split: tuple[Any, Any],
    rows: tuple[int, int],
    seed: int,
    epochs: int,
) -> Preset:
    keras = require("keras", purpose=f"The {name} preset")
    scaled = ((stars - 1) / 4).astype(np.float32)

    def batches(part: Any) -> Batches:
        return Batches(users[part], {"movie_id": items[part], "rating": scaled[part]}, batch_size=_BATCH_SIZE)

    model = RetrievalModel(*rows, seed=seed)
    model.compile(optimizer=keras.optimizers.Adagrad(learning_rate=_LEARNING_RATE))
    train, test = split
    return Preset(
        name, model, batches(train), None if test is None else batches(test), epochs, validation_every=5
    )


def quality_preset(
    events: Interactions,
    *,
    validation: Interactions | None = None,
    settings: QualitySettings = QUALITY,
    seed: int = 0,
    epochs: int | None = None,
) -> Preset:
    """Set a `HistoryModel` up that predicts each event from the ones before it.

    Parameters
    ----------
    events
        What to learn from: ``leave_last_out(data).train`` while choosing, ``.refit`` before a test, or
        ``Interactions.of(data)`` to serve.
    validation
        Later events of the same users, at most one each, to measure the loss on after every epoch; or None.
    settings
        Hyper-parameters.
    seed
        Seeds the initial weights, the dropout and the order of the examples.
    epochs
        Passes over the events, at least 1; by default the settings' own. The learning rate falls over as
        many.

    Returns
    -------
    Preset
        The compiled model with its batches.

    Raises
    ------
    ValueError
        If a setting is out of range, or the validation has two events of one user.

    Examples
    --------
    >>> from leafscan.recommend import leave_last_out, synthetic_movielens
    >>> split = leave_last_out(synthetic_movielens())
    >>> preset = quality_preset(split.train, validation=split.validation)
    >>> preset.name, preset.training.rows, preset.validation.rows
    ('quality', 720, 40)
    """
    keras = require("keras", purpose="The quality preset")
    settings = settings if epochs is None else replace(settings, epochs=epochs)
    model = HistoryModel(
        events.num_users,
        events.num_items,
        width=settings.width,
        history_length=settings.history_length,
        timescales=settings.timescales,
        history_dropout=settings.history_dropout,
        dropout=settings.dropout,
        seed=seed,
    )
    model.set_popularity(np.bincount(events.items, minlength=events.num_items))
    training = _examples(events, settings, seed)
    steps = max(1, len(training) * settings.epochs)
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=schedule))
    held_out = None
    if validation is not None:
        if len(np.unique(validation.users)) != len(validation):
            raise ValueError(
                "validation must have at most one event of a user; leave_last_out makes such a split."
            )
        both = next_items(events.joined(validation), length=settings.history_length)
        last = np.append(both.users[1:] != both.users[:-1], True) & np.isin(both.users, validation.users)
        held_out = Batches(
            {"user": both.users[last], "history": both.history[last]},
            both.items[last],
            batch_size=settings.batch_size,
        )
    return Preset("quality", model, training, held_out, settings.epochs)


def _examples(events: Interactions, settings: QualitySettings, seed: int) -> Batches:
    made = next_items(events, length=settings.history_length)
    return Batches(
        {"user": made.users, "history": made.history}, made.items, batch_size=settings.batch_size, seed=seed
    )
