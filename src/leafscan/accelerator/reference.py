"""What the answer is: every score in float32, then the best k. Everything faster is held to this."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["all_scores", "reference_top_k"]

#: Queries whose scores are held at once, by how many scores that may be.
_SCORES = 1 << 24


def all_scores(queries: jax.Array, rows: jax.Array, *, squared_l2: bool) -> jax.Array:
    """Score every row: the dot product, or minus the squared distance.

    Parameters
    ----------
    queries
        (q, d) float32.
    rows
        (n, d), of any floating dtype; they are scored in float32.
    squared_l2
        Which of the two. Distances are sums of squared differences, so that a row is at distance 0 of itself.

    Returns
    -------
    jax.Array
        (q, n) float32.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(all_scores(jnp.ones((1, 2)), jnp.array([[1.0, 1.0], [3.0, 0.0]]), squared_l2=True))
    [[-0. -5.]]
    """
    rows = rows.astype(jnp.float32)
    if not squared_l2:
        return jnp.matmul(queries, rows.T, precision=lax.Precision.HIGHEST)
    scores: jax.Array = lax.map(lambda query: -jnp.sum(jnp.square(rows - query), axis=1), queries)
    return scores


def reference_top_k(
    queries: jax.Array, rows: jax.Array, mask: jax.Array | None, *, k: int, squared_l2: bool
) -> tuple[jax.Array, jax.Array]:
    """Find the best k rows of each query, by definition.

    Parameters
    ----------
    queries
        (q, d) float32.
    rows
        (n, d), of any floating dtype.
    mask
        (n,) or (q, n) bool, which rows may be returned, or None: all.
    k
        How many.
    squared_l2
        As in `all_scores`.

    Returns
    -------
    tuple of jax.Array
        Scores (q, k) float32, descending, and positions (q, k) int32: of equal scores the lower position
        first; -inf and -1 where there are fewer than k.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> rows = jnp.array([[1.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
    >>> scores, positions = reference_top_k(jnp.array([[1.0, 0.0]]), rows, None, k=4, squared_l2=False)
    >>> print(scores, positions)
    [[  2.   2.   1. -inf]] [[ 1  2  0 -1]]
    """
    num_rows = rows.shape[0]
    allowed = None if mask is None else jnp.broadcast_to(mask, (queries.shape[0], num_rows))

    def best(query: jax.Array, allow: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        scores = all_scores(query[None], rows, squared_l2=squared_l2)[0]
        return _best(scores, allow, min(k, num_rows))

    def best_of_many(queries: jax.Array) -> tuple[jax.Array, jax.Array]:
        scores = all_scores(queries, rows, squared_l2=squared_l2)
        return _best(scores, allowed, min(k, num_rows))

    if queries.shape[0] * num_rows <= _SCORES:
        scores, positions = best_of_many(queries)
    else:
        size = max(1, _SCORES // max(1, num_rows))
        if allowed is None:
            scores, positions = lax.map(lambda query: best(query, None), queries, batch_size=size)
        else:
            scores, positions = lax.map(lambda pair: best(*pair), (queries, allowed), batch_size=size)
    missing = ((0, 0), (0, k - scores.shape[1]))
    scores = jnp.pad(scores, missing, constant_values=-jnp.inf)
    positions = jnp.pad(positions, missing, constant_values=-1)
    return scores, jnp.where(scores == -jnp.inf, -1, positions)


def _best(scores: jax.Array, allow: jax.Array | None, k: int) -> tuple[jax.Array, jax.Array]:
    if allow is not None:
        scores = jnp.where(allow, scores, -jnp.inf)
    best, positions = lax.top_k(scores, k)
    return best, positions.astype(jnp.int32)
