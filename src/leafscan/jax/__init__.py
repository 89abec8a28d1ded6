"""leafscan as a JAX operation, under ``jit``, ``vmap``, ``grad`` and ``shard_map``.

>>> import jax, leafscan, numpy as np
>>> import leafscan.jax
>>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
>>> best = jax.jit(lambda queries: leafscan.jax.search(index, queries, k=2))
>>> best(np.array([[0, 3, 2, 1], [5, 0, 1, 0]], np.float32)).ids.tolist()
[[1, 2], [0, 2]]

On the CPU a search is an XLA custom call (XLA's foreign function interface) that reads queries and writes
results where XLA has them. Arrays on a GPU take the host path: `jax.pure_callback` copies the queries to the
host, searches there, and copies ids and scores back.
"""

try:
    import jax as _jax
except ModuleNotFoundError as error:
    if error.name != "jax":
        raise
    raise ModuleNotFoundError(
        'leafscan.jax needs jax, which is not installed; pip install "leafscan[jax]" has it.', name="jax"
    ) from error

from leafscan.jax.operation import search
from leafscan.jax.target import has_custom_call

__all__ = ["has_custom_call", "search"]

del _jax
