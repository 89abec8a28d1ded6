"""Group maxima for a few queries: what bounds them is the read of the codes, so each is read once, in order.

The query stays in float32 and meets the codes outside of the tensor cores: then only the candidates are
rounded, a certificate needs half the room, and no kernel has to encode the query first. Maxima lie by query,
so that a selection reads them in one piece.
"""

# What a kernel works on are references that have no public types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

__all__ = ["FEW_GROUP", "FewMaxima", "FewShape", "few_maxima", "offsets_fit", "parts_of"]

#: Candidates of a group: half of the large batches', since what a single program rescores is what takes time.
FEW_GROUP = 16


class FewShape(NamedTuple):
    """How candidates are cut.

    Attributes
    ----------
    block
        Candidates of a program, and of a maximum of the second level: a multiple of the tile.
    tile
        Candidates that a program reads at once, a multiple of `FEW_GROUP`; a power of two.
    warps
        Of a program.
    """

    block: int
    tile: int
    warps: int


class FewMaxima(NamedTuple):
    """The best scores of groups and of blocks, by query.

    Attributes
    ----------
    groups
        (q, blocks * block / FEW_GROUP) float32, the best score of each group of consecutive candidates; -inf
        where none of them may be returned.
    blocks
        (q, blocks) float32, the best score of each block.
    """

    groups: jax.Array
    blocks: jax.Array


def few_maxima(
    queries: jax.Array,
    rows: jax.Array,
    num_rows: int,
    shape: FewShape,
    *,
    scale: jax.Array | None = None,
    half_norms: jax.Array | None = None,
    mask: jax.Array | None = None,
    unless: jax.Array | None = None,
    squared_l2: bool = False,
    interpret: bool = False,
) -> FewMaxima:
    """Score all candidates and keep the best of each group, for so few queries that reading takes the time.

    Parameters
    ----------
    queries
        (q, d) float32.
    rows
        (m, e) codes or the rows themselves: m at least the number of rows, e at least d.
    num_rows
        How many of the rows there are; what is past them is padding.
    shape
        How they are cut.
    scale
        () float32, what codes are multiplied by, or None: nothing.
    half_norms
        (n,) float32: the scores are ``2 * (product - half_norm)``, or None: the products.
    mask
        (n,) int8, not 0 where a row may be returned, or None: all.
    unless
        (q,) int32: where all are not 0 nothing is done, and the maxima are any numbers. None: never.
    squared_l2
        Whether the scores are minus the squared distances, by differences; not with ``half_norms``.
    interpret
        Whether to run the kernel by its interpreter, on any device.

    Returns
    -------
    FewMaxima
        Of the scores.

    Raises
    ------
    ValueError
        If the rows are so many numbers that a kernel cannot tell their places.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> rows = jnp.arange(64.0)[:, None]
    >>> maxima = few_maxima(jnp.ones((1, 1)), rows, 60, FewShape(32, 32, 4), interpret=True)
    >>> print(maxima.groups, maxima.blocks)
    [[15. 31. 47. 59.]] [[31. 59.]]
    """
    if not offsets_fit(rows):
        raise ValueError(
            "rows must not have from 2^31 to 2^32 numbers of one byte, whose places the kernel cannot tell; "
            f"received shape {rows.shape}: take bfloat16 codes, or `certified_top_k`."
        )
    num_queries = queries.shape[0]
    blocks = pl.cdiv(num_rows, shape.block)
    kernel = functools.partial(
        _kernel,
        num_rows=num_rows,
        shape=shape,
        scaled=scale is not None,
        halved=half_norms is not None,
        masked=mask is not None,
        guarded=unless is not None,
        squared_l2=squared_l2,
    )
    operands = [queries, rows]
    operands += [] if scale is None else [scale.reshape(1)]
    operands += [each for each in (half_norms, mask, unless) if each is not None]
    everything = pl.BlockSpec(memory_space=pl.ANY)
    groups, best = pl.pallas_call(
        kernel,
        grid=(blocks,),
        in_specs=[everything] * len(operands),
        out_specs=[everything] * 2,
        out_shape=[
            jax.ShapeDtypeStruct((num_queries * blocks * (shape.block // FEW_GROUP),), jnp.float32),
            jax.ShapeDtypeStruct((num_queries * blocks,), jnp.float32),
        ],
        compiler_params=plgpu.CompilerParams(num_warps=shape.warps, num_stages=2),
        interpret=interpret,
        name="leafscan_few_maxima" if unless is None else "leafscan_few_maxima_again",
    )(*operands)
    return FewMaxima(groups=groups.reshape(num_queries, -1), blocks=best.reshape(num_queries, -1))


def offsets_fit(rows: jax.Array) -> bool:
    """Whether a kernel can tell the place of every number.

    Pallas counts places in 64 bits where an array has more than 2^32 bytes, and else in 32 with a sign: of
    numbers of one byte, the upper half of such an array would be read from before its begin.

    Parameters
    ----------
    rows
        Codes or rows, of any number of bytes each.

    Examples
    --------
    >>> import jax
    >>> rows = jax.ShapeDtypeStruct((17_000_000, 128), "int8")
    >>> offsets_fit(rows), offsets_fit(jax.ShapeDtypeStruct(rows.shape, "bfloat16"))
    (False, True)
    """
    return rows.size < 1 << 31 or rows.size * rows.dtype.itemsize > 1 << 32


def parts_of(dim: int, most: int) -> list[tuple[int, int]]:
    """Cut dimensions into powers of two, from the front: their begins and widths; the last may be over.

    Examples
    --------
    >>> parts_of(96, 128), parts_of(300, 128), parts_of(7, 128)
    ([(0, 64), (64, 32)], [(0, 128), (128, 128), (256, 32), (288, 16)], [(0, 8)])
    """
    parts, begin = [], 0
    while begin < dim:
        left = dim - begin
        width = min(most, 1 << (left.bit_length() - 1)) if left >= 32 else pl.next_power_of_2(left)
        parts.append((begin, width))
        begin += width
    return parts


def _kernel(query_ref, row_ref, *refs, num_rows, shape, scaled, halved, masked, guarded, squared_l2):
    left = list(refs)
    scale_ref, half_ref, mask_ref, unless_ref = (
        left.pop(0) if there else None for there in (scaled, halved, masked, guarded)
    )
    group_ref, block_ref = left
    num_queries, dim = query_ref.shape
    which = pl.program_id(0)
    blocks = pl.num_programs(0)
    groups = blocks * (shape.block // FEW_GROUP)
    groups_of_tile = shape.tile // FEW_GROUP
    tiles = shape.block // shape.tile
    # Codes are padded: then no read is past their end, and reads need no masks.
    padded = row_ref.shape[0] >= pl.cdiv(num_rows, shape.block) * shape.block

    def scores(begin):
        position = begin + jnp.arange(shape.tile, dtype=jnp.int32)
        there = position < num_rows
        values = [jnp.zeros((shape.tile,), jnp.float32)] * num_queries
        row = position if padded else jnp.where(there, position, 0)
        for start, width in parts_of(dim, 128):
            column = start + jnp.arange(width, dtype=jnp.int32)
            size = (shape.tile, width)
            place = row_ref.at[jnp.broadcast_to(row[:, None], size), jnp.broadcast_to(column[None, :], size)]
            if padded and start + width <= row_ref.shape[1]:
                part = plgpu.load(place)
            else:
                loaded = there[:, None] & (column < row_ref.shape[1])[None, :]
                part = plgpu.load(place, mask=loaded, other=0)
            part = part.astype(jnp.float32)
            for each in range(num_queries):
                query = plgpu.load(query_ref.at[each, column], mask=column < dim, other=0.0)
                if squared_l2:
                    values[each] -= jnp.sum(jnp.square(part - query[None, :]), axis=1)
                else:
                    values[each] += jnp.sum(part * query[None, :], axis=1)
        if mask_ref is not None:
            there &= plgpu.load(mask_ref.at[position], mask=there, other=0) != 0
        if scale_ref is not None:
            scale = scale_ref[0]
            values = [value * scale for value in values]
        if half_ref is not None:
            half = plgpu.load(half_ref.at[position], mask=there, other=0.0)
            values = [2 * (value - half) for value in values]
        return [jnp.where(there, value, -jnp.inf) for value in values]

    def work():
        def step(index, best):
            begin = which * shape.block + index * shape.tile
            after = []
            for each, value in enumerate(scores(begin)):
                top = jnp.max(value.reshape(groups_of_tile, FEW_GROUP), axis=1)
                first = each * groups + which * (shape.block // FEW_GROUP) + index * groups_of_tile
                plgpu.store(group_ref.at[pl.ds(first, groups_of_tile)], top)
                after.append(jnp.maximum(best[each], jnp.max(top)))
            return tuple(after)

        best = lax.fori_loop(0, tiles, step, (jnp.float32(-jnp.inf),) * num_queries)
        for each in range(num_queries):
            block_ref[each * blocks + which] = best[each]

    if unless_ref is None:
        work()
    else:
        lanes = jnp.arange(pl.next_power_of_2(num_queries), dtype=jnp.int32)
        done = plgpu.load(unless_ref.at[lanes], mask=lanes < num_queries, other=1)
        pl.when(jnp.min(done) == 0)(work)
