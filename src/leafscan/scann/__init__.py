"""ScaNN's Python API over leafscan: change the import, keep the code.

>>> import numpy as np
>>> from leafscan import scann
>>> rows = np.random.default_rng(0).standard_normal((1_000, 16), dtype=np.float32)
>>> searcher = (
...     scann.scann_ops_pybind.builder(rows, 10, "squared_l2")
...     .tree(num_leaves=30, num_leaves_to_search=10)
...     .score_ah(dimensions_per_block=2)
...     .reorder(100)
...     .build()
... )
>>> neighbors, distances = searcher.search_batched(rows[:3])
>>> neighbors.shape, neighbors[:, 0].tolist()
((3, 10), [0, 1, 2])

``scann_ops_pybind`` takes NumPy arrays; ``scann_ops`` takes the arrays of any framework, and returns its own.
What is the same, what is better and what is refused stands in ``docs/coming-from-scann.md``.
"""

from leafscan.scann import scann_builder, scann_ops, scann_ops_pybind
from leafscan.scann.errors import ScannError
from leafscan.scann.modes import IncrementalMode, ReorderType
from leafscan.scann.results import NO_INDEX
from leafscan.scann.scann_builder import ScannBuilder

__all__ = [
    "NO_INDEX",
    "IncrementalMode",
    "ReorderType",
    "ScannBuilder",
    "ScannError",
    "scann_builder",
    "scann_ops",
    "scann_ops_pybind",
]
