"""Train a preset, show how far it is, and keep what happened."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

import keras  # type: ignore[import-untyped, import-not-found, unused-ignore]

from leafscan.recommend.batches import Batches
from leafscan.recommend.progress import Progress, steps

__all__ = ["Preset", "TrainingHistory", "train"]


@dataclass(frozen=True)
class Preset:
    """All that a training run needs.

    Attributes
    ----------
    name
        A short name for progress bars, plots and reports.
    model
        A compiled Keras model with its initial weights.
    training
        The batches to learn from.
    validation
        Batches to measure the loss on, or None.
    epochs
        How many passes over the batches.
    validation_every
        The validation loss is measured every so many epochs.
    """

    name: str
    model: Any
    training: Batches
    validation: Batches | None
    epochs: int
    validation_every: int = 1


@dataclass
class TrainingHistory:
    """The losses of one training run.

    Attributes
    ----------
    name
        The preset's name.
    loss
        The mean training loss of every epoch.
    validation_epochs
        The epochs, from 1, after which the validation loss was measured.
    validation_loss
        What it was.
    seconds
        How long the run took.
    """

    name: str
    loss: list[float] = field(default_factory=list)
    validation_epochs: list[int] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give the history as plain lists and numbers, fit for JSON."""
        return asdict(self)


def train(preset: Preset, *, epochs: int | None = None, progress: bool | Progress = True) -> TrainingHistory:
    """Train a preset's model in place.

    Parameters
    ----------
    preset
        What to train, for example from `tutorial_preset` or `quality_preset`. Its seed fixed the initial
        weights, the order of the batches and the dropout; no global generator is used or changed.
    epochs
        How many passes, at least 1; by default the preset's own. A learning rate schedule keeps the length
        that it was made with.
    progress
        Whether to show a progress bar on stderr, with the losses beside it; or a display of your own, called
        with what is going on, the epochs done, all epochs, and the losses as text.

    Returns
    -------
    TrainingHistory
        The losses and the time. The weights are in ``preset.model``.

    Raises
    ------
    ValueError
        If the number of epochs is below 1.

    Examples
    --------
    >>> from leafscan.recommend import synthetic_movielens, train, tutorial_preset
    >>> preset = tutorial_preset(synthetic_movielens(), epochs=3)
    >>> history = train(preset, progress=False)
    >>> len(history.loss), history.loss[0] > history.loss[-1]
    (3, True)
    """
    epochs = preset.epochs if epochs is None else epochs
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, received {epochs}.")
    history = TrainingHistory(preset.name)
    with steps(f"Training {preset.name}", epochs, unit="epoch", progress=progress) as step:

        def after_epoch(epoch: int, logs: dict[str, Any]) -> None:
            history.loss.append(float(logs["loss"]))
            if "val_loss" in logs:
                history.validation_epochs.append(epoch + 1)
                history.validation_loss.append(float(logs["val_loss"]))
            note = f"loss={history.loss[-1]:.4f}"
            if history.validation_loss:
                note += f", validation={history.validation_loss[-1]:.4f}"
            step(note)

        start = time.perf_counter()
        preset.model.fit(
            preset.training,
            validation_data=preset.validation,
            validation_freq=preset.validation_every,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
        )
        history.seconds = time.perf_counter() - start
    return history
