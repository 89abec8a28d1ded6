"""Search of a table that is another layer's variable, whatever shape queries have, and with exclusions."""

from typing import Any

from keras import ops

from leafscan.index.metric import Metric
from leafscan.keras.blocks import best_rows

__all__ = ["search_table"]


def search_table(
    queries: Any, table: Any, names: Any, k: int, *, metric: Metric, deny: Any = None
) -> tuple[Any, Any]:
    """Find the best rows of each query exactly.

    Parameters
    ----------
    queries
        (d,) or (..., d) real numbers.
    table
        (n, d) of any floating dtype; scored in float32.
    names
        Integers (n,), what is returned in place of places, or None.
    k, metric
        As of `leafscan.keras.blocks.best_rows`.
    deny
        Integers (..., m), named as in the result, or (m,) for all queries, filled up with -1; or None.

    Returns
    -------
    tuple
        scores and ids, (..., k).

    Raises
    ------
    ValueError
        If the queries' shape is wrong, or m is not known.

    Examples
    --------
    >>> import keras, numpy as np
    >>> table, query = np.eye(4, dtype="float32"), np.array([0, 3, 2, 1], "float32")
    >>> found = search_table(query, table, None, 2, metric="dot_product", deny=[1])
    >>> [keras.ops.convert_to_numpy(each).tolist() for each in found]
    [[2.0, 1.0], [2, 3]]
    """
    points, table = ops.cast(queries, "float32"), ops.cast(table, "float32")
    dim = table.shape[1]
    if not points.shape or points.shape[-1] != dim:
        raise ValueError(
            f"queries must have the shape ({dim},) or (..., {dim}), since candidates have {dim} dimensions. "
            f"Received: {tuple(points.shape)}."
        )
    flat = len(points.shape) == 2
    rows = points if flat else ops.reshape(points, (-1, dim))
    denied = None if deny is None else ops.convert_to_tensor(deny)
    more = 0 if denied is None else _width(denied)
    scores, places = best_rows(rows, table, k + more, metric=metric)
    ids = (
        places
        if names is None
        else ops.where(places < 0, -1, ops.take(names, ops.maximum(places, 0), axis=0))
    )
    if more:
        scores, ids = _without(denied, scores, ids, k, smallest_first=metric == "squared_l2")
    if flat:
        return scores, ids
    shape = (*ops.shape(points)[:-1], k)
    return ops.reshape(scores, shape), ops.reshape(ids, shape)


def _width(denied: Any) -> int:
    width = denied.shape[-1]
    if width is None:
        raise ValueError(
            "`exclusions` must be of a known length where candidates are a variable: so many more are "
            "searched for. Give keras.Input their length, and fill them up with -1."
        )
    return int(width)


def _without(denied: Any, scores: Any, ids: Any, k: int, *, smallest_first: bool) -> tuple[Any, Any]:
    """Take out what is denied, of so many more than k as there are denials, and keep the best k."""
    lists = ops.cast(ops.reshape(denied, (-1, 1, denied.shape[-1])), ids.dtype)
    ids = ops.where(ops.any(ops.equal(ops.expand_dims(ids, 2), lists), axis=2), -1, ids)
    keys = ops.where(ids < 0, -float("inf"), -scores if smallest_first else scores)
    keys, order = ops.top_k(keys, k)
    return (-keys if smallest_first else keys), ops.take_along_axis(ids, order, axis=1)
