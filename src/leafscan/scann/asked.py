"""What a searcher is asked: queries, numbers that may be left to the configuration, one docid or several."""

import operator
from collections.abc import Hashable, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_vectors, read_array
from leafscan.scann.docids import as_docids
from leafscan.scann.errors import ScannError
from leafscan.scann.numbers import MAX_COUNT

__all__ = ["listed_docids", "number_asked_for", "read_queries", "read_updates"]


def number_asked_for(value: SupportsIndex | None, name: str) -> int | None:
    """Read a number of neighbours, candidates or leaves; None for the configuration's.

    Parameters
    ----------
    value
        A whole number from 1, or -1 or None, which both leave it to the configuration.
    name
        The argument, as the caller knows it.

    Raises
    ------
    ScannError
        If the number is another one.
    TypeError
        If it is no whole number.

    Examples
    --------
    >>> number_asked_for(7, "final_num_neighbors"), number_asked_for(-1, "final_num_neighbors")
    (7, None)
    """
    if value is None:
        return None
    if type(value) is int and 0 < value <= MAX_COUNT:
        return value
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number == -1:
        return None
    if isinstance(value, bool) or not 0 < number <= MAX_COUNT:
        error = ScannError if isinstance(value, SupportsIndex) else TypeError
        raise error(
            f"{name} must be a whole number from 1, or -1 or None for what was configured; "
            f"received {value!r:.80}."
        )
    return number


def read_queries(queries: ArrayLike, name: str, rank: int, dim: int) -> NDArray[Any]:
    """Read one query, (d,), or several, (q, d).

    Parameters
    ----------
    queries
        What the caller gave.
    name
        The argument, as the caller knows it.
    rank
        1 for one query, 2 for several.
    dim
        How many dimensions the rows have.

    Raises
    ------
    TypeError, ValueError
        If it is no array of that shape; as `ScannError` where the dimensions are others.
    """
    array = queries if type(queries) is np.ndarray else read_array(queries, name)
    if array.ndim != rank:
        shape, other = ("(d,)", "search_batched") if rank == 1 else ("(q, d)", "search")
        raise ValueError(f"{name} must have the shape {shape}; received {array.shape}. For it call {other}.")
    if array.shape[-1] != dim:
        raise ScannError(f"{name} must have {dim} dimensions, as the rows have; received {array.shape}.")
    return array


def read_updates(docids: Any, database: ArrayLike, dim: int) -> tuple[list[Hashable], NDArray[np.float32]]:
    """Read docids and the rows that go with them.

    Parameters
    ----------
    docids
        A list of m, or one.
    database
        (m, d) rows, or (d,) for one.
    dim
        How many dimensions the searcher's rows have.

    Raises
    ------
    TypeError, ValueError
        If something is wrong with either; as `ScannError` with the dimensions of rows.
    """
    listed = as_docids(listed_docids(docids))
    array = read_array(database, "database")
    if not listed and not array.size:
        return [], np.empty((0, dim), np.float32)
    rows = as_vectors(array[np.newaxis] if array.ndim == 1 else array)
    if len(listed) != len(rows):
        raise ValueError(
            f"Number of items mismatch in docids and database vectors: {len(listed)} != {len(rows)}."
        )
    if rows.shape[1] != dim:
        raise ScannError(
            f"database must have {dim} dimensions, as the searcher's rows have; received {rows.shape}."
        )
    return listed, rows


def listed_docids(docids: Any) -> Sequence[Hashable]:
    """Return a list as it is, and anything else as a list of one, as ScaNN does; arrays are lists, too.

    Examples
    --------
    >>> listed_docids("a"), listed_docids(np.array(["a", "b"]))
    (['a'], ['a', 'b'])
    """
    if isinstance(docids, np.ndarray) and docids.ndim == 1:
        return list(docids.tolist())
    return docids if isinstance(docids, list) else [docids]
