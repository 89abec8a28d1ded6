"""Retrieval on accelerators, in JAX: exact top-k near the speed of the matrix product, with no index.

It needs JAX (``pip install 'leafscan[jax]'``), jits and shards with the model, and runs on every device that
JAX does; the kernels are for NVIDIA's Hopper GPUs.

Examples
--------
>>> import jax
>>> from leafscan.accelerator import exact_top_k
>>> candidates = jax.random.normal(jax.random.key(0), (1_000, 16))
>>> exact_top_k(candidates[:2], candidates, k=3, metric="cosine").positions[:, 0].tolist()
[0, 1]
"""

try:
    import jax as _jax  # noqa: F401
except ImportError as error:
    raise ImportError(
        "leafscan.accelerator needs JAX, which is not installed: pip install 'leafscan[jax]'"
    ) from error

from leafscan.accelerator.candidates import Candidates, Precision, prepare_candidates
from leafscan.accelerator.replaced import replace_rows
from leafscan.accelerator.sharded import merge_top_k, sharded_top_k
from leafscan.accelerator.top_k import TopK, exact_top_k
from leafscan.accelerator.tree_plan import DeviceTree, device_tree
from leafscan.accelerator.tree_search import tree_top_k

__all__ = [
    "Candidates",
    "DeviceTree",
    "Precision",
    "TopK",
    "device_tree",
    "exact_top_k",
    "merge_top_k",
    "prepare_candidates",
    "replace_rows",
    "sharded_top_k",
    "tree_top_k",
]
