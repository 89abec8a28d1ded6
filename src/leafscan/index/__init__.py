"""The Python index: what is checked, planned, built, searched and filed around the native engine."""

from typing import TYPE_CHECKING, Any

from leafscan.index.building import build
from leafscan.index.config import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree
from leafscan.index.decisions import Decision
from leafscan.index.errors import FileFormatError
from leafscan.index.estimating import Estimate, Interval
from leafscan.index.evaluation import Evaluation, evaluate
from leafscan.index.explanation import Choice, Explanation
from leafscan.index.files import verify
from leafscan.index.filter import Filter
from leafscan.index.index import Index, SearchResult, load
from leafscan.index.inspection import FileSection, FileSummary, inspect
from leafscan.index.search_cost import Step
from leafscan.index.search_explanation import ExplainedResult, SearchExplanation
from leafscan.index.slots import Slot
from leafscan.index.tuning.likeness import OutOfDistributionWarning
from leafscan.index.tuning.points import OperatingPoint, RecallCurve
from leafscan.index.tuning.record import Trial, Tuning
from leafscan.index.version import __version__

if TYPE_CHECKING:
    from leafscan.index.catalogue import Catalogue, open

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
    "verify",
]


def __getattr__(name: str) -> Any:
    # Only who opens a catalogue pays for SQLite.
    if name in ("Catalogue", "open"):
        from leafscan.index import catalogue

        return getattr(catalogue, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
