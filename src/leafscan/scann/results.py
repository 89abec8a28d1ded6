"""What a searcher returns: pairs, as ScaNN's are, whose parts have the names that its tensor ops have."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_INDEX", "BatchResult", "QueryResult", "padded", "there"]

#: Stands where a batch has fewer neighbours than asked for and rows have no docids: no row has this number.
NO_INDEX = np.uint32(2**32 - 1)


class QueryResult(NamedTuple):
    """The neighbours of one query, best first.

    Attributes
    ----------
    index
        (m,) uint32, or a list of docids; ``indices`` is the same.
    distance
        (m,) float32; ``distances`` is the same. Dot products descend, squared distances ascend.

    Examples
    --------
    >>> result = QueryResult([3, 1], np.array([2.0, 1.0]))
    >>> index, distance = result
    >>> result.indices is index
    True
    """

    index: Any
    distance: Any

    @property
    def indices(self) -> Any:
        """The same as ``index``."""
        return self.index

    @property
    def distances(self) -> Any:
        """The same as ``distance``."""
        return self.distance


class BatchResult(NamedTuple):
    """The neighbours of a batch of queries, best first.

    Attributes
    ----------
    indices
        (q, k) uint32, or a list of q lists of k docids.
    distances
        (q, k) float32; NaN where a query has fewer than k neighbours, and the index there is `NO_INDEX`, the
        docid None. Where k was left to the configuration, it is no more than the most that a query has.
    """

    indices: Any
    distances: Any


def padded(
    ids: NDArray[np.int64], scores: NDArray[np.float32], width: int | None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return results of the given width, -1 and NaN where there is no neighbour.

    Parameters
    ----------
    ids, scores
        (q, m), m at most ``width``; ids are -1 where there is none.
    width
        How many columns to return; None for as many as the query with the most neighbours has.

    Examples
    --------
    >>> padded(np.array([[5, -1]]), np.array([[1.0, -np.inf]], np.float32), 3)
    (array([[ 5, -1, -1]]), array([[ 1., nan, nan]], dtype=float32))
    """
    q, m = ids.shape
    if width is None:
        width = m if not q else int(np.count_nonzero((ids >= 0).any(axis=0)))
        ids, scores = ids[:, :width], np.ascontiguousarray(scores[:, :width])
    elif m < width:
        wide = np.full((q, width), -1, np.int64)
        wide[:, :m] = ids
        wide_scores = np.full((q, width), np.nan, np.float32)
        wide_scores[:, :m] = scores
        ids, scores = wide, wide_scores
    missing = ids < 0
    if missing.any():
        scores = np.where(missing, np.float32(np.nan), scores)
    return ids, scores


def there(ids: NDArray[np.int64]) -> int:
    """Return how many of one query's ids, (k,), are there: the rest is -1.

    Examples
    --------
    >>> there(np.array([7, 3, -1]))
    2
    """
    k = len(ids)
    if not k or ids[-1] >= 0:
        return k
    return int(np.count_nonzero(ids >= 0))
