"""The Python index: what is checked, planned, built, searched and filed around the native engine."""

from leafscan.index.building import build
from leafscan.index.catalogue import Catalogue, open
from leafscan.index.config import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree
from leafscan.index.errors import FileFormatError
from leafscan.index.files import verify
from leafscan.index.filter import Filter
from leafscan.index.index import Index, SearchResult, load
from leafscan.index.version import __version__

__all__ = [
    "AsymmetricHash",
    "BruteForce",
    "Catalogue",
    "Config",
    "FileFormatError",
    "Filter",
    "Index",
    "Reorder",
    "SearchParams",
    "SearchResult",
    "Tree",
    "__version__",
    "build",
    "load",
    "open",
    "verify",
]
