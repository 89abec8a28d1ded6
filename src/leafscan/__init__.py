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

from leafscan.index import (
    AsymmetricHash,
    BruteForce,
    Catalogue,
    Config,
    FileFormatError,
    Filter,
    Index,
    Reorder,
    SearchParams,
    SearchResult,
    Tree,
    __version__,
    build,
    load,
    open,
    verify,
)

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
