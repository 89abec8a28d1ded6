"""The tests of this folder on the other backends, each in its process; a model goes between them."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

HERE = Path(__file__).parent
FIRST = os.environ.get("LEAFSCAN_TESTED_FROM") is None


BACKENDS = ["jax", "tensorflow", "torch"]


def process(backend: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
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
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_tests_pass_on(backend: str):
    if backend == keras.backend.backend():
        pytest.skip(f"{backend} is the backend of this process")
    options = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", "-p", "no:cov"]
    done = process(backend, "-m", "pytest", *options, str(HERE))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


SAVES = """
import sys, keras, numpy as np
from leafscan.keras import ScannRetrieval
folder = sys.argv[1]
candidates = np.load(folder + "/candidates.npy")
tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
layer = ScannRetrieval(candidates, [f"movie {place}" for place in range(300)], k=5, query_tower=tower)
inputs = keras.Input((8,))
model = keras.Model(inputs, layer(inputs))
model.save(folder + "/model.keras")
queries = np.load(folder + "/queries.npy")
np.save(folder + "/saved.npy", layer.decode(model.predict(queries, batch_size=16, verbose=0)[1]))
"""
LOADS = """
import sys, keras, numpy as np, leafscan.keras
folder = sys.argv[1]
model = keras.saving.load_model(folder + "/model.keras")
queries = np.load(folder + "/queries.npy")
names = model.layers[-1].decode(model.predict(queries, batch_size=16, verbose=0)[1])
np.save(folder + "/loaded.npy", names)
"""


@pytest.mark.skipif(not FIRST, reason="this is one of the other backends")
@pytest.mark.parametrize("saved_on", BACKENDS)
def test_a_model_loads_on_every_backend_that_was_saved_on(
    saved_on: str, candidates: np.ndarray, queries: np.ndarray, tmp_path: Path
):
    np.save(tmp_path / "candidates.npy", candidates)
    np.save(tmp_path / "queries.npy", queries)
    done = process(saved_on, "-c", SAVES, str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    for loaded_on in BACKENDS:
        if find_spec(loaded_on) is None:
            continue
        done = process(loaded_on, "-c", LOADS, str(tmp_path))
        assert done.returncode == 0, done.stderr[-2000:]
        np.testing.assert_array_equal(np.load(tmp_path / "loaded.npy"), np.load(tmp_path / "saved.npy"))
        (tmp_path / "loaded.npy").unlink()
