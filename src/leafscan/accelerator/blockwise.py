"""The top k in plain XLA, on any device, without ever holding a score for every candidate.

The top k lie in the k groups with the largest maxima: an equal score in a later group never displaces one
in an earlier group. So a block of candidates is scored and only the best of every group is kept; then the
rows of the best k groups are scored again. A top-k over every score would cost more than the scores do.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from leafscan.accelerator.layout import GROUP
from leafscan.accelerator.reference import reference_top_k

__all__ = ["blockwise_top_k", "group_maxima"]

#: Scores of a block, and rescored numbers that are held at once.
_BLOCK_SCORES = 1 << 24
_GATHERED = 1 << 24


def blockwise_top_k(
    queries: jax.Array,
    rows: jax.Array,
    mask: jax.Array | None,
    *,
    k: int,
    squared_l2: bool,
    recall_target: float = 1.0,
) -> tuple[jax.Array, jax.Array]:
    """Find the best k rows of each query; parameters and answer as of `reference_top_k`.

    Parameters
    ----------
    queries, rows, mask, k, squared_l2
        As of `reference_top_k`.
    recall_target
        Below 1, groups are chosen by `jax.lax.approx_max_k`, which TPUs have a fast way for.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> rows = jax.random.normal(jax.random.key(0), (20_000, 8))
    >>> scores, positions = blockwise_top_k(rows[:2], rows, None, k=3, squared_l2=True)
    >>> print(positions[:, 0], scores[:, 0] == 0)
    [0 1] [ True  True]
    """
    num_rows = rows.shape[0]
    if num_rows <= 4096 or k * GROUP * 4 >= num_rows:
        return reference_top_k(queries, rows, mask, k=k, squared_l2=squared_l2)
    maxima = group_maxima(queries, rows, mask, squared_l2=squared_l2)
    if recall_target < 1:
        _, groups = lax.approx_max_k(maxima, k, recall_target=recall_target)
    else:
        _, groups = lax.top_k(maxima, k)
    groups = jnp.sort(groups, axis=1)
    # A mask of each query's own goes along with it; rows that all are denied are known by their position.
    own = mask is not None and mask.ndim == 2

    def rescore(operands: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        allow = operands[2] if own else mask
        return _rescore(operands[0], operands[1], rows, allow, k=k, squared_l2=squared_l2)

    size = max(1, min(queries.shape[0], _GATHERED // (k * GROUP * rows.shape[1])))
    operands = (queries, groups, mask) if own else (queries, groups)
    found: tuple[jax.Array, jax.Array] = lax.map(rescore, operands, batch_size=size)
    return found


def group_maxima(
    queries: jax.Array, rows: jax.Array, mask: jax.Array | None, *, squared_l2: bool
) -> jax.Array:
    """Find the best score of each group of ``GROUP`` consecutive rows.

    Parameters
    ----------
    queries, rows, mask, squared_l2
        As of `reference_top_k`. Squared distances are found through the dot product, and rounded as that is.

    Returns
    -------
    jax.Array
        (q, ceil(n / GROUP)) float32.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(group_maxima(jnp.ones((1, 1)), jnp.arange(64.0)[:, None], None, squared_l2=False))
    [[31. 63.]]
    """
    num_queries, num_rows = queries.shape[0], rows.shape[0]
    size = max(GROUP, min(num_rows, _BLOCK_SCORES // num_queries) // GROUP * GROUP)
    blocks = num_rows // size

    def score(block: jax.Array, allow: jax.Array | None) -> jax.Array:
        block = block.astype(jnp.float32)
        scores = jnp.matmul(queries, block.T, precision=lax.Precision.HIGHEST)
        if squared_l2:
            scores = 2 * scores - jnp.sum(jnp.square(block), axis=1)
        if allow is not None:
            scores = jnp.where(allow, scores, -jnp.inf)
        past = -scores.shape[1] % GROUP
        scores = jnp.pad(scores, ((0, 0), (0, past)), constant_values=-jnp.inf)
        return scores.reshape(num_queries, -1, GROUP).max(axis=2)

    def at(begin: jax.Array) -> jax.Array:
        allow = None if mask is None else lax.dynamic_slice_in_dim(mask, begin, size, axis=mask.ndim - 1)
        return score(lax.dynamic_slice_in_dim(rows, begin, size), allow)

    parts = []
    if blocks:
        whole = lax.map(at, jnp.arange(blocks) * size)
        parts.append(jnp.moveaxis(whole, 0, 1).reshape(num_queries, -1))
    if blocks * size < num_rows:
        left = None if mask is None else mask[..., blocks * size :]
        parts.append(score(rows[blocks * size :], left))
    return jnp.concatenate(parts, axis=1)


def _rescore(
    query: jax.Array,
    groups: jax.Array,
    rows: jax.Array,
    mask: jax.Array | None,
    *,
    k: int,
    squared_l2: bool,
) -> tuple[jax.Array, jax.Array]:
    """Find the best k of the rows in ``groups`` (k,), which ascend, for ``query`` (d,)."""
    num_rows = rows.shape[0]
    # The last group may be short: it is read with rows before it, which are left out again.
    begins = jnp.minimum(groups * GROUP, num_rows - GROUP)
    taken = jax.vmap(lambda begin: lax.dynamic_slice_in_dim(rows, begin, GROUP))(begins)
    taken = taken.astype(jnp.float32)
    positions = begins[:, None] + jnp.arange(GROUP, dtype=jnp.int32)
    allow = positions >= groups[:, None] * GROUP
    if mask is not None:
        allow &= mask[positions]
    if squared_l2:
        scores = -jnp.sum(jnp.square(taken - query), axis=2)
    else:
        scores = jnp.einsum("grd,d->gr", taken, query, precision=lax.Precision.HIGHEST)
    best, at = lax.top_k(jnp.where(allow, scores, -jnp.inf).reshape(-1), k)
    found = positions.reshape(-1)[at]
    return best, jnp.where(best == -jnp.inf, -1, found)
