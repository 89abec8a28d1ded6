"""Keras layers that retrieve: in every backend, inside the compiled graph, saved with the model.

They are `keras_rs.layers.Retrieval` layers, so that KerasRS' brute-force layer is swapped for one of them by
one line. ``docs/keras.md`` has a table of what is named how in KerasRS and TensorFlow Recommenders.
"""

import importlib.util as _util

if _util.find_spec("keras") is None or _util.find_spec("keras_rs") is None:
    raise ModuleNotFoundError(
        "leafscan.keras needs keras and keras-rs, one of which is not installed; "
        'pip install "leafscan[keras]" has both.',
        name="keras_rs",
    )

from leafscan.keras.brute_force_retrieval import BruteForceRetrieval
from leafscan.keras.export import ExportedRetrieval, export, load_exported
from leafscan.keras.scann_retrieval import ScannRetrieval
from leafscan.keras.streaming import Streaming

__all__ = [
    "BruteForceRetrieval",
    "ExportedRetrieval",
    "ScannRetrieval",
    "Streaming",
    "export",
    "load_exported",
]
