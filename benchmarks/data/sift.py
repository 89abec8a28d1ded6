"""Image descriptors: SIFT of a racing game's textures, 1,000,000 x 128, squared Euclidean distance."""

import subprocess
from pathlib import Path

import numpy as np

from benchmarks.data.dataset import Matrix, Source
from benchmarks.data.packages import NotFetchedError, debian
from benchmarks.environments import python_of
from benchmarks.places import REPOSITORY

ROWS = 1_000_000
QUERIES = 10_000
SEED = 7


def sift() -> Source:
    """Descriptors of the images in Debian's ``supertuxkart-data``; queries from images of their own."""
    return Source("sift", "squared_l2", _make)


def _make(scratch: Path) -> tuple[Matrix, Matrix]:
    images = debian("supertuxkart-data", scratch) / "usr" / "share" / "games" / "supertuxkart"
    python = python_of("opencv", ["opencv-python-headless==5.0.0.93", "numpy", "tqdm"])
    done = subprocess.run(
        [python, "-m", "benchmarks.data.sift_descriptors", str(images), str(scratch)], cwd=REPOSITORY
    )
    if done.returncode:
        raise NotFetchedError(f"Computing the SIFT descriptors ended with {done.returncode}.")
    base = np.load(scratch / "base.npy")
    queries = np.load(scratch / "queries.npy")
    if len(base) < ROWS or len(queries) < QUERIES:
        raise NotFetchedError(
            f"The images gave {len(base)} base and {len(queries)} query descriptors, fewer than the "
            f"{ROWS} and {QUERIES} that the set is defined by."
        )
    generator = np.random.default_rng(SEED)
    # In random order: the file is sorted, which would lay neighbours side by side in memory.
    rows = generator.choice(len(base), ROWS, replace=False)
    asked = generator.choice(len(queries), QUERIES, replace=False)
    return base[rows].astype(np.float32), queries[asked].astype(np.float32)
