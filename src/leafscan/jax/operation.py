"""The operation that users call: arguments are checked here, once, while a program is traced."""

from typing import Any, NamedTuple, SupportsIndex, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from leafscan.index.index import Index, SearchResult
from leafscan.index.metric import Metric
from leafscan.index.numbers import whole_number
from leafscan.index.searchable import MAX_K
from leafscan.index.slots import IdKind, Slot, slot_of
from leafscan.jax.call import found, id_dtype, slot_number

__all__ = ["TracedSlot", "read_lists", "search"]


class TracedSlot(NamedTuple):
    """A `leafscan.Slot` inside a function that it was given to as an argument under ``jit``.

    Attributes
    ----------
    number
        uint32 (2,), an array or a tracer.
    dim, metric, id_kind
        As of the slot.
    """

    number: Any
    dim: int
    metric: Metric
    id_kind: IdKind


def _flatten(slot: Slot) -> tuple[tuple[Any], tuple[Any, ...]]:
    return (slot_number(slot.number),), (slot.dim, slot.metric, slot.id_kind)


def _unflatten(known: tuple[Any, ...], children: tuple[Any]) -> Any:
    return TracedSlot(children[0], *known)


jax.tree_util.register_pytree_node(Slot, _flatten, _unflatten)

Searchable: TypeAlias = Index | Slot | TracedSlot


def search(
    index: Searchable,
    queries: Any,
    k: SupportsIndex = 10,
    *,
    positions: bool = False,
    deny: Any = None,
    allow: Any = None,
) -> SearchResult:
    """Find the best ``k`` rows for each query, as an operation of JAX.

    It works eagerly and under ``jit``, ``vmap``, ``grad`` (and ``jvp``, ``hessian``), ``scan`` and
    ``shard_map``. Scores are differentiable with respect to the queries, by the rows that were found, which
    are held fixed; ids have no derivative.

    Parameters
    ----------
    index
        A `leafscan.Index`, or a `leafscan.Slot`, whose index can be replaced and which knows how thoroughly
        to search. Compiled functions see a new version at their next call and are not traced again. A slot
        may also be an argument of a jitted function, which then serves every slot: it is a pytree.
    queries
        (d,) or (..., d) real numbers, all finite; searched as float32 whatever their dtype.
    k
        How many, at least 1; a Python integer, since it is the result's shape.
    positions
        Return positions instead of ids: of each row its place among the vectors when the index was built.
        ``leafscan.Slot.decode`` turns them into ids. Needed for strings, and for ids from 2**31 while
        ``jax_enable_x64`` is off.
    deny
        Integers (..., m), for each query what it must not be given, or (m,) for all; named as in the result.
        Fill lists up with -1. What the index does not have is passed over.
    allow
        All that each query may be given, likewise; they are scored exactly.

    Returns
    -------
    SearchResult
        ``ids`` (int32, or int64 with ``jax_enable_x64``) and ``scores`` (float32) as JAX arrays, (k,) for
        (d,) and (..., k) for (..., d), best first; id -1 and score -inf (squared_l2: +inf) where there is no
        more.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or the index has strings for ids and ``positions`` is False.
    ValueError
        If a shape is wrong. And when the search runs, as whatever this JAX makes of XLA's INVALID_ARGUMENT:
        if a query holds NaN, the slot is closed, an id does not fit int32, or a derivative is asked of an
        index that keeps no rows. The message says which.

    Notes
    -----
    On a GPU the queries are copied to the host, searched there, and the results copied back
    (`jax.pure_callback`). A program exported or cached by another process carries that process' slot number,
    which raises here; trace it anew.

    Examples
    --------
    >>> import jax, leafscan, numpy as np
    >>> import leafscan.jax
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
    >>> query = np.array([0, 3, 2, 1], np.float32)
    >>> leafscan.jax.search(index, query, k=2).scores.tolist()
    [3.0, 2.0]
    >>> leafscan.jax.search(index, query, k=2, deny=[1]).ids.tolist()
    [2, 3]
    >>> jax.grad(lambda query: leafscan.jax.search(index, query, k=2).scores.sum())(query).tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    number, dim, metric, kind = _known(index)
    count = whole_number(k, "k", low=1, high=MAX_K)
    if kind == "strings" and not positions:
        raise TypeError(
            "this index has strings for ids, which arrays of JAX cannot hold; search with positions=True, "
            "and decode them outside: leafscan.Slot(index).decode(positions)."
        )
    points = queries if isinstance(queries, jax.Array) else np.asarray(queries)
    if not (jnp.issubdtype(points.dtype, jnp.floating) or jnp.issubdtype(points.dtype, jnp.integer)):
        raise TypeError(f"queries must hold real numbers; received the dtype {points.dtype}.")
    if points.ndim < 1 or points.shape[-1] != dim:
        raise ValueError(
            f"queries must have the shape ({dim},) or (..., {dim}), since the index has {dim} dimensions; "
            f"received {points.shape}."
        )
    leading = points.shape[:-1]
    denied = None if deny is None else read_lists(deny, "deny", leading)
    allowed = None if allow is None else read_lists(allow, "allow", leading)
    return SearchResult(*found(number, points, denied, allowed, count, bool(positions), metric))


def _known(index: Searchable) -> TracedSlot:
    if isinstance(index, TracedSlot):
        return index
    slot = slot_of(index)
    return TracedSlot(slot_number(slot.number), slot.dim, slot.metric, slot.id_kind)


def read_lists(values: Any, name: str, leading: tuple[int, ...]) -> Any:
    """Check the lists of `search`: ``name`` is "deny" or "allow", ``leading`` the shape of the queries' own.

    Examples
    --------
    >>> read_lists([[3, -1], [4, 5]], "deny", (2,)).shape, read_lists([], "deny", (2,)) is None
    ((2, 2), True)
    """
    array = values if isinstance(values, jax.Array) else np.asarray(values)
    if not array.size and not isinstance(array, jax.Array):
        array = array.astype(np.int32)  # NumPy makes an empty list float64.
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers; received the dtype {array.dtype}.")
    if array.ndim < 1 or array.shape[:-1] not in (leading, ()):
        raise ValueError(
            f"{name} must have the shape {(*leading, 'm')}, a list for each query, or (m,) for all; "
            f"received {array.shape}."
        )
    if array.shape[-1] == 0:
        if name == "allow":
            raise ValueError("allow must name something, -1 for nothing; received an empty list.")
        return None
    if isinstance(array, np.ndarray) and array.size and array.max() > np.iinfo(id_dtype()).max:
        raise ValueError(
            f"{name} holds {array.max()}, which does not fit {id_dtype()}; switch jax_enable_x64 on, or "
            "search with positions=True and name positions."
        )
    return array
