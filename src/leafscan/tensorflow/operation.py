"""The operation that users call."""

from typing import Any, SupportsIndex

import numpy as np
import tensorflow as tf

from leafscan import _engine
from leafscan.index.index import Index, SearchResult
from leafscan.index.numbers import whole_number
from leafscan.index.searchable import MAX_K
from leafscan.index.slots import Slot, slot_of
from leafscan.tensorflow.operand import slot_variable

__all__ = ["search"]


def search(
    index: Index | Slot,
    queries: Any,
    k: SupportsIndex = 10,
    *,
    positions: bool = False,
    deny: Any = None,
    allow: Any = None,
    differentiable: bool = True,
) -> SearchResult:
    """Find the best ``k`` rows for each query, as an operation of TensorFlow.

    It works eagerly, in ``tf.function``, ``tf.data`` and Keras models; not under ``jit_compile=True`` (XLA
    has no kernel for Python functions and says so), and not in a SavedModel (exporting raises). Scores are
    differentiable with respect to the queries, by the rows that were found, which are held fixed.

    Parameters
    ----------
    index
        A `leafscan.Index`, or a `leafscan.Slot`, whose index can be replaced and which knows how thoroughly
        to search. Functions see a new version at their next call and are not traced again.
    queries
        (d,) or (..., d) real numbers, all finite, of known rank; searched as float32 whatever their dtype.
        On a GPU they are copied to the host, and ids and scores back.
    k
        How many, at least 1; a Python integer, since it is the result's shape.
    positions
        Return positions instead of ids: of each row its place among the vectors when the index was built.
        ``leafscan.Slot.decode`` turns them into ids. Needed for strings.
    deny
        Integers (..., m), for each query what it must not be given, or (m,) for all; named as in the result.
        Fill lists up with -1. What the index does not have is passed over.
    allow
        All that each query may be given, likewise; they are scored exactly.
    differentiable
        False leaves out the rows that a gradient needs, which is quicker for a large k.

    Returns
    -------
    SearchResult
        ``ids`` (int64) and ``scores`` (float32) as tensors, (k,) for (d,) and (..., k) for (..., d), best
        first; id -1 and score -inf (squared_l2: +inf) where there is no more.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or the index has strings for ids and ``positions`` is False.
    ValueError
        If a shape is wrong. And when the search runs (in a graph as ``tf.errors.InvalidArgumentError``): if a
        query holds NaN, the slot is closed, or the index keeps no rows and ``differentiable`` is True. The
        message says which.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> import tensorflow as tf  # doctest: +SKIP
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
    >>> leafscan.tensorflow.search(index, tf.constant([0.0, 3.0, 2.0, 1.0]), k=2).ids  # doctest: +SKIP
    <tf.Tensor: shape=(2,), dtype=int64, numpy=array([1, 2])>
    """
    slot = slot_of(index)
    count = whole_number(k, "k", low=1, high=MAX_K)
    if slot.id_kind == "strings" and not positions:
        raise TypeError(
            "this index has strings for ids, which the engine does not write into tensors; search with "
            "positions=True, and decode them outside: leafscan.Slot(index).decode(positions)."
        )
    points = tf.convert_to_tensor(queries)
    if not (points.dtype.is_floating or points.dtype.is_integer):
        raise TypeError(f"queries must hold real numbers; received the dtype {points.dtype.name}.")
    if not points.shape.rank or points.shape[-1] not in (slot.dim, None):
        raise ValueError(
            f"queries must have the shape ({slot.dim},) or (..., {slot.dim}), since the index has {slot.dim} "
            f"dimensions; received {points.shape}."
        )
    metric, number = slot.metric, slot_variable(slot)
    leading = tf.shape(points)[:-1]
    rows = tf.reshape(tf.cast(points, tf.float32), (-1, slot.dim))
    denied = _lists(deny, "deny", points, leading)
    allowed = _lists(allow, "allow", points, leading)

    def run(slot: Any, queries: Any, deny: Any, allow: Any) -> tuple[Any, Any, Any]:
        ids, scores, vectors = _engine.search_slot(
            int(slot),
            np.ascontiguousarray(queries),
            count,
            positions=positions,
            deny=np.ascontiguousarray(deny) if deny.shape[1] else None,
            allow=np.ascontiguousarray(allow) if allow.shape[1] else None,
            vectors=differentiable,
        )
        return scores, ids, vectors

    @tf.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
    def found(queries: Any) -> tuple[Any, Any]:
        operands = [number.read_value(), queries, denied, allowed]
        scores, ids, vectors = tf.numpy_function(run, operands, (tf.float32, tf.int64, tf.float32))
        for tensor in (scores, ids):
            tensor.set_shape((queries.shape[0], count))
        vectors.set_shape((queries.shape[0], count if differentiable else 0, slot.dim))

        def gradient(change: Any, _: Any = None) -> Any:
            if not differentiable:
                raise ValueError("scores have no gradient where search is given differentiable=False.")
            return _gradient(metric, queries, tf.where(ids >= 0, change, 0), vectors)

        return (scores, ids), gradient

    scores, ids = found(rows)
    shape = tf.concat([leading, [count]], axis=0)
    static = points.shape[:-1].concatenate(count)
    return SearchResult(_shaped(ids, shape, static), _shaped(scores, shape, static))


def _gradient(metric: str, queries: Any, change: Any, vectors: Any) -> Any:
    grad = tf.einsum("qk,qkd->qd", change, vectors)
    if metric == "squared_l2":
        return 2 * (queries * tf.reduce_sum(change, axis=1, keepdims=True) - grad)
    if metric == "cosine":
        # Of q / |q|: what of it lies along q is taken off. A zero query has cosine 0 with everything.
        squares = tf.reduce_sum(tf.square(queries), axis=1, keepdims=True)
        inverse = tf.where(squares > 0, tf.math.rsqrt(tf.where(squares > 0, squares, 1)), 0)
        unit = queries * inverse
        return (grad - unit * tf.reduce_sum(unit * grad, axis=1, keepdims=True)) * inverse
    return grad


def _shaped(tensor: Any, shape: Any, static: Any) -> Any:
    shaped = tf.reshape(tensor, shape)
    shaped.set_shape(static)
    return shaped


def _lists(values: Any, name: str, queries: Any, leading: Any) -> Any:
    if values is None:
        return tf.zeros((tf.reduce_prod(leading), 0), tf.int64)
    lists: Any = values if tf.is_tensor(values) else np.asarray(values)
    if not tf.is_tensor(lists):
        lists = tf.constant(lists, tf.int64) if not lists.size else tf.convert_to_tensor(lists)
    if not lists.dtype.is_integer:
        raise TypeError(f"{name} must hold integers; received the dtype {lists.dtype.name}.")
    rank = lists.shape.rank
    if not rank or (rank > 1 and not lists.shape[:-1].is_compatible_with(queries.shape[:-1])):
        raise ValueError(
            f"{name} must have the shape {(*queries.shape[:-1], 'm')}, a list for each query, or (m,) for "
            f"all; received {lists.shape}."
        )
    if name == "allow" and lists.shape[-1] == 0:
        raise ValueError("allow must name something, -1 for nothing; received an empty list.")
    width = tf.shape(lists)[-1]
    spread = tf.broadcast_to(tf.cast(lists, tf.int64), tf.concat([leading, [width]], axis=0))
    return tf.reshape(spread, (tf.reduce_prod(leading), width))
