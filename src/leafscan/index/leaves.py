"""How an index' vectors lie in its leaves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leafscan.index.readable import ReadableIndex

__all__ = ["Leaves", "examine_leaves"]

#: As many vectors, evenly spread, stand for all.
SAMPLE = 5_000

#: So many distances are held at a time.
CELLS = 4_000_000


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Leaves:
    """What `examine_leaves` found.

    Attributes
    ----------
    sizes
        (leaves,) how many vectors each leaf holds.
    error
        The root of the mean squared distance of a vector to the nearest centroid; NaN where the index keeps
        no rows.
    """

    sizes: NDArray[np.int64]
    error: float


def examine_leaves(index: ReadableIndex) -> Leaves | None:
    """Examine the leaves of the version that is current.

    Parameters
    ----------
    index
        Any index.

    Returns
    -------
    Leaves or None
        None where there is no tree.

    Examples
    --------
    >>> import leafscan
    >>> vectors = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    >>> plan = leafscan.Config(tree=leafscan.Tree(num_leaves=4))
    >>> leaves = examine_leaves(leafscan.build(vectors, metric="squared_l2", config=plan))
    >>> leaves.sizes.tolist(), leaves.error
    ([10, 10, 10, 10], 0.0)
    """
    living = index._living
    config = living.contents.config
    if config.tree is None:
        return None
    with living.lock:
        searcher = living.searcher
    sizes = searcher.leaf_sizes().astype(np.int64)
    if config.row_dtype is None:
        return Leaves(sizes=sizes, error=float("nan"))
    live = searcher.live_rows()
    if not len(live):
        return Leaves(sizes=sizes, error=0.0)
    rows = searcher.read_rows(live[:: max(1, len(live) // SAMPLE)]).astype(np.float64)
    sections = living.contents.sections
    centroids = sections["centroids"].astype(np.float64)
    if "center" in sections:
        rows = rows - sections["center"]
    step = max(1, CELLS // len(centroids))
    squares = [_nearest(rows[start : start + step], centroids) for start in range(0, len(rows), step)]
    return Leaves(sizes=sizes, error=float(np.sqrt(np.concatenate(squares).mean())))


def _nearest(rows: NDArray[np.float64], centroids: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.square(centroids).sum(axis=1)
    nearest: NDArray[np.float64] = (lengths - 2 * rows @ centroids.T).min(axis=1)
    nearest += np.square(rows).sum(axis=1)
    return nearest.clip(min=0.0)
