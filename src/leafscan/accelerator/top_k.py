"""The public face of exact retrieval on an accelerator, and how it behaves under JAX's transformations."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from leafscan.accelerator.blockwise import blockwise_top_k
from leafscan.accelerator.candidates import Candidates, Precision, check_precision, prepare_candidates, unit
from leafscan.accelerator.devices import Platform, is_hopper, platform_of
from leafscan.index.metric import Metric, check_metric

__all__ = ["Implementation", "TopK", "exact_top_k"]

Implementation: TypeAlias = Literal["auto", "kernel", "xla"]


class TopK(NamedTuple):
    """The best candidates of each query.

    Attributes
    ----------
    scores
        (q, k) or (k,) float32, best first: similarities descend, squared distances ascend. Where fewer than k
        can be had: -inf, and +inf for squared distances.
    positions
        (q, k) or (k,) int32, the candidates' places; -1 where fewer than k can be had.
    """

    scores: jax.Array
    positions: jax.Array


@dataclasses.dataclass(frozen=True)
class _How:
    """What is settled when a call is traced."""

    k: int
    metric: Metric
    precision: Precision
    recall_target: float
    implementation: Implementation
    platform: Platform


def exact_top_k(
    queries: Any,
    candidates: Any,
    k: int,
    *,
    metric: Metric | None = None,
    mask: Any = None,
    precision: Precision | None = None,
    recall_target: float = 1.0,
    implementation: Implementation = "auto",
) -> TopK:
    """Find the k best candidates of each query by scoring them all, inside jit, on any device.

    On a Hopper GPU (H100, H200) a kernel selects by codes of few bits and never writes a score to memory; the
    best groups are rescored in float32, and a certificate says that no other can hold a better one. The few
    queries without a certificate are answered anew in float32. A query or a few have kernels of their own,
    which the host never waits for. Everywhere else XLA does the same in float32.

    Parameters
    ----------
    queries
        (q, d) or (d,), floating; finite.
    candidates
        (n, d), floating and finite, or what `prepare_candidates` made of them, which saves a pass over them
        at every call.
    k
        How many, at least 1; more than n gives padding. Above 100 no kernel is used.
    metric
        "dot_product" (the default), "cosine" or "squared_l2". For prepared candidates leave it out.
    mask
        Which candidates may be returned: (n,) bool for all queries, or (q, n) for each, which no kernel is
        used for. None: all.
    precision
        What the kernel selects by: "bfloat16" (the default), "int8", or "float32" for no kernel. For prepared
        candidates leave it out. Scores are of float32 in any case.
    recall_target
        Above 0. At 1 the answer is exact. Below, the kernel counts its roundings as random and gives no
        certificate, which is faster with "int8"; TPUs use `jax.lax.approx_max_k`.
    implementation
        "auto"; "kernel" raises where the kernel cannot serve; "xla" never uses it.

    Returns
    -------
    TopK
        Scores and positions, (q, k) or (k,). Ties go to the lower position, among scores equal in float32.

    Raises
    ------
    ValueError
        If a shape or an argument is none of these.
    TypeError
        If queries or candidates are not floating numbers, or the mask is not of bools.

    Notes
    -----
    Under `jax.vmap`, a batch of queries over one set of candidates is one call with all of them. Scores have
    derivatives, with respect to queries and candidates; positions have none, and neither has the choice.
    Inside `jax.shard_map` it sees its shard, and `merge_top_k` merges what the shards found, as
    `sharded_top_k` does; with the kernels pass ``check_vma=False``. Scores are sums of float32 products, so
    that those nearer than a rounding may come in either order.

    Examples
    --------
    >>> import jax
    >>> candidates = jax.random.normal(jax.random.key(0), (1_000, 16))
    >>> scores, positions = exact_top_k(candidates[:2], candidates, 3, metric="squared_l2")
    >>> print(positions[:, 0], scores[:, 0])
    [0 1] [0. 0.]

    Under jit, with candidates made ready once and only even ones allowed:

    >>> from leafscan.accelerator import prepare_candidates
    >>> ready = prepare_candidates(candidates, metric="cosine")
    >>> even = jax.numpy.arange(1_000) % 2 == 0
    >>> search = jax.jit(lambda queries, ready, mask: exact_top_k(queries, ready, 5, mask=mask))
    >>> bool((search(candidates[:2], ready, even).positions % 2 == 0).all())
    True
    """
    given: Any
    if isinstance(candidates, Candidates):
        ready = candidates
        if metric is not None and metric != ready.metric:
            raise ValueError(f"metric must be that of the candidates, {ready.metric!r}; received {metric!r}.")
        if precision is not None and precision != ready.precision:
            raise ValueError(
                f"precision must be that of the candidates, {ready.precision!r}; received {precision!r}."
            )
        given = ready
    else:
        given = jnp.asarray(candidates)
        metric = check_metric("dot_product" if metric is None else metric)
        precision = check_precision("bfloat16" if precision is None else precision)
        if given.ndim != 2:
            raise ValueError(f"candidates must be of shape (n, d); received shape {given.shape}.")
    queries, single = _check_queries(queries, given.shape)
    mask = _check_mask(mask, queries.shape[0], given.shape[0], single=single)
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k must be an integer of at least 1; received {k!r}.")
    if not 0 < recall_target <= 1:
        raise ValueError(f"recall_target must be above 0 and at most 1; received {recall_target!r}.")
    if implementation not in ("auto", "kernel", "xla"):
        raise ValueError(f'implementation must be "auto", "kernel" or "xla"; received {implementation!r}.')
    platform = platform_of(queries, given)
    how = _How(
        k=int(k),
        metric=given.metric if isinstance(given, Candidates) else cast(Metric, metric),
        precision=given.precision if isinstance(given, Candidates) else cast(Precision, precision),
        recall_target=float(recall_target),
        implementation=implementation,
        platform=platform,
    )
    if not isinstance(given, Candidates) and not jnp.issubdtype(given.dtype, jnp.floating):
        raise TypeError(
            f"candidates must be floating numbers; received {given.dtype}: convert them to float32."
        )
    found: TopK = _top_k(how, queries, given, mask)
    if how.metric == "squared_l2":
        found = TopK(scores=-found.scores, positions=found.positions)
    return TopK(*(part[0] for part in found)) if single else found


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _top_k(how: _How, queries: jax.Array, candidates: Any, mask: jax.Array | None) -> TopK:
    return cast(TopK, _batched(how)(queries, candidates, mask))


@_top_k.defjvp
def _top_k_jvp(how: _How, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[TopK, TopK]:
    queries, candidates, mask = primals
    query_dots, candidate_dots, _ = tangents
    found = _top_k(how, queries, candidates, mask)
    rows = candidates.rows if isinstance(candidates, Candidates) else candidates
    row_dots = candidate_dots.rows if isinstance(candidate_dots, Candidates) else candidate_dots
    ready = isinstance(candidates, Candidates)
    there = found.positions >= 0
    places = jnp.where(there, found.positions, 0)

    def scores(queries: jax.Array, taken: jax.Array) -> jax.Array:
        taken = taken.astype(jnp.float32)
        if how.metric == "squared_l2":
            return -jnp.sum(jnp.square(taken - queries[:, None]), axis=2)
        if how.metric == "cosine":
            queries = _lengths_one(queries)
            taken = taken if ready else _lengths_one(taken)
        return jnp.einsum("qd,qkd->qk", queries, taken, precision=lax.Precision.HIGHEST)

    _, dots = jax.jvp(scores, (queries, rows[places]), (query_dots, row_dots[places]))
    nothing = np.zeros(found.positions.shape, jax.dtypes.float0)
    return found, TopK(scores=jnp.where(there, dots, 0), positions=cast(Any, nothing))


def _lengths_one(rows: jax.Array) -> jax.Array:
    squared = jnp.sum(jnp.square(rows), axis=-1, keepdims=True)
    return jnp.where(squared > 0, rows / jnp.sqrt(jnp.where(squared > 0, squared, 1)), 0)


def _batched(how: _How) -> Any:
    """Make the call with its rule for vmap: queries that share their candidates and mask are one batch."""

    @jax.custom_batching.custom_vmap
    def call(queries: jax.Array, candidates: Any, mask: jax.Array | None) -> TopK:
        return _answer(how, queries, candidates, mask)

    @call.def_vmap
    def rule(size: int, batched: Any, queries: jax.Array, candidates: Any, mask: Any) -> tuple[TopK, TopK]:
        query_in, *others = batched
        if query_in and not any(jax.tree.leaves(others)):
            wide = queries.reshape(-1, queries.shape[-1])
            found = _batched(how)(wide, candidates, mask)
            shape = (*queries.shape[:2], how.k)
            return TopK(*(part.reshape(shape) for part in found)), TopK(True, True)  # type: ignore[arg-type]
        leaves, tree = jax.tree.flatten((queries, candidates, mask))
        flags = jax.tree.leaves(batched)
        moving = [leaf for leaf, flag in zip(leaves, flags, strict=True) if flag]

        def one(moving: list[jax.Array]) -> TopK:
            taken = iter(moving)
            each = [next(taken) if flag else leaf for leaf, flag in zip(leaves, flags, strict=True)]
            return cast(TopK, _batched(how)(*jax.tree.unflatten(tree, each)))

        return lax.map(one, moving), TopK(True, True)  # type: ignore[arg-type]

    return call


def _answer(how: _How, queries: jax.Array, candidates: Any, mask: jax.Array | None) -> TopK:
    queries = queries.astype(jnp.float32)
    if how.metric == "cosine":
        queries = unit(queries)
    kernel = how.implementation == "kernel" or (how.implementation == "auto" and is_hopper(how.platform))
    precision: Precision = how.precision if kernel else "float32"
    if isinstance(candidates, Candidates):
        ready = candidates
    else:
        ready = prepare_candidates(candidates, metric=how.metric, precision=precision)
    if kernel:
        # The kernels need parts of JAX that not every platform's has: they are imported where they are used.
        from leafscan.accelerator.certified import certified_top_k, kernel_takes
        from leafscan.accelerator.few_queries import few_takes, few_top_k

        fits = (mask is None or mask.ndim == 1) and kernel_takes(ready, queries.shape[0], how.k)
        if fits and few_takes(ready, queries.shape[0], how.k, how.recall_target):
            return TopK(*few_top_k(queries, ready, mask, k=how.k, recall_target=how.recall_target))
        if fits:
            return TopK(*certified_top_k(queries, ready, mask, k=how.k, recall_target=how.recall_target))
        if how.implementation == "kernel":
            raise ValueError(
                "implementation must not be 'kernel' here: the kernel takes bfloat16 or int8 codes, k up to "
                "100 of at least 64 k candidates, a mask of shape (n,), and dimensions that fit its memory."
            )
    target = how.recall_target if how.platform.name == "tpu" else 1.0
    return TopK(
        *blockwise_top_k(
            queries, ready.rows, mask, k=how.k, squared_l2=ready.squared_l2, recall_target=target
        )
    )


def _check_queries(queries: Any, shape: tuple[int, ...]) -> tuple[jax.Array, bool]:
    queries = jnp.asarray(queries)
    single = queries.ndim == 1
    if single:
        queries = queries[None]
    if queries.ndim != 2 or queries.shape[1] != shape[1]:
        raise ValueError(
            f"queries must be of shape (q, {shape[1]}) or ({shape[1]},), as the candidates; received shape "
            f"{queries.shape[1:] if single else queries.shape}."
        )
    if not jnp.issubdtype(queries.dtype, jnp.floating):
        raise TypeError(
            f"queries must be floating numbers; received {queries.dtype}: convert them to float32."
        )
    return queries, single


def _check_mask(mask: Any, num_queries: int, num_rows: int, *, single: bool) -> jax.Array | None:
    if mask is None:
        return None
    mask = jnp.asarray(mask)
    if mask.dtype != jnp.bool_:
        raise TypeError(f"mask must be of bools; received {mask.dtype}.")
    shapes = [(num_rows,)] if single else [(num_rows,), (num_queries, num_rows)]
    if mask.shape not in shapes:
        raise ValueError(
            f"mask must be of shape {' or '.join(map(str, shapes))}; received shape {mask.shape}."
        )
    return cast(jax.Array, mask)
