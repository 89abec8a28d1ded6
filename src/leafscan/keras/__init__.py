"""Keras layers that retrieve, and what models are trained and judged by, in every backend.

The layers search inside the compiled graph, and are saved with the model.

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

from leafscan.keras.accidental_hits import RemoveAccidentalHits
from leafscan.keras.brute_force_retrieval import BruteForceRetrieval
from leafscan.keras.catalogue_metrics import CatalogCoverage, PopularityBias
from leafscan.keras.export import ExportedRetrieval, export, load_exported
from leafscan.keras.factorized_top_k import FactorizedTopK
from leafscan.keras.index_recall import IndexRecall
from leafscan.keras.ranking_metrics import HitRateAtK, MAPAtK, MRRAtK, NDCGAtK, PrecisionAtK, RecallAtK
from leafscan.keras.retrieval_task import RetrievalTask
from leafscan.keras.scann_retrieval import ScannRetrieval
from leafscan.keras.streaming import Streaming

__all__ = [
    "BruteForceRetrieval",
    "CatalogCoverage",
    "ExportedRetrieval",
    "FactorizedTopK",
    "HitRateAtK",
    "IndexRecall",
    "MAPAtK",
    "MRRAtK",
    "NDCGAtK",
    "PopularityBias",
    "PrecisionAtK",
    "RecallAtK",
    "RemoveAccidentalHits",
    "RetrievalTask",
    "ScannRetrieval",
    "Streaming",
    "export",
    "load_exported",
]
