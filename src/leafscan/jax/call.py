"""One search of arrays that are ready for it, wherever they lie, and its derivative."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from leafscan import _engine
from leafscan.index.metric import Metric
from leafscan.jax.target import IDS, POSITIONS, has_custom_call, only_cpu

__all__ = ["found", "id_dtype", "slot_number"]


def id_dtype() -> np.dtype[Any]:
    """Return what ids come back as: int64, or int32 while ``jax_enable_x64`` is off."""
    return np.dtype(jax.dtypes.canonicalize_dtype(np.int64))


def slot_number(number: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return a slot's number as an operand: two halves, since JAX may have no 64 bits; the high one first.

    Examples
    --------
    >>> slot_number(2**33 + 7).tolist()
    [2, 7]
    """
    return np.array([number >> 32, number & 0xFFFFFFFF], np.uint32)


@partial(jax.jit, static_argnums=(4, 5, 6))
def found(
    slot: Any, queries: Any, deny: Any, allow: Any, k: int, positions: bool, metric: Metric
) -> tuple[Any, Any]:
    """Search; compiled, so that a call on its own is quick too.

    Parameters
    ----------
    slot
        uint32 (2,), see `slot_number`.
    queries
        (..., d) real numbers.
    deny, allow
        Integers (..., m) or (m,), m at least 1, or None.
    k, positions
        As of `leafscan.jax.search`.
    metric
        What the slot serves, for the derivative.

    Returns
    -------
    tuple
        ids and scores, (..., k).
    """
    *leading, dim = queries.shape
    rows = queries.astype(np.float32).reshape(-1, dim)
    lists = [
        jnp.zeros((len(rows), 0), id_dtype())
        if each is None
        else jnp.broadcast_to(each.astype(id_dtype()), (*leading, each.shape[-1])).reshape(len(rows), -1)
        for each in (deny, allow)
    ]
    ids, scores = _found(slot, rows, *lists, k, positions, metric)
    return ids.reshape(*leading, k), scores.reshape(*leading, k)


@partial(jax.custom_jvp, nondiff_argnums=(4, 5, 6))
def _found(
    slot: Any, queries: Any, deny: Any, allow: Any, k: int, positions: bool, metric: Metric
) -> tuple[Any, Any]:
    ids, scores, _ = _search(slot, queries, deny, allow, k, positions, False)
    return ids, scores


@_found.defjvp
def _found_jvp(
    k: int, positions: bool, metric: Metric, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    slot, queries, deny, allow = primals
    ids, scores, vectors = _search(slot, lax.stop_gradient(queries), deny, allow, k, positions, True)

    def score(points: Any) -> Any:
        return jnp.where(ids >= 0, _scores(metric, points, vectors), 0)

    formula, change = jax.jvp(score, (queries,), (tangents[1],))
    # Derivatives of any order go through the formula; the value is the engine's to the bit.
    scores = scores + (formula - lax.stop_gradient(formula))
    return (ids, scores), (np.zeros(ids.shape, jax.dtypes.float0), change)


def _scores(metric: Metric, queries: Any, vectors: Any) -> Any:
    if metric == "squared_l2":
        return jnp.square(queries[:, None, :] - vectors).sum(axis=-1)
    if metric == "cosine":
        squares = jnp.square(queries).sum(axis=-1, keepdims=True)
        zero = squares == 0
        queries = jnp.where(zero, 0, queries * lax.rsqrt(jnp.where(zero, 1, squares)))
    return jnp.einsum("qd,qkd->qk", queries, vectors, precision="highest")


def _search(
    slot: Any, queries: Any, deny: Any, allow: Any, k: int, positions: bool, vectors: bool
) -> tuple[Any, Any, Any]:
    rows, dim = queries.shape
    struct: Any = jax.ShapeDtypeStruct
    shapes = (
        struct((rows, k), deny.dtype),
        struct((rows, k), np.float32),
        struct((rows, k if vectors else 0, dim), np.float32),
    )

    def on_the_host(*operands: Any) -> Any:
        search = partial(_search_on_the_host, k=k, positions=positions, vectors=vectors)
        return jax.pure_callback(search, shapes, *operands, vmap_method="broadcast_all")

    if not has_custom_call():
        return on_the_host(slot, queries, deny, allow)  # type: ignore[no-any-return]
    call = jax.ffi.ffi_call(POSITIONS if positions else IDS, shapes, vmap_method="broadcast_all")
    if only_cpu():
        ids, scores, rows_found = call(slot, queries, deny, allow)
        return ids, scores, rows_found
    return lax.platform_dependent(  # type: ignore[no-any-return]
        slot, queries, deny, allow, cpu=lambda *operands: tuple(call(*operands)), default=on_the_host
    )


def _search_on_the_host(
    slot: Any, queries: Any, deny: Any, allow: Any, *, k: int, positions: bool, vectors: bool
) -> tuple[np.ndarray[Any, Any], ...]:
    slots, points, dtype = np.asarray(slot).reshape(-1, 2), np.asarray(queries), np.asarray(deny).dtype
    leading, dim = points.shape[:-1], points.shape[-1]
    each = int(np.prod(leading)) // len(slots)
    lists = [
        None if array.shape[-1] == 0 else array.astype(np.int64).reshape(len(slots), each, -1)
        for array in (np.asarray(deny), np.asarray(allow))
    ]
    batches = np.ascontiguousarray(points, np.float32).reshape(len(slots), each, dim)
    answers = []
    for place, (high, low) in enumerate(slots.tolist()):
        denied, allowed = (None if all_lists is None else all_lists[place] for all_lists in lists)
        answers.append(
            _engine.search_slot(
                high << 32 | low,
                batches[place],
                k,
                positions=positions,
                deny=denied,
                allow=allowed,
                vectors=vectors,
            )
        )
    ids, scores, rows = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    if ids.size and ids.max() > np.iinfo(dtype).max:
        raise OverflowError(
            f"the id {ids.max()} does not fit {dtype}, which is what JAX has while jax_enable_x64 is off: "
            "switch it on, or search with positions=True and decode what comes back."
        )
    return (
        ids.astype(dtype).reshape(*leading, k),
        scores.reshape(*leading, k),
        rows.reshape(*leading, -1, dim) if vectors else np.zeros((*leading, 0, dim), np.float32),
    )
