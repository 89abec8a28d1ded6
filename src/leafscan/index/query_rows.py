"""Rows that each query of a batch may have, or may not: ids or masks, read into what the engine takes."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.arrays import read_array
from leafscan.index.lookup import NO_ROW
from leafscan.index.roster import Roster

__all__ = ["read_query_rows"]

#: A mask that names at most this share of the rows for each query is as well a list of them.
LISTED_SHARE = 64


def read_query_rows(
    allow: Any, deny: Any, *, queries: int | None, lookup: Roster
) -> dict[str, NDArray[np.uint32] | NDArray[np.uint8]]:
    """Read the ``allow`` and ``deny`` of a search.

    Parameters
    ----------
    allow, deny
        As `leafscan.Index.search` takes them; None where not given.
    queries
        How many queries there are; None for a single one, of which the arrays have no first axis.
    lookup
        Of the index.

    Returns
    -------
    dict
        What ``leafscan._engine.Searcher.search_among`` takes by these names.

    Raises
    ------
    TypeError, ValueError
        If they are of the wrong kind or shape.
    """
    read: dict[str, NDArray[np.uint32] | NDArray[np.uint8]] = {}
    for name, given in (("allow", allow), ("deny", deny)):
        if given is None:
            continue
        values = _as_matrix(given, name, queries)
        if isinstance(values, np.ndarray) and values.dtype == np.bool_:
            wanted = (values.shape[0], len(lookup))
            if values.shape != wanted:
                shape = wanted[1:] if queries is None else wanted
                raise ValueError(
                    f"{name} as a mask must hold one boolean for each row of the index, the shape {shape}; "
                    f"received {values.shape[1:] if queries is None else values.shape}."
                )
            rows = _listed(values, lookup)
            if rows is None:
                read[f"{name}_mask"] = np.ascontiguousarray(values).view(np.uint8)
                read["mask_rows"] = lookup.by_place()
            else:
                read[name] = rows
        else:
            # The engine sorts what is not sorted, one query at a time.
            read[name] = np.sort(lookup.find(values, name), axis=1)
    return read


def _listed(masks: NDArray[np.bool_], lookup: Roster) -> NDArray[np.uint32] | None:
    counts = np.count_nonzero(masks, axis=1)
    most = int(counts.max(initial=0))
    if most > len(lookup) // LISTED_SHARE:
        return None
    query, place = np.nonzero(masks)
    rows = np.full((len(masks), most), NO_ROW, np.uint32)
    rows[query, _places_in(counts)] = lookup.by_place()[place]
    return rows


def _as_matrix(given: Any, name: str, queries: int | None) -> NDArray[Any]:
    array = _read(given, name, single=queries is None)
    if queries is None:
        if array.ndim != 1:
            raise ValueError(
                f"{name} must have the shape (m,) for one query, ids or a mask; received {array.shape}."
            )
        return array.reshape(1, -1)
    if array.ndim != 2 or len(array) != queries:
        raise ValueError(
            f"{name} must have the shape ({queries}, m), ids of each query that are padded with -1 (strings: "
            f'""), or be a mask; received {array.shape}. What holds for all queries goes into index.filter().'
        )
    return array


def _read(given: Any, name: str, *, single: bool) -> NDArray[Any]:
    if hasattr(given, "__array__") or hasattr(given, "__dlpack__"):
        return read_array(given, name)
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise TypeError(
            f"{name} must be ids or a mask; received {given!r:.80} ({type(given).__name__}). "
            "Put it in a list."
        )
    if single:
        return _flat(list(given), name)
    lists = [_items(item, name) for item in given]
    counts = np.array([len(items) for items in lists], np.intp)
    flat = _flat(list(chain.from_iterable(lists)), name)
    if len(counts) and (counts == counts[0]).all():
        return flat.reshape(len(counts), counts[0])
    if flat.dtype == np.bool_:
        raise ValueError(f"{name} as a mask must hold as many booleans for each query.")
    padded = np.full((len(counts), counts.max(initial=0)), "" if flat.dtype.kind in "OU" else -1, flat.dtype)
    padded[np.repeat(np.arange(len(counts)), counts), _places_in(counts)] = flat
    return padded


def _items(item: Any, name: str) -> Sequence[Any]:
    if hasattr(item, "__array__"):
        listed = read_array(item, name).tolist()
        if isinstance(listed, list):
            return listed
    elif isinstance(item, Iterable) and not isinstance(item, (str, bytes)):
        return list(item)
    raise TypeError(
        f"{name} must hold a list of ids for each query; received {item!r:.80} ({type(item).__name__}). "
        "What holds for all queries goes into index.filter()."
    )


def _flat(values: list[Any], name: str) -> NDArray[Any]:
    # NumPy would make strings of [1, "a"], and of integers beyond 64 bits floats.
    if all(isinstance(value, str) for value in values) and values:
        return np.array(values, object)
    if all(isinstance(value, (bool, np.bool_)) for value in values) and values:
        return np.array(values, np.bool_)
    for value in values:
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
            raise TypeError(
                f"{name} must hold ids of one kind, or booleans; "
                f"received {value!r:.80} ({type(value).__name__})."
            )
    # What is beyond 64 bits is no id of any index.
    return np.array([value if -1 <= value < 2**63 else -1 for value in values], np.int64)


def _places_in(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return 0, 1, ... up to each count, one after the other."""
    ends = np.cumsum(counts)
    return np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
