"""leafscan finds the best k of millions of embeddings in well under a millisecond.

Build an index from an array, search it, save it, load it:

>>> import numpy as np
>>> import leafscan
>>> vectors = np.random.default_rng(0).standard_normal((1_000, 32), dtype=np.float32)
>>> index = leafscan.build(vectors, metric="cosine")
>>> ids, scores = index.search(vectors[:3], k=5)
>>> ids.shape, ids[:, 0].tolist()
((3, 5), [0, 1, 2])

This package needs NumPy and safetensors only; what brings it into a framework lies in modules of its own
(``leafscan.recommend`` and so on), which are imported when you import them.
"""

from typing import TYPE_CHECKING, Any

from leafscan.index import (
    AsymmetricHash,
    BruteForce,
    Choice,
    Config,
    Decision,
    Estimate,
    Evaluation,
    ExplainedResult,
    Explanation,
    FileFormatError,
    FileSection,
    FileSummary,
    Filter,
    Index,
    Interval,
    OperatingPoint,
    OutOfDistributionWarning,
    RecallCurve,
    Reorder,
    SearchExplanation,
    SearchParams,
    SearchResult,
    Slot,
    Step,
    Tree,
    Trial,
    Tuning,
    __version__,
    build,
    evaluate,
    inspect,
    load,
    verify,
)
from leafscan.index.estimating import plan

if TYPE_CHECKING:
    from leafscan.index import Catalogue, open

__all__ = [
    "AsymmetricHash",
    "BruteForce",
    "Catalogue",
    "Choice",
    "Config",
    "Decision",
    "Estimate",
    "Evaluation",
    "ExplainedResult",
    "Explanation",
    "FileFormatError",
    "FileSection",
    "FileSummary",
    "Filter",
    "Index",
    "Interval",
    "OperatingPoint",
    "OutOfDistributionWarning",
    "RecallCurve",
    "Reorder",
    "SearchExplanation",
    "SearchParams",
    "SearchResult",
    "Slot",
    "Step",
    "Tree",
    "Trial",
    "Tuning",
    "__version__",
    "build",
    "evaluate",
    "inspect",
    "load",
    "open",
    "plan",
    "verify",
]


def __getattr__(name: str) -> Any:
    # Only who opens a catalogue pays for SQLite.
    if name in ("Catalogue", "open"):
        from leafscan import index

        return getattr(index, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
