"""From group maxima to the top k, one small program a query: nothing but the answer goes back to memory.

A program picks the best supers, then goes through the groups in them, the best first, and scores their rows
in float32. It stops as soon as k scores are above what any other group can hold: the groups that are read
are those that the certificate needs, and no more.
"""

# What a kernel works on are references that have no public types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from leafscan.accelerator.layout import GROUP, NOTHING, SUPER, Ceiling, Maxima, Selected

__all__ = ["gpu_selection"]

_FAR = jnp.iinfo(jnp.int32).max


def gpu_selection(
    queries: jax.Array,
    rows: jax.Array,
    mask: jax.Array | None,
    maxima: Maxima,
    ceiling: Ceiling,
    *,
    k: int,
    groups: int,
    supers: int,
    squared_l2: bool,
    num_warps: int | None = None,
    chunk: int | None = None,
    interpret: bool = False,
) -> Selected:
    """Rescore the best groups of each query, at most ``groups`` of the ``supers`` best supers.

    Parameters
    ----------
    queries
        (q, d) float32.
    rows
        (n, d) float32, float16 or bfloat16: scored in float32.
    mask
        (n,) bool, which rows may be returned, or None: all.
    maxima
        Of at least q queries and n rows.
    ceiling
        What a maximum says of the scores in its group.
    k
        At most ``groups * GROUP``.
    groups, supers
        How many groups and supers are looked at, at least 1.
    squared_l2
        Whether rows are scored by minus the squared distance, or else by the dot product.
    num_warps, chunk
        How a program is laid out: its warps, and how many dimensions of a row it reads at once.
    interpret
        Whether to run the kernel by its interpreter, on any device.

    Returns
    -------
    Selected
        Scores descending; ties to the lower position; -1 and -inf where there are fewer than k.
    """
    num_queries, dim = queries.shape
    num_supers = maxima.supers.shape[0]
    num_warps = num_warps or (8 if num_queries <= 264 or groups > 64 else 2)
    chunk = min(pl.next_power_of_2(dim), chunk or 64 * num_warps)
    kernel = functools.partial(
        _kernel,
        k=k,
        groups=groups,
        supers=min(supers, num_supers),
        squared_l2=squared_l2,
        chunk=chunk,
        masked=mask is not None,
    )
    width = pl.next_power_of_2(k)
    operands = [queries, rows, maxima.groups, maxima.supers, ceiling.scale, ceiling.offset]
    if mask is not None:
        operands.append(mask.astype(jnp.int8))
    everything = pl.BlockSpec(memory_space=pl.ANY)
    scores, positions, rest = pl.pallas_call(
        kernel,
        grid=(num_queries,),
        in_specs=[everything] * len(operands),
        out_specs=[everything] * 3,
        out_shape=[
            jax.ShapeDtypeStruct((num_queries, width), jnp.float32),
            jax.ShapeDtypeStruct((num_queries, width), jnp.int32),
            jax.ShapeDtypeStruct((num_queries,), jnp.float32),
        ],
        compiler_params=plgpu.CompilerParams(num_warps=num_warps, num_stages=1),
        interpret=interpret,
        name="leafscan_selection",
    )(*operands)
    return Selected(scores=scores[:, :k], positions=positions[:, :k], rest=rest)


def _kernel(
    query_ref,
    row_ref,
    group_ref,
    super_ref,
    scale_ref,
    offset_ref,
    *refs,
    k,
    groups,
    supers,
    squared_l2,
    chunk,
    masked,
):
    mask_ref = refs[0] if masked else None
    score_ref, position_ref, rest_ref = refs[-3:]
    which = pl.program_id(0)
    num_rows, dim = row_ref.shape
    num_supers = super_ref.shape[0]
    per_super = SUPER // GROUP
    integer = jnp.issubdtype(group_ref.dtype, jnp.integer)
    worst = jnp.array(NOTHING if integer else -jnp.inf, group_ref.dtype)
    scale, offset = scale_ref[which], offset_ref[which]

    def ceiling(maximum):
        return jnp.where(maximum > worst, scale * maximum.astype(jnp.float32) + offset, -jnp.inf)

    lanes = jnp.arange(pl.next_power_of_2(num_supers), dtype=jnp.int32)
    values = plgpu.load(super_ref.at[lanes, which], mask=lanes < num_supers, other=worst)
    chosen, rest = _best_supers(values, lanes, supers, worst)
    names = chosen[:, None] * per_super + jnp.arange(per_super, dtype=jnp.int32)[None, :]
    inside = jnp.broadcast_to((chosen >= 0)[:, None], names.shape)
    values = plgpu.load(group_ref.at[jnp.where(inside, names, 0), which], mask=inside, other=worst).reshape(
        -1
    )
    names = names.reshape(-1)

    slots = jnp.arange(pl.next_power_of_2(groups), dtype=jnp.int32)
    lane = jnp.arange(GROUP, dtype=jnp.int32)
    columns = jnp.arange(chunk, dtype=jnp.int32)

    def score(group):
        position = group * GROUP + lane
        there = position < num_rows
        position = jnp.where(there, position, 0)
        if mask_ref is not None:
            there &= plgpu.load(mask_ref.at[position], mask=there, other=0) != 0
        value = jnp.zeros((GROUP,), jnp.float32)
        for begin in range(0, dim, chunk):
            at = begin + columns
            query = plgpu.load(query_ref.at[which, at], mask=at < dim, other=0.0)
            loaded = there[:, None] & (at < dim)[None, :]
            row = jnp.broadcast_to(position[:, None], loaded.shape)
            column = jnp.broadcast_to(at[None, :], loaded.shape)
            tile = plgpu.load(row_ref.at[row, column], mask=loaded, other=0.0).astype(jnp.float32)
            if squared_l2:
                gap = jnp.where(loaded, tile - query[None, :], 0.0)
                value -= jnp.sum(gap * gap, axis=1)
            else:
                value += jnp.sum(tile * query[None, :], axis=1)
        return jnp.where(there, value, -jnp.inf)

    def goes_on(state):
        index, top, _, _, scores = state
        above = jnp.sum((scores > ceiling(top)).astype(jnp.int32))
        return (index < groups) & (top > worst) & (above < k)

    def step(state):
        index, top, values, read, scores = state
        name = jnp.min(jnp.where(values == top, names, _FAR))
        values = jnp.where(names == name, worst, values)
        here = slots == index
        scores = jnp.where(here[:, None], score(name)[None, :], scores)
        return index + 1, jnp.max(values), values, jnp.where(here, name, read), scores

    start = (
        jnp.int32(0),
        jnp.max(values),
        values,
        jnp.full(slots.shape, -1, jnp.int32),
        jnp.full((slots.shape[0], GROUP), -jnp.inf, jnp.float32),
    )
    _, top, _, read, scores = lax.while_loop(goes_on, step, start)
    rest_ref[which] = ceiling(jnp.maximum(rest, top))

    positions = read[:, None] * GROUP + lane[None, :]
    best_scores, best_positions = _best_rows(scores.reshape(-1), positions.reshape(-1), k)
    outs = jnp.arange(best_scores.shape[0], dtype=jnp.int32)
    score_ref[which, outs] = best_scores
    position_ref[which, outs] = best_positions


def _best_supers(values, names, count, worst):
    """Name the ``count`` best values, -1 where there are fewer, and the best of the others."""
    slots = jnp.arange(pl.next_power_of_2(count), dtype=jnp.int32)

    def step(index, carry):
        values, chosen = carry
        top = jnp.max(values)
        name = jnp.min(jnp.where(values == top, names, _FAR))
        chosen = jnp.where(slots == index, jnp.where(top > worst, name, -1), chosen)
        return jnp.where(names == name, worst, values), chosen

    values, chosen = lax.fori_loop(0, count, step, (values, jnp.full(slots.shape, -1, jnp.int32)))
    return chosen, jnp.max(values)


def _best_rows(scores, positions, k):
    outs = jnp.arange(pl.next_power_of_2(k), dtype=jnp.int32)

    def step(index, carry):
        scores, best, at = carry
        top = jnp.max(scores)
        position = jnp.min(jnp.where(scores == top, positions, _FAR))
        best = jnp.where(outs == index, top, best)
        at = jnp.where(outs == index, jnp.where(top > -jnp.inf, position, -1), at)
        return jnp.where(positions == position, -jnp.inf, scores), best, at

    start = (scores, jnp.full(outs.shape, -jnp.inf, jnp.float32), jnp.full(outs.shape, -1, jnp.int32))
    _, best, at = lax.fori_loop(0, k, step, start)
    return best, at
