"""Choose the Keras backend and its threads, which must be done before anything imports Keras."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

from leafscan.cli.demo.errors import DemoError
from leafscan.recommend.extras import require

__all__ = ["choose_backend"]

# The race is one of processors: what would go to a GPU by itself is kept away from it.
_ON_THE_CPU = {
    "jax": {"JAX_PLATFORMS": "cpu"},
    "tensorflow": {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"},
    "torch": {"KERAS_TORCH_DEVICE": "cpu"},
}
# XLA's CPU client, TensorFlow and PyTorch each read one of these when they start.
_THREADS = ("PJRT_NPROC", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")


def choose_backend(backend: str, *, threads: int) -> None:
    """Set the environment for a backend, and import Keras and KerasRS with it.

    Parameters
    ----------
    backend
        ``"jax"``, ``"tensorflow"`` or ``"torch"``.
    threads
        How many threads it may use.

    Raises
    ------
    DemoError
        If Keras is imported already with another backend, or something is not installed.
    """
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() != backend:
        raise DemoError(
            f"--backend must be {keras.backend.backend()}, which Keras was already imported with in this "
            f"process; received {backend}."
        )
    if find_spec(backend) is None:
        raise DemoError(
            f"--backend {backend} needs {backend}, which is not installed; "
            f'pip install "leafscan[{backend}]" has it.'
        )
    os.environ["KERAS_BACKEND"] = backend
    os.environ.update(_ON_THE_CPU[backend])
    os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    try:
        for module in ("keras", "keras_rs", "matplotlib", "tqdm"):
            require(module, purpose="The demo", install='"leafscan[demo]"')
    except ModuleNotFoundError as error:
        raise DemoError(str(error)) from error
