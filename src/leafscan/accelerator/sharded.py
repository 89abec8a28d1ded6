"""Candidates spread over the devices of a mesh: each finds its own best, and the best of all are merged."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from leafscan.accelerator.candidates import Precision
from leafscan.accelerator.top_k import Implementation, TopK, exact_top_k
from leafscan.index.metric import Metric

__all__ = ["merge_top_k", "sharded_top_k"]

#: Stands behind all positions.
_NOWHERE = 2**31 - 1


def merge_top_k(found: TopK, axis_name: Hashable, *, squared_l2: bool = False) -> TopK:
    """Merge what each device of an axis found; for use inside `jax.shard_map`.

    Parameters
    ----------
    found
        (q, k) on each device, best first, of positions among all candidates; -1 for none.
    axis_name
        The mesh axis that candidates are spread over.
    squared_l2
        Whether the best score is the smallest.

    Returns
    -------
    TopK
        (q, k), equal on all devices of the axis. Of equal scores, the lower position.

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> parts = TopK(jnp.array([[[3.0, 1.0]], [[4.0, 3.0]]]), jnp.array([[[1, 0]], [[7, 6]]]))
    >>> merged = jax.vmap(lambda part: merge_top_k(part, "devices"), axis_name="devices")(parts)
    >>> print(merged.scores[0], merged.positions[0])
    [[4. 3.]] [[7 1]]
    """
    k = found.scores.shape[1]
    scores = lax.all_gather(found.scores, axis_name, axis=1, tiled=True)
    positions = lax.all_gather(found.positions, axis_name, axis=1, tiled=True)
    cost = scores if squared_l2 else -scores
    # Both keys at once: positions are distinct, but for -1, which all stand last.
    place = jnp.where(positions < 0, _NOWHERE, positions)
    cost, place = lax.sort((cost, place), dimension=1, num_keys=2)
    cost, place = cost[:, :k], place[:, :k]
    missing = place == _NOWHERE
    return TopK(scores=cost if squared_l2 else -cost, positions=jnp.where(missing, -1, place))


def sharded_top_k(
    queries: Any,
    candidates: Any,
    k: int,
    *,
    mesh: Mesh,
    axis: str | Sequence[str],
    metric: Metric = "dot_product",
    mask: Any = None,
    precision: Precision = "bfloat16",
    recall_target: float = 1.0,
    implementation: Implementation = "auto",
) -> TopK:
    """Find the k best of candidates that are spread over a mesh, row by row; as `exact_top_k` otherwise.

    Every device searches its own rows, and k scores and positions of each travel: the answer is that of one
    device with all rows. It may be called under jit.

    Parameters
    ----------
    queries
        (q, d) or (d,); every device has them all.
    candidates
        (n, d), with n a multiple of the number of devices: pad with rows that the mask leaves out.
    k
        How many.
    mesh
        The mesh.
    axis
        The mesh axis, or axes, that the rows are spread over.
    metric, precision, recall_target, implementation
        As of `exact_top_k`.
    mask
        (n,) bool, spread as the rows are, or None.

    Returns
    -------
    TopK
        On every device the same.

    Raises
    ------
    ValueError
        If n is no multiple of the number of devices, the mask is of another shape, or as of `exact_top_k`.

    Examples
    --------
    >>> import jax
    >>> mesh = jax.make_mesh((len(jax.devices()),), ("rows",))
    >>> candidates = jax.random.normal(jax.random.key(0), (64, 8))
    >>> found = sharded_top_k(candidates[:2], candidates, 3, mesh=mesh, axis="rows", metric="cosine")
    >>> found.positions[:, 0].tolist()
    [0, 1]
    """
    axes = (axis,) if isinstance(axis, str) else tuple(axis)
    queries, candidates = jnp.asarray(queries), jnp.asarray(candidates)
    shards = 1
    for name in axes:
        if name not in mesh.shape:
            raise ValueError(f"axis must name axes of the mesh, {tuple(mesh.shape)}; received {axis!r}.")
        shards *= mesh.shape[name]
    if candidates.ndim != 2 or candidates.shape[0] % shards:
        raise ValueError(
            f"candidates must be of shape (n, d) with n a multiple of the {shards} devices; received shape "
            f"{candidates.shape}: pad them, and let the mask leave the padding out."
        )
    if mask is not None and jnp.shape(mask) != candidates.shape[:1]:
        raise ValueError(f"mask must be of shape {candidates.shape[:1]}; received shape {jnp.shape(mask)}.")
    single = queries.ndim == 1

    def search(queries: jax.Array, rows: jax.Array, *masks: jax.Array) -> TopK:
        found = exact_top_k(
            queries[None] if single else queries,
            rows,
            k,
            metric=metric,
            mask=masks[0] if masks else None,
            precision=precision,
            recall_target=recall_target,
            implementation=implementation,
        )
        first = lax.axis_index(axes) * rows.shape[0]
        positions = jnp.where(found.positions < 0, -1, found.positions + first)
        merged = merge_top_k(
            TopK(found.scores, positions.astype(jnp.int32)), axes, squared_l2=metric == "squared_l2"
        )
        return TopK(*(part[0] for part in merged)) if single else merged

    # Untyped in JAX.
    specs: Any = PartitionSpec
    rows, everywhere = specs(axes), specs()

    def spread(array: Any, spec: PartitionSpec) -> jax.Array:
        # A mesh of explicit axes refuses what lies otherwise; with the others it is a constraint.
        placed: jax.Array = jax.device_put(array, NamedSharding(mesh, spec))
        return placed

    masks = () if mask is None else (spread(mask, rows),)
    answer: TopK = jax.shard_map(
        search,
        mesh=mesh,
        in_specs=(everywhere, rows, *(rows for _ in masks)),
        out_specs=TopK(everywhere, everywhere),
        # What is gathered is equal everywhere, which the check cannot see.
        check_vma=False,
    )(spread(queries, everywhere), spread(candidates, rows), *masks)
    return answer
