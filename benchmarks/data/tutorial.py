"""The tutorial's candidates: 270,882 movie embeddings of a trained model, asked by its 943 users."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks.data.dataset import Matrix, Source
from benchmarks.data.packages import NotFetchedError
from benchmarks.places import REPOSITORY

NEEDED = ("leafscan", "keras", "jax", "pooch")


def tutorial() -> Source:
    """Train the tutorial's model once with ``leafscan.recommend``, on JAX, and keep its embeddings."""
    return Source("tutorial", "dot_product", _make)


def _make(scratch: Path) -> tuple[Matrix, Matrix]:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise NotFetchedError(
            f"Training the tutorial's model needs {', '.join(missing)}; "
            'pip install "leafscan[recommend,jax]" has what is missing.'
        )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.data.tutorial_embeddings", str(scratch)],
        cwd=REPOSITORY,
        stdout=sys.stderr,
        env=os.environ | {"KERAS_BACKEND": "jax"},
    )
    if done.returncode:
        raise NotFetchedError(f"Training the tutorial's model ended with {done.returncode}.")
    return np.load(scratch / "base.npy"), np.load(scratch / "queries.npy")
