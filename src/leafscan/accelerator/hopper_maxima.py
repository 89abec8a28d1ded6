"""Group maxima on Hopper: the scores of a tile live in registers, and only the best of every group leaves.

A block of the grid keeps its queries in shared memory and streams candidates past them. One warpgroup copies
tiles ahead; the others multiply (``wgmma``) and reduce: while one reduces, the tensor cores work for the
other. A score costs one maximum, and a group of 32 another ten operations a row, half of them shuffles.
"""

# What a kernel works on are references that have no public types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import mosaic_gpu as plgpu

from leafscan.accelerator.layout import GROUP, SUPER, Maxima

__all__ = ["Shape", "choose_shape", "hopper_maxima"]

#: Dynamic shared memory that a block may have, less what barriers and alignment take.
_SHARED_BYTES = 225 * 1024

_PROCESSORS = 132

#: Candidates whose group maxima are gathered in shared memory before they leave.
_FLUSH = 1024


@dataclasses.dataclass(frozen=True)
class Shape:
    """How a block of the grid is laid out.

    Parameters
    ----------
    queries
        Queries of a computing warpgroup, a multiple of 64.
    warpgroups
        How many warpgroups compute.
    tile
        Candidates of one step, a multiple of the group and at most 256.
    stages
        Tiles that are in flight or in use.
    """

    queries: int
    warpgroups: int
    tile: int
    stages: int

    @property
    def block_queries(self) -> int:
        """Queries of a block."""
        return self.queries * self.warpgroups


def choose_shape(num_queries: int, dim: int, itemsize: int) -> Shape | None:
    """Choose the layout for a batch, or None where a block's queries and two tiles do not fit.

    Examples
    --------
    >>> choose_shape(4096, 128, 2)
    Shape(queries=128, warpgroups=2, tile=128, stages=3)
    >>> choose_shape(1, 128, 2)
    Shape(queries=64, warpgroups=1, tile=128, stages=6)
    >>> choose_shape(4096, 4096, 2) is None
    True
    """
    if num_queries <= 64:
        wanted = [(64, 1)]
    elif num_queries <= 128:
        wanted = [(64, 2), (64, 1)]
    else:
        wanted = [(128, 2), (64, 2), (64, 1)]
    for queries, warpgroups in wanted:
        for tile in (128, 64):
            staging = warpgroups * queries * 4 * (_FLUSH // GROUP + 1)
            held = queries * warpgroups * dim * itemsize + staging
            stages = min(6, (_SHARED_BYTES - held) // (tile * (dim * itemsize + 4)))
            if stages >= 2:
                return Shape(queries=queries, warpgroups=warpgroups, tile=tile, stages=stages)
    return None


def hopper_maxima(
    queries: jax.Array, rows: jax.Array, bias: jax.Array | None, shape: Shape | None = None
) -> Maxima:
    """Score every candidate and keep the best of each group.

    Parameters
    ----------
    queries
        (q, d) bfloat16, float16 or int8; d a multiple of 32.
    rows
        (n, d) of the same dtype, n a multiple of ``SUPER``.
    bias
        (n,), added to the scores, of their dtype: float32, or int32 where the rows are int8.
    shape
        The layout of a block, by default `choose_shape`'s.

    Returns
    -------
    Maxima
        Of ceil(q / block) * block queries; those past q are of zero vectors.
    """
    num_queries, dim = queries.shape
    num_rows = rows.shape[0]
    itemsize = jnp.dtype(rows.dtype).itemsize
    shape = shape or choose_shape(num_queries, dim, itemsize)
    if shape is None:
        raise ValueError(f"rows of {dim} dimensions do not fit the shared memory of a block.")
    integer = jnp.issubdtype(rows.dtype, jnp.integer)
    score = jnp.int32 if integer else jnp.float32
    worst = jnp.iinfo(jnp.int32).min if integer else -jnp.inf
    block = shape.block_queries
    query_tiles = -(-num_queries // block)
    queries = jnp.pad(queries, ((0, query_tiles * block - num_queries), (0, 0)))
    supers = num_rows // SUPER
    span = _span(supers, query_tiles)
    chunks = -(-supers // span)
    flushes = SUPER // _FLUSH
    tiles_of_flush = _FLUSH // shape.tile
    groups_of_tile = shape.tile // GROUP
    groups_of_flush = _FLUSH // GROUP
    swizzle = _swizzle(dim * itemsize)
    transforms = (plgpu.TilingTransform((8, swizzle // itemsize)), plgpu.SwizzleTransform(swizzle))

    def body(query_ref, row_ref, *refs):
        bias_ref = refs[0] if bias is not None else None
        group_ref, super_ref = refs[-2:]

        def scoped(smem, full, empty, loaded):
            query_smem, row_smem, group_smem, super_smem, bias_smem = smem
            warpgroup = lax.axis_index("wg")
            cell = lax.axis_index("cell")
            query_tile = lax.rem(cell, query_tiles)
            first = lax.div(cell, query_tiles) * span
            count = jnp.minimum(span, supers - first)
            steps = count * (flushes * tiles_of_flush)

            def copy(step, slot):
                here = pl.ds(first * SUPER + step * shape.tile, shape.tile)
                plgpu.copy_gmem_to_smem(row_ref.at[here], row_smem.at[slot], full.at[slot])
                if bias_ref is not None:
                    plgpu.copy_gmem_to_smem(bias_ref.at[here], bias_smem.at[slot], full.at[slot])

            @pl.when(warpgroup < shape.warpgroups)
            def _compute():
                if shape.warpgroups == 2:
                    plgpu.set_max_registers(232, action="increase")
                mine = query_tile * block + warpgroup * shape.queries
                own = pl.ds(mine, shape.queries)
                plgpu.copy_gmem_to_smem(query_ref.at[own], query_smem.at[warpgroup], loaded.at[warpgroup])
                plgpu.barrier_wait(loaded.at[warpgroup])
                by_row = plgpu.Layout.WGMMA.reduce(1)

                @pl.loop(0, count)
                def _super(which):
                    def flush(part, best):
                        place = which * flushes + part
                        plgpu.wait_smem_to_gmem(0, wait_read_only=True)

                        def tile(index, best):
                            slot = lax.rem(place * tiles_of_flush + index, shape.stages)
                            plgpu.barrier_wait(full.at[slot])

                            def accumulate(acc):
                                plgpu.wgmma(acc, query_smem.at[warpgroup], _transposed(row_smem.at[slot]))

                            def multiply(acc):
                                accumulate(acc)
                                return acc[...]

                            size = (shape.queries, shape.tile)
                            if bias_ref is None:
                                scores = pl.run_scoped(multiply, plgpu.WGMMAAccumulatorRef(size, score))
                            else:
                                # Sums begin with the bias, where they would begin with zero: it costs no sum.
                                by_column = plgpu.Layout.WGMMA.reduce(0)
                                added = plgpu.load(bias_smem.at[slot], (), layout=by_column)
                                start = lax.broadcast_in_dim(added, size, [1])
                                scores = pl.run_state(accumulate)(plgpu.WGMMAAccumulatorRef.init(start))
                            plgpu.barrier_arrive(empty.at[slot])
                            for group in range(groups_of_tile):
                                top = scores[:, group * GROUP : (group + 1) * GROUP].max(axis=1)
                                group_smem[warpgroup, index * groups_of_tile + group] = top
                                best = jnp.maximum(best, top)
                            return best

                        best = lax.fori_loop(0, tiles_of_flush, tile, best)
                        plgpu.commit_smem()
                        begin = (first * flushes + place) * groups_of_flush
                        plgpu.copy_smem_to_gmem(
                            group_smem.at[warpgroup], group_ref.at[pl.ds(begin, groups_of_flush), own]
                        )
                        return best

                    start = plgpu.layout_cast(jnp.full((shape.queries,), worst, score), by_row)
                    best = lax.fori_loop(0, flushes, flush, start)
                    # Read by the copy of the super before, which the flushes since have waited for.
                    super_smem[warpgroup] = best
                    plgpu.commit_smem()
                    plgpu.copy_smem_to_gmem(super_smem.at[warpgroup], super_ref.at[first + which, own])

                plgpu.wait_smem_to_gmem(0)

            @pl.when(warpgroup == shape.warpgroups)
            def _copy():
                if shape.warpgroups == 2:
                    plgpu.set_max_registers(40, action="decrease")
                # A super has at least as many tiles as there are stages.
                for slot in range(shape.stages):
                    copy(slot, slot)

                @pl.loop(shape.stages, steps)
                def _step(step):
                    slot = lax.rem(step, shape.stages)
                    plgpu.barrier_wait(empty.at[slot])
                    copy(step, slot)

        held = shape.warpgroups
        smem = [
            plgpu.SMEM((held, shape.queries, dim), rows.dtype, transforms=transforms),
            plgpu.SMEM((shape.stages, shape.tile, dim), rows.dtype, transforms=transforms),
            plgpu.SMEM((held, groups_of_flush, shape.queries), score),
            plgpu.SMEM((held, shape.queries), score),
            None if bias is None else plgpu.SMEM((shape.stages, shape.tile), score),
        ]
        pl.run_scoped(
            scoped,
            smem,
            plgpu.Barrier(num_arrivals=1 if bias is None else 2, num_barriers=shape.stages),
            plgpu.Barrier(num_arrivals=held, num_barriers=shape.stages),
            plgpu.Barrier(num_barriers=held),
            collective_axes="wg",
        )

    wide = query_tiles * block
    groups, best = plgpu.kernel(
        body,
        out_type=[
            jax.ShapeDtypeStruct((num_rows // GROUP, wide), score),
            jax.ShapeDtypeStruct((supers, wide), score),
        ],
        grid=(chunks * query_tiles,),
        grid_names=("cell",),
        num_threads=shape.warpgroups + 1,
        thread_name="wg",
        compiler_params=plgpu.CompilerParams(),
    )(queries, rows, *(() if bias is None else (bias,)))
    return Maxima(groups=groups, supers=best)


def _span(supers: int, query_tiles: int) -> int:
    """Supers of a block: the largest share that leaves the last wave of blocks nearly full."""
    best, loss = 1, math.inf
    for waves in range(1, 9):
        chunks = max(1, _PROCESSORS * waves // query_tiles)
        span = -(-supers // chunks)
        cells = -(-supers // span) * query_tiles
        took = -(-cells // _PROCESSORS) * (span + 0.3)
        if took < loss - 1e-9:
            best, loss = span, took
    return best


def _swizzle(row_bytes: int) -> int:
    return next(width for width in (128, 64, 32) if row_bytes % width == 0)


def _transposed(ref):
    return plgpu.transpose_ref(ref, (1, 0))
