"""What the demo is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = ["RECALL", "TUNED_BY_AT_LEAST", "USERS", "Backend", "K", "PresetName", "Settings"]

#: How many candidates are retrieved.
K = 10

#: What leafscan is asked for, and how many users it takes to tune by: 268 can just show it.
RECALL = 0.99
TUNED_BY_AT_LEAST = 300

#: The users of the tutorial, by MovieLens' ids.
USERS = ("10", "5", "42", "345")


class Backend(StrEnum):
    """The Keras backends."""

    jax = "jax"
    tensorflow = "tensorflow"
    torch = "torch"


class PresetName(StrEnum):
    """The models whose candidates can be raced."""

    tutorial = "tutorial"
    quality = "quality"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the demo is asked for.

    Attributes
    ----------
    backend
        The Keras backend.
    preset
        The model that makes queries and candidates for the race.
    epochs
        Passes of that model, at least 1; None for its preset's own.
    seed
        Seeds everything, from 0 up.
    output
        The folder to write into.
    threads
        How many every method and every training may use, at least 1.
    quality_seeds
        How many seeds the table of qualities averages, at least 1.
    rounds
        How many rounds the methods race, at least 1.
    """

    backend: Backend = Backend.jax
    preset: PresetName = PresetName.tutorial
    epochs: int | None = None
    seed: int = 42
    output: Path = Path("demo")
    threads: int = 1
    quality_seeds: int = 5
    rounds: int = 20
