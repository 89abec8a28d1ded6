"""From group maxima to the top k of a few queries, one program a query: few steps, each of them wide.

With so few queries nothing hides a program's waiting, and a reduction over its warps takes longer than the
comparison of all pairs of 256 numbers. So a level's best are found by their ranks, all at once, and the rows
of all groups chosen are read together.
"""

# What a kernel works on are references that have no public types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from leafscan.accelerator.few_maxima import FEW_GROUP, FewMaxima, FewShape, parts_of

__all__ = ["DEVIATIONS", "FewSelected", "few_selection", "groups_read"]

#: Below a recall of 1, roundings count as the random numbers that they are, at so many standard deviations.
DEVIATIONS = 4.0

#: Blocks of a maximum of the third level.
_FAN = 16

#: Numbers whose ranks are found by comparing all pairs; more are taken one by one.
_PAIRS = 256

_FAR = jnp.iinfo(jnp.int32).max


class FewSelected(NamedTuple):
    """What a selection found.

    Attributes
    ----------
    scores
        (q, k) float32, descending: dot products, or minus squared distances.
    positions
        (q, k) int32, -1 where there are fewer than k.
    certain
        (q,) int32, not 0 where no row that was not rescored can have a better score.
    """

    scores: jax.Array
    positions: jax.Array
    certain: jax.Array


def groups_read(k: int) -> int:
    """Tell how many groups are rescored for the best k: the best group of k, and room for the certificate.

    Examples
    --------
    >>> groups_read(1), groups_read(10), groups_read(20)
    (8, 16, 32)
    """
    groups: int = pl.next_power_of_2(k + 5)
    return groups


def few_selection(
    queries: jax.Array,
    rows: jax.Array,
    mask: jax.Array | None,
    maxima: FewMaxima,
    shape: FewShape,
    *,
    k: int,
    squared_l2: bool,
    error: jax.Array | None = None,
    length: jax.Array | None = None,
    exact: bool = True,
    found: FewSelected | None = None,
    warps: int = 8,
    chunk: int = 64,
    interpret: bool = False,
) -> FewSelected:
    """Rescore the rows of the best groups of each query.

    Parameters
    ----------
    queries
        (q, d) float32.
    rows
        (n, d) float32, float16 or bfloat16: scored in float32.
    mask
        (n,) int8, not 0 where a row may be returned, or None: all.
    maxima
        As `few_maxima` gives them for ``shape``.
    shape
        How rows are cut.
    k
        How many.
    squared_l2
        Whether rows are scored by minus the squared distance, or else by the dot product.
    error, length
        () float32, how far codes are from their rows and how long they are at most; None, both, where the
        maxima are of the rows themselves: then they are taken at their word.
    exact
        Whether the certificate must hold, or hold but for roundings that all fall one way.
    found
        What is given back where it is certain already; None: nothing is.
    warps, chunk
        How a program is laid out: its warps, and how many dimensions of a row it reads at once.
    interpret
        Whether to run the kernel by its interpreter, on any device.

    Returns
    -------
    FewSelected
        Ties go to the lower position.
    """
    num_queries = queries.shape[0]
    kernel = functools.partial(
        _kernel,
        shape=shape,
        k=k,
        squared_l2=squared_l2,
        exact=exact,
        coded=error is not None,
        masked=mask is not None,
        again=found is not None,
        chunk=chunk,
    )
    operands = [queries, rows, maxima.groups, maxima.blocks]
    if error is not None and length is not None:
        operands += [error.reshape(1), length.reshape(1)]
    operands += [] if mask is None else [mask]
    operands += [] if found is None else list(found)
    everything = pl.BlockSpec(memory_space=pl.ANY)
    selected = pl.pallas_call(
        kernel,
        grid=(num_queries,),
        in_specs=[everything] * len(operands),
        out_specs=[everything] * 3,
        out_shape=[
            jax.ShapeDtypeStruct((num_queries, k), jnp.float32),
            jax.ShapeDtypeStruct((num_queries, k), jnp.int32),
            jax.ShapeDtypeStruct((num_queries,), jnp.int32),
        ],
        compiler_params=plgpu.CompilerParams(num_warps=warps, num_stages=1),
        interpret=interpret,
        name="leafscan_few_selection" if found is None else "leafscan_few_selection_again",
    )(*operands)
    return FewSelected(*selected)


def _kernel(
    query_ref,
    row_ref,
    group_ref,
    block_ref,
    *refs,
    shape,
    k,
    squared_l2,
    exact,
    coded,
    masked,
    again,
    chunk,
):
    left = list(refs)
    error_ref, length_ref = (left.pop(0), left.pop(0)) if coded else (None, None)
    mask_ref = left.pop(0) if masked else None
    before = [left.pop(0) for _ in range(3)] if again else None
    score_ref, position_ref, certain_ref = left
    which = pl.program_id(0)
    num_rows, dim = row_ref.shape
    num_blocks = block_ref.shape[1]
    fan = shape.block // FEW_GROUP
    count = groups_read(k)
    outs = jnp.arange(pl.next_power_of_2(k), dtype=jnp.int32)

    def give(scores, positions, certain):
        plgpu.store(score_ref.at[which, outs], scores, mask=outs < k)
        plgpu.store(position_ref.at[which, outs], positions, mask=outs < k)
        certain_ref[which] = certain

    def children(values_ref, parents, width, total):
        """Read the maxima below some: a level's values and their names, -inf and -1 where there is none."""
        names = parents[:, None] * width + jnp.arange(width, dtype=jnp.int32)[None, :]
        there = (parents >= 0)[:, None] & (names < total)
        names = jnp.where(there, names, 0)
        values = plgpu.load(values_ref.at[which, names], mask=there, other=-jnp.inf)
        return values.reshape(-1), jnp.where(there, names, -1).reshape(-1)

    def work():
        supers = pl.next_power_of_2(pl.cdiv(num_blocks, _FAN))
        lanes = jnp.arange(supers, dtype=jnp.int32)
        below = lanes[:, None] * _FAN + jnp.arange(_FAN, dtype=jnp.int32)[None, :]
        values = plgpu.load(block_ref.at[which, below], mask=below < num_blocks, other=-jnp.inf)
        chosen, rest = _best(jnp.max(values, axis=1), lanes, count)
        values, names = children(block_ref, chosen, _FAN, num_blocks)
        chosen, other = _best(values, names, count)
        rest = jnp.maximum(rest, other)
        values, names = children(group_ref, chosen, fan, num_blocks * fan)
        chosen, other = _best(values, names, count)
        rest = jnp.maximum(rest, other)

        held = count * FEW_GROUP
        lane = jnp.arange(FEW_GROUP, dtype=jnp.int32)
        position = (chosen[:, None] * FEW_GROUP + lane[None, :]).reshape(held)
        there = jnp.broadcast_to((chosen >= 0)[:, None], (count, FEW_GROUP)).reshape(held)
        there &= position < num_rows
        place = jnp.where(there, position, 0)
        if mask_ref is not None:
            there &= plgpu.load(mask_ref.at[place], mask=there, other=0) != 0
        scores = jnp.zeros((held,), jnp.float32)
        squared = jnp.float32(0)
        for start, width in parts_of(dim, chunk):
            column = start + jnp.arange(width, dtype=jnp.int32)
            query = plgpu.load(query_ref.at[which, column], mask=column < dim, other=0.0)
            squared += jnp.sum(query * query)
            loaded = jnp.broadcast_to(there[:, None], (held, width))
            if start + width > dim:
                loaded &= (column < dim)[None, :]
            at = jnp.broadcast_to(place[:, None], (held, width))
            part = plgpu.load(
                row_ref.at[at, jnp.broadcast_to(column[None, :], (held, width))], mask=loaded, other=0.0
            ).astype(jnp.float32)
            if squared_l2:
                gap = jnp.where(loaded, part - query[None, :], 0.0)
                scores -= jnp.sum(gap * gap, axis=1)
            else:
                scores += jnp.sum(part * query[None, :], axis=1)
        scores = jnp.where(there, scores, -jnp.inf)
        # Rows that are none get positions of their own all the same: every rank is had by one row.
        position = jnp.where(there, position, _FAR - jnp.arange(held, dtype=jnp.int32))
        best, at = _best_rows(scores, position, k)

        certain = jnp.int32(1)
        if error_ref is not None and length_ref is not None:
            last = jnp.sum(jnp.where(outs == k - 1, best, 0.0))
            off = _offset(squared, error_ref[0], length_ref[0], dim, squared_l2=squared_l2, exact=exact)
            certain = ((rest == -jnp.inf) | (rest + off < last)).astype(jnp.int32)
        give(best, jnp.where(best > -jnp.inf, at, -1), certain)

    if before is None:
        work()
        return
    done = before[2][which]

    def copy():
        scores = plgpu.load(before[0].at[which, outs], mask=outs < k, other=0.0)
        give(scores, plgpu.load(before[1].at[which, outs], mask=outs < k, other=0), done)

    pl.when(done != 0)(copy)
    pl.when(done == 0)(work)


def _offset(squared, error, length, dim, *, squared_l2, exact):
    """Bound what a score is above the maximum that is known of it: of codes, and of sums in float32."""
    sure = 1.0 if exact else min(1.0, DEVIATIONS / math.sqrt(dim))
    rounding = dim * 2.0**-22
    largest = length + error
    # A little more than rounding can take off a sum of so many squares.
    norm = jnp.sqrt(squared) * (1 + 1e-4)
    off = norm * (sure * error + rounding * largest)
    if not squared_l2:
        return off
    return 2 * off - squared + rounding * (squared + largest * largest)


def _best(values, names, count):
    """Name the ``count`` best values, -1 where there are fewer, and tell the best of the others."""
    size = values.shape[0]
    slots = jnp.arange(count, dtype=jnp.int32)
    names = jnp.where(values > -jnp.inf, names, -1)
    lanes = jnp.arange(size, dtype=jnp.int32)
    if size <= _PAIRS:
        rank = _ranks(values, lanes)
        chosen = jnp.sum(jnp.where(rank[:, None] == slots[None, :], names[:, None] + 1, 0), axis=0) - 1
        return chosen, jnp.max(jnp.where(rank >= count, values, -jnp.inf))

    def step(index, carry):
        values, chosen = carry
        lane = jnp.argmax(values)
        here = lanes == lane
        # Where nothing is left, the lane is one that was chosen before.
        name = jnp.max(jnp.where(here & (values > -jnp.inf), names, -1))
        return jnp.where(here, -jnp.inf, values), jnp.where(slots == index, name, chosen)

    start = (values, jnp.full((count,), -1, jnp.int32))
    values, chosen = lax.fori_loop(0, count, step, start)
    return chosen, jnp.max(values)


def _best_rows(scores, positions, k):
    """Give the best k scores and their positions, which are all different; ties to the lower one."""
    outs = jnp.arange(pl.next_power_of_2(k), dtype=jnp.int32)
    if scores.shape[0] <= _PAIRS:
        rank = _ranks(scores, positions)
        here = rank[:, None] == outs[None, :]
        best = jnp.sum(jnp.where(here, scores[:, None], 0.0), axis=0)
        return best, jnp.sum(jnp.where(here, positions[:, None], 0), axis=0)

    def step(index, carry):
        scores, best, at = carry
        top = jnp.max(scores)
        position = jnp.min(jnp.where(scores == top, positions, _FAR))
        best = jnp.where(outs == index, top, best)
        at = jnp.where(outs == index, position, at)
        return jnp.where(positions == position, -jnp.inf, scores), best, at

    start = (scores, jnp.full(outs.shape, -jnp.inf, jnp.float32), jnp.full(outs.shape, -1, jnp.int32))
    _, best, at = lax.fori_loop(0, k, step, start)
    return best, at


def _ranks(values, order):
    """Rank values (n,), the best first, equal ones by ``order``: each rank is had once."""
    mine, other = values[None, :], values[:, None]
    before = (other > mine) | ((other == mine) & (order[:, None] < order[None, :]))
    return jnp.sum(before.astype(jnp.int32), axis=0)
