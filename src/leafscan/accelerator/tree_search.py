"""The search of a tree on the device: route, look codes up, score the best rows again. Runs under jit."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from leafscan.accelerator.candidates import unit
from leafscan.accelerator.top_k import TopK
from leafscan.accelerator.tree_plan import POINTS, DeviceTree, Listing, Rows

__all__ = ["tree_top_k"]

#: Code bytes and row numbers of the queries that are searched at once.
_BYTES = 1 << 26

_HIGHEST = lax.Precision.HIGHEST


def tree_top_k(queries: Any, tree: DeviceTree, k: int) -> TopK:
    """Find the k best rows of an index that lies on the device, approximately, inside jit.

    It follows ScaNN (Guo et al., ICML 2020; SOAR: Sun et al., NeurIPS 2023), as the index does on the CPU: a
    query goes to its best leaves, scores their points by their codes, and the best rows by the rows. Sums are
    of floats here and of integers there, so that a candidate at the edge may differ; scores are the same.

    Parameters
    ----------
    queries
        (q, d) or (d,), floating; finite.
    tree
        As `device_tree` makes it.
    k
        How many, from 1 to ``tree.candidates``.

    Returns
    -------
    TopK
        Scores, best first as of `exact_top_k`, and positions among the vectors that the index was given:
        ``index.ids[positions]`` are their ids. -1 where fewer than k can be had.

    Raises
    ------
    ValueError
        If a shape or k is none of these.

    Examples
    --------
    As of `device_tree`.
    """
    queries = jnp.asarray(queries)
    dim = tree.centroids.shape[1]
    single = queries.ndim == 1
    if single:
        queries = queries[None]
    if queries.ndim != 2 or queries.shape[1] != dim:
        raise ValueError(f"queries must be of shape (q, {dim}) or ({dim},); received shape {queries.shape}.")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= tree.candidates:
        raise ValueError(f"k must be from 1 to the tree's candidates, {tree.candidates}; received {k!r}.")
    queries = queries.astype(jnp.float32)
    if tree.metric == "cosine":
        queries = unit(queries)
    taken = sum(listing.budget * listing.codes[0].size for listing in tree.listings)
    size = max(1, min(queries.shape[0], _BYTES // (4 * taken)))
    scores, positions = lax.map(
        functools.partial(_search, tree=tree, k=int(k)), (queries, *_route(queries, tree)), batch_size=size
    )
    if tree.metric == "squared_l2":
        scores = -scores
    return TopK(scores[0], positions[0]) if single else TopK(scores, positions)


def _route(queries: jax.Array, tree: DeviceTree) -> tuple[jax.Array, jax.Array]:
    """Each query's leaves, and what the leaf's centroid itself scores: (q, leaves) both."""
    seen = queries if tree.center is None else queries - tree.center
    own = jnp.matmul(seen, tree.centroids.T, precision=_HIGHEST)
    if tree.metric == "squared_l2":
        worth = 2 * own - jnp.sum(jnp.square(tree.centroids), axis=1)
        own = worth - jnp.sum(jnp.square(seen), axis=1, keepdims=True)
    else:
        assert tree.leaf_scales is not None
        length = jnp.linalg.norm(queries, axis=1, keepdims=True)
        routed = jnp.matmul(queries, tree.routing.T, precision=_HIGHEST)
        worth = tree.leaf_scales * routed + tree.leaf_biases * length
    _, leaves = lax.top_k(worth, tree.leaves)
    return leaves, jnp.take_along_axis(own, leaves, axis=1)


def _search(
    operands: tuple[jax.Array, jax.Array, jax.Array], *, tree: DeviceTree, k: int
) -> tuple[jax.Array, jax.Array]:
    """One query (d,), its leaves and their own scores: the best k scores and positions."""
    query, leaves, own = operands
    table = _table(query, tree)
    parts = [_scan(listing, table, leaves, own) for listing in tree.listings]
    scores = jnp.concatenate([part[0] for part in parts])
    rows = jnp.concatenate([part[1] for part in parts])
    wanted = min(tree.candidates * len(parts), scores.shape[0])
    best, at = lax.top_k(scores, wanted)
    rows = rows[at]
    if len(parts) > 1:
        # A row that both listings gave counts once, by its better score, which stands first.
        rows, best = _once(rows, best, tree.candidates)
    exact = jnp.where(best > -jnp.inf, _score_rows(query, tree.rows, rows, tree.metric), -jnp.inf)
    missing = max(0, k - exact.shape[0])
    exact = jnp.pad(exact, (0, missing), constant_values=-jnp.inf)
    places = jnp.pad(tree.rows.order[rows], (0, missing))
    found, at = lax.top_k(exact, k)
    return found, jnp.where(found > -jnp.inf, places[at], -1)


def _table(query: jax.Array, tree: DeviceTree) -> jax.Array:
    """Tell what each codeword of each block adds to a score: (blocks, words)."""
    seen = query if tree.center is None else query - tree.center
    if tree.projection is not None:
        seen = jnp.matmul(tree.projection, seen, precision=_HIGHEST)
    blocks, _, width = tree.codebooks.shape
    seen = jnp.pad(seen, (0, blocks * width - seen.shape[0])).reshape(blocks, width)
    factor = 2.0 if tree.metric == "squared_l2" else 1.0
    return factor * jnp.einsum("bwi,bi->bw", tree.codebooks, seen, precision=_HIGHEST)


def _scan(
    listing: Listing, table: jax.Array, leaves: jax.Array, own: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Score all points of the leaves: (budget * 32,) scores and rows, -inf where no point is."""
    counts = listing.counts[leaves]
    ends = jnp.cumsum(counts)
    slots = jnp.arange(listing.budget, dtype=jnp.int32)
    which = jnp.minimum(jnp.searchsorted(ends, slots, side="right"), leaves.shape[0] - 1)
    inside = slots < ends[-1]
    group = jnp.where(inside, listing.begins[leaves[which]] + slots - (ends - counts)[which], 0)
    blocks, words = table.shape
    packed = listing.codes[group][:, :blocks]
    codes = packed if words == 256 else jnp.concatenate([packed & 15, packed >> 4], axis=2)
    entries = codes.astype(jnp.int32) + words * jnp.arange(blocks, dtype=jnp.int32)[None, :, None]
    scores = own[which][:, None] + jnp.sum(table.reshape(-1)[entries], axis=1)
    if listing.terms is not None:
        scores -= listing.terms[group]
    bits = listing.live[group][:, None] >> jnp.arange(POINTS, dtype=jnp.uint32)
    scores = jnp.where(inside[:, None] & (bits & 1 == 1), scores, -jnp.inf)
    return scores.reshape(-1), listing.rows[group].reshape(-1)


def _once(rows: jax.Array, scores: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Keep the ``count`` best different rows; ``scores`` descend."""
    rank = jnp.arange(rows.shape[0], dtype=jnp.int32)
    by_row, ranks = lax.sort((rows, rank), num_keys=2)
    again = jnp.concatenate([jnp.zeros((1,), jnp.bool_), by_row[1:] == by_row[:-1]])
    scores = scores.at[ranks].set(jnp.where(again, -jnp.inf, scores[ranks]))
    best, at = lax.top_k(scores, min(count, rows.shape[0]))
    return rows[at], best


def _score_rows(query: jax.Array, rows: Rows, which: jax.Array, metric: str) -> jax.Array:
    taken = rows.values[which].astype(jnp.float32)
    if rows.scales is not None:
        taken = taken * rows.scales
    if metric == "squared_l2":
        return -jnp.sum(jnp.square(taken - query), axis=1)
    return jnp.matmul(taken, query, precision=_HIGHEST)
