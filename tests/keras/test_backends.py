"""The tests of this folder on the other backends, each in its process; a model goes between them."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from leafscan.keras import ScannRetrieval

HERE = Path(__file__).parent
FIRST = os.environ.get("LEAFSCAN_TESTED_FROM") is None


def process(backend: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    if backend == keras.backend.backend():
        pytest.skip(f"{backend} is the backend of this process")
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend, "LEAFSCAN_TESTED_FROM": keras.backend.backend()},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.skipif(not FIRST, reason="this is one of the other backends")
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_the_same_tests_pass_on(backend: str):
    options = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:cov"]
    done = process(backend, "-m", "pytest", *options, str(HERE))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


LOADS = """
import sys, keras, numpy as np, leafscan.keras
model = keras.saving.load_model(sys.argv[1])
queries = np.load(sys.argv[2])
names = model.layers[-1].decode(model.predict(queries, batch_size=16, verbose=0)[1])
np.save(sys.argv[3], names)
"""


@pytest.mark.skipif(not FIRST, reason="this is one of the other backends")
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_a_model_saved_here_loads_on(
    backend: str, candidates: np.ndarray, queries: np.ndarray, tmp_path: Path
):
    names = [f"movie {place}" for place in range(300)]
    tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    layer = ScannRetrieval(candidates, names, k=5, query_tower=tower)
    inputs = keras.Input((8,))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "queries.npy", queries)
    files = [str(tmp_path / name) for name in ("model.keras", "queries.npy", "names.npy")]
    done = process(backend, "-c", LOADS, *files)
    assert done.returncode == 0, done.stderr[-2000:]
    expected = layer.decode(model.predict(queries, verbose=0)[1])
    np.testing.assert_array_equal(np.load(files[2]), expected)
