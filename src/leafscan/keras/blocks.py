"""The best rows of a table that lies where the model runs: by kernels, or a block at a time."""

from typing import Any

import keras
import numpy as np
from keras import ops

from leafscan.index.metric import Metric
from leafscan.keras.device import has_kernels

__all__ = ["BLOCK", "best_rows"]

#: How many rows are scored at a time.
BLOCK = 4096


def best_rows(
    queries: Any, table: Any, k: int, *, metric: Metric, count: Any = None, block_size: int = BLOCK
) -> tuple[Any, Any]:
    """Find the best rows of each query exactly, with q x (k + block_size) scores in memory.

    Parameters
    ----------
    queries
        float32 (q, d).
    table
        float32 (n, d), n at least 1.
    k
        How many, also more than there are.
    metric
        Of these as they are: nothing has length 1 for "cosine".
    count
        How many of the first rows count, an integer or a scalar; None: all.
    block_size
        How many rows are scored at a time, at least 1.

    Returns
    -------
    tuple
        scores float32 and places int32, (q, k), best first; place -1 and the worst score where there is no
        more.

    Examples
    --------
    >>> import keras, numpy as np
    >>> scores, places = best_rows(np.ones((1, 2), "float32"), np.eye(3, 2, dtype="float32") * 2, 2,
    ...                            metric="squared_l2", block_size=2)
    >>> keras.ops.convert_to_numpy(scores).tolist(), keras.ops.convert_to_numpy(places).tolist()
    ([[2.0, 2.0]], [[0, 1]])
    """
    rows = table.shape[0] if count is None else count
    if has_kernels():
        from leafscan.accelerator import exact_top_k

        live = ops.arange(table.shape[0], dtype="int32") < rows
        scores, found = exact_top_k(queries, table, k, metric=metric, mask=live)
        scores = -scores if metric == "squared_l2" else scores
    else:
        if metric == "cosine":
            queries = ops.normalize(queries, axis=-1)
        scores, found = _by_blocks(queries, table, k, metric, rows, min(block_size, table.shape[0]))
    places = ops.where(ops.isfinite(scores), found, -1)
    return (ops.maximum(-scores, 0) if metric == "squared_l2" else scores), places


def _by_blocks(queries: Any, table: Any, k: int, metric: Metric, rows: Any, size: int) -> tuple[Any, Any]:
    places = ops.arange(size, dtype="int32")
    last = table.shape[0] - size

    def visit(block: Any, best: Any) -> Any:
        scores, found = best
        # The last block begins where a whole one still fits; what it shares with the one before does not
        # count twice.
        begin = block * size
        # PyTorch's loop is Python's, whose programs are exported with whole numbers.
        start = min(begin, last) if isinstance(begin, int) else ops.minimum(begin, last)
        here = start + places
        counts = ops.logical_and(here >= begin, here < rows)
        mine = ops.slice(table, (start, 0), (size, table.shape[1]))
        new = ops.where(counts, _scores(queries, mine, metric), -np.inf)
        scores, order = ops.top_k(ops.concatenate([scores, new], axis=1), k)
        new_found = ops.broadcast_to(here, ops.shape(new))
        return scores, ops.take_along_axis(ops.concatenate([found, new_found], axis=1), order, axis=1)

    shape = (ops.shape(queries)[0], k)
    best = (ops.full(shape, -np.inf, "float32"), ops.full(shape, -1, "int32"))
    found: tuple[Any, Any] = ops.fori_loop(0, -(-table.shape[0] // size), visit, best)
    return found


def _scores(queries: Any, rows: Any, metric: Metric) -> Any:
    """Score, the larger the better; with "cosine" queries have length 1."""
    if metric == "cosine":
        rows = ops.normalize(rows, axis=-1)
    products = _products(queries, rows)
    if metric != "squared_l2":
        return products
    mine = ops.sum(ops.square(queries), axis=1, keepdims=True)
    return 2 * products - mine - ops.sum(ops.square(rows), axis=1)


def _products(queries: Any, rows: Any) -> Any:
    if keras.backend.backend() == "jax":
        import jax.numpy as jnp

        # On GPUs and TPUs JAX would round float32 to fewer bits, which is not exact search.
        return jnp.matmul(queries, rows.T, precision="highest")
    return ops.matmul(queries, ops.transpose(rows))
