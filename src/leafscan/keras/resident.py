"""Candidates that lie on an accelerator, and the search among them inside a program of JAX."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from leafscan.accelerator import Candidates, Precision, exact_top_k, prepare_candidates, replace_rows
from leafscan.accelerator.candidates import unit
from leafscan.index.metric import Metric

__all__ = ["Resident", "put_there", "search_there", "update_there"]

#: The kernels take k up to this, so up to this exclusions are found as well and left out afterwards.
_MOST = 100

#: Flags or gathered numbers that a block of queries may hold at once.
_AT_ONCE = 1 << 28


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["ready", "live", "names", "sorted_names", "order"],
    meta_fields=[],
)
@dataclasses.dataclass(frozen=True)
class Resident:
    """Candidates on a device: a pytree, whose structure stays while its shapes may change.

    Attributes
    ----------
    ready
        The rows, (n, d), as `leafscan.accelerator.prepare_candidates` makes them.
    live
        (n,) bool: which rows are candidates; or (0,), all are.
    names
        (n,) integers, what is returned for each row, -1 where there is none; or (0,), the row itself.
    sorted_names, order
        The same ascending, and their rows; (0,) with ``names``.
    """

    ready: Candidates
    live: jax.Array
    names: jax.Array
    sorted_names: jax.Array
    order: jax.Array


def put_there(
    vectors: NDArray[np.float32],
    names: NDArray[Any],
    *,
    metric: Metric,
    precision: Precision,
    room: int,
    growing: bool = False,
) -> Resident:
    """Put candidates on JAX's default device.

    Parameters
    ----------
    vectors
        (n, d).
    names
        (n,) int32 or int64, not negative and each different: what is returned for each.
    metric, precision
        As of `leafscan.accelerator.prepare_candidates`.
    room
        How many rows to take, at least n; past the vectors they are no candidates.
    growing
        Whether to have ``live`` and ``names`` in any case, as `update_there` needs them.

    Returns
    -------
    Resident
        Of ``room`` rows.

    Examples
    --------
    >>> import numpy as np
    >>> eye = np.eye(3, dtype="float32")
    >>> there = put_there(
    ...     eye, np.array([7, 5, 9], "int32"), metric="cosine", precision="float32", room=4
    ... )
    >>> print(there.live, there.names, there.sorted_names)
    [ True  True  True False] [ 7  5  9 -1] [-1  5  7  9]
    """
    count, none = len(vectors), np.zeros(0, names.dtype)
    rows = vectors if room == count else np.pad(vectors, ((0, room - count), (0, 0)))
    named = sorted_names = none
    order = np.zeros(0, np.int32)
    if growing or not np.array_equal(names, np.arange(count)):
        named = np.pad(names, (0, room - count), constant_values=-1)
        order = np.argsort(named, kind="stable").astype(np.int32)
        sorted_names = named[order]
    return Resident(
        ready=_prepare(rows, metric=metric, precision=precision),
        live=jnp.asarray(np.arange(room) < count if growing or room > count else np.zeros(0, np.bool_)),
        names=jnp.asarray(named),
        sorted_names=jnp.asarray(sorted_names),
        order=jnp.asarray(order),
    )


def update_there(
    there: Resident, gone: NDArray[Any], place: int, vectors: NDArray[np.float32], names: NDArray[Any]
) -> Resident:
    """Put an update's candidates after the others, and take those away that went.

    No more than the update goes to the device; there all is copied, so that whoever searches goes on with
    what he has.

    Parameters
    ----------
    there
        The candidates, with names, and with ``live`` of all their rows.
    gone
        (g,) rows that are candidates no more.
    place
        Of the first vector; the others follow. There must be room for them.
    vectors, names
        (m, d) and (m,), as of `put_there`.

    Returns
    -------
    Resident
        Of the same shapes.

    Examples
    --------
    >>> import numpy as np
    >>> eye = np.eye(3, dtype="float32")
    >>> there = put_there(
    ...     eye, np.array([7, 5, 9], "int32"), metric="cosine", precision="float32", room=4
    ... )
    >>> there = update_there(there, np.array([1]), 3, 2 * eye[:1], np.array([5], "int32"))
    >>> print(there.live, there.names, there.sorted_names)
    [ True False  True  True] [ 7 -1  9  5] [-1  5  7  9]
    """
    room = there.ready.shape[0]

    def filled(array: NDArray[Any], value: Any) -> NDArray[Any]:
        # Sizes of a few kinds, so that few programs are compiled.
        past = max(8, 1 << (len(array) - 1).bit_length() if len(array) else 0) - len(array)
        return np.pad(array, ((0, past), *[(0, 0)] * (array.ndim - 1)), constant_values=value)

    came = np.arange(place, place + len(names), dtype=np.int32)
    updated: Resident = _update(
        there,
        filled(np.asarray(gone, np.int32), room),
        filled(came, room),
        filled(vectors, 0),
        filled(names.astype(there.names.dtype), -1),
    )
    return updated


@jax.jit
def _update(there: Resident, gone: Any, came: Any, vectors: Any, names: Any) -> Resident:
    named = there.names.at[gone].set(-1, mode="drop").at[came].set(names, mode="drop")
    order = jnp.argsort(named, stable=True).astype(jnp.int32)
    return Resident(
        ready=replace_rows(there.ready, came, vectors),
        live=there.live.at[gone].set(False, mode="drop").at[came].set(True, mode="drop"),
        names=named,
        sorted_names=named[order],
        order=order,
    )


@partial(jax.jit, static_argnames="k")
def search_there(there: Resident, queries: Any, deny: Any, allow: Any, *, k: int) -> tuple[Any, Any]:
    """Search as `leafscan.jax.search` does, but on the device.

    Parameters
    ----------
    there
        The candidates.
    queries
        (..., d) floating.
    deny, allow
        Integers (..., m) or (m,), m at least 1, or None.
    k
        How many.

    Returns
    -------
    tuple
        Scores and names, (..., k).

    Examples
    --------
    >>> import numpy as np
    >>> eye = np.eye(3, dtype="float32")
    >>> there = put_there(
    ...     eye, np.array([7, 5, 9], "int32"), metric="cosine", precision="float32", room=3
    ... )
    >>> scores, names = search_there(there, jnp.array([[3.0, 2.0, 1.0]]), jnp.array([[7, -1]]), None, k=3)
    >>> names.tolist(), bool(scores[0, 2] == -np.inf)
    ([[5, 9, -1]], True)
    """
    *leading, dim = queries.shape
    points = queries.astype(jnp.float32).reshape(-1, dim)
    live = there.live if there.live.shape[0] else None
    own_deny = own_allow = None
    if deny is not None:
        rows = _rows_of(there, deny)
        if deny.ndim == 1:
            live = jnp.logical_and(True if live is None else live, ~_flags(there, rows))
        else:
            own_deny = rows.reshape(-1, deny.shape[-1])
    if allow is not None:
        rows = _rows_of(there, allow)
        if allow.ndim == 1:
            live = jnp.logical_and(True if live is None else live, _flags(there, rows))
        else:
            own_allow = rows.reshape(-1, allow.shape[-1])
    if own_allow is not None:
        scores, found = _among(there, points, own_allow, own_deny, live, k)
    elif own_deny is None:
        scores, found = exact_top_k(points, there.ready, k, mask=live)
    else:
        scores, found = _without(there, points, own_deny, live, k)
    if there.names.shape[0]:
        found = jnp.where(found < 0, -1, there.names[found])
    return scores.reshape(*leading, k), found.reshape(*leading, k)


@partial(jax.jit, static_argnames=("metric", "precision"))
def _prepare(rows: Any, *, metric: Metric, precision: Precision) -> Candidates:
    return prepare_candidates(rows, metric=metric, precision=precision)


def _rows_of(there: Resident, names: jax.Array) -> jax.Array:
    """Return the row of each name, or -1."""
    if not there.names.shape[0]:
        return jnp.where((names >= 0) & (names < there.ready.shape[0]), names, -1).astype(jnp.int32)
    at = jnp.searchsorted(there.sorted_names, names.astype(there.names.dtype))
    at = jnp.minimum(at, there.order.shape[0] - 1)
    return jnp.where((there.sorted_names[at] == names) & (names >= 0), there.order[at], -1)


def _flags(there: Resident, rows: jax.Array) -> jax.Array:
    """Return (n,) bool, which rows are among ``rows`` (m,)."""
    count = there.ready.shape[0]
    return jnp.zeros(count, jnp.bool_).at[jnp.where(rows < 0, count, rows)].set(True, mode="drop")


def _without(
    there: Resident, points: jax.Array, deny: jax.Array, live: jax.Array | None, k: int
) -> tuple[Any, Any]:
    """Search, each query without the rows (q, m) of its own."""
    more = deny.shape[-1]
    if k + more <= _MOST:
        # However many of the best are excluded, k of k + m are not.
        scores, found = exact_top_k(points, there.ready, k + more, mask=live)
        out = (found[:, :, None] == deny[:, None, :]).any(axis=2) & (found >= 0)
        first = jnp.argsort(out, axis=1, stable=True)[:, :k]
        scores, found, out = (jnp.take_along_axis(each, first, axis=1) for each in (scores, found, out))
        return jnp.where(out, _worst(there), scores), jnp.where(out, -1, found)

    def block(points: jax.Array, deny: jax.Array) -> tuple[jax.Array, jax.Array]:
        mask = ~jax.vmap(partial(_flags, there))(deny)
        return exact_top_k(points, there.ready, k, mask=mask if live is None else mask & live)

    return _by_blocks(block, points, (deny,), there.ready.shape[0])


def _among(
    there: Resident,
    points: jax.Array,
    allow: jax.Array,
    deny: jax.Array | None,
    live: jax.Array | None,
    k: int,
) -> tuple[Any, Any]:
    """Search, each query among the rows (q, m) of its own, which are read and scored."""
    ready = there.ready
    if ready.metric == "cosine":
        points = unit(points)

    def block(points: jax.Array, allow: jax.Array, *denied: jax.Array) -> tuple[jax.Array, jax.Array]:
        allow = jnp.sort(allow, axis=1)
        again = jnp.pad(allow[:, 1:] == allow[:, :-1], ((0, 0), (1, 0)))
        may = (allow >= 0) & ~again
        if live is not None:
            may &= live[allow]
        if denied:
            may &= ~(allow[:, :, None] == denied[0][:, None, :]).any(axis=2)
        rows = ready.rows[allow].astype(jnp.float32)
        if ready.squared_l2:
            scores = -jnp.sum(jnp.square(rows - points[:, None]), axis=2)
        else:
            scores = jnp.einsum("qd,qmd->qm", points, rows, precision=lax.Precision.HIGHEST)
        past = ((0, 0), (0, max(0, k - allow.shape[1])))
        scores = jnp.pad(jnp.where(may, scores, -jnp.inf), past, constant_values=-jnp.inf)
        best, at = lax.top_k(scores, k)
        found = jnp.take_along_axis(jnp.pad(allow, past), at, axis=1)
        return -best if ready.squared_l2 else best, jnp.where(best == -jnp.inf, -1, found)

    lists = (allow,) if deny is None else (allow, deny)
    each = allow.shape[1] * (ready.shape[1] + (0 if deny is None else deny.shape[1]))
    return _by_blocks(block, points, lists, each)


def _by_blocks(
    block: Callable[..., tuple[jax.Array, jax.Array]],
    points: jax.Array,
    lists: tuple[jax.Array, ...],
    each: int,
) -> tuple[Any, Any]:
    """Call ``block`` for as many queries at once as hold ``_AT_ONCE`` numbers, ``each`` by a query."""
    count = len(points)
    size = max(1, _AT_ONCE // max(1, each))
    if count <= size:
        return block(points, *lists)
    blocks = -(-count // size)
    size = -(-count // blocks)
    operands = tuple(
        jnp.pad(array, ((0, blocks * size - count), (0, 0)), mode="edge").reshape(blocks, size, -1)
        for array in (points, *lists)
    )
    found = lax.map(lambda block_of: block(*block_of), operands)
    scores, rows = (part.reshape(blocks * size, -1)[:count] for part in found)
    return scores, rows


def _worst(there: Resident) -> float:
    return np.inf if there.ready.squared_l2 else -np.inf
