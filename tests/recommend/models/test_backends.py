"""One seed gives one model on every Keras backend: the same run again, in processes of their own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from leafscan.recommend import synthetic_movielens, train, tutorial_preset


def tutorial_run() -> dict[str, np.ndarray]:
    """Train the tutorial's model from weights that are large enough to learn something in a few epochs."""
    preset = tutorial_preset(synthetic_movielens(), seed=5)
    for table in (preset.model.user_embedding.embeddings, preset.model.candidate_embedding.embeddings):
        table.assign(10 * table)
    history = train(preset, epochs=10, progress=False)
    return {
        "loss": np.array(history.loss),
        "validation": np.array(history.validation_loss),
        "users": preset.model.query_embeddings(np.arange(1040)),
        "candidates": preset.model.candidate_embeddings(),
    }


@pytest.fixture(scope="module")
def here() -> dict[str, np.ndarray]:
    return tutorial_run()


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_the_tutorials_model_is_equal_on(backend: str, here: dict[str, np.ndarray], tmp_path: Path):
    if backend == keras.backend.backend():
        pytest.skip(f"{backend} is the backend of this process, which the others are compared with")
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    assert here["loss"][-1] < here["loss"][0] - 0.05
    subprocess.run(
        [sys.executable, __file__, backend, str(tmp_path / "run.npz")],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
        timeout=170,
    )
    with np.load(tmp_path / "run.npz") as there:
        for name, expected in here.items():
            assert there[name].shape == expected.shape
            np.testing.assert_allclose(there[name], expected, rtol=1e-4, atol=1e-5, err_msg=name)


if __name__ == "__main__":
    assert keras.backend.backend() == sys.argv[1]
    np.savez(sys.argv[2], **tutorial_run())
