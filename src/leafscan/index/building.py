"""From vectors to an index."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_vectors
from leafscan.index.config import Config
from leafscan.index.contents import Contents
from leafscan.index.engine_build import build_sections
from leafscan.index.ids import StringIds, as_ids
from leafscan.index.index import Index
from leafscan.index.metric import check_metric
from leafscan.index.numbers import whole_number
from leafscan.index.plan import decide
from leafscan.index.progress import Progress
from leafscan.index.threads import check_threads

if TYPE_CHECKING:
    from leafscan.index.tags import Tags

__all__ = ["build"]


def build(
    vectors: ArrayLike,
    *,
    metric: str,
    config: Config | None = None,
    ids: ArrayLike | Iterable[str] | None = None,
    tags: Mapping[str, Any] | None = None,
    seed: SupportsIndex = 0,
    threads: SupportsIndex | None = None,
    progress: Progress | bool | None = None,
) -> Index:
    """Build an index of the rows of ``vectors``, which it copies.

    Parameters
    ----------
    vectors
        (n, d) real numbers, all finite: a NumPy array, anything that NumPy or DLPack can read on the CPU, or
        nested lists. They are searched as float32.
    metric
        "dot_product", "cosine" (rows of zeros have cosine 0 with everything) or "squared_l2".
    config
        The plan; None leaves it to leafscan, which goes by the size: exact search for a few rows, a tree,
        4-bit codes and exact reordering for many.
    ids
        (n,) integers that are not negative, or strings that are not empty, each different; by default the
        positions 0 to n - 1.
    tags
        What else is known of the rows, to be asked by ``index.filter(where=...)``: by name, (n,) strings,
        integers of 64 bits, floats or booleans, a list or set where a row has several, None where it has
        none.
    seed
        From 0 to 2**64 - 1. The same rows, plan and seed give the same index to the byte, whatever the number
        of threads.
    threads
        How many to use; by default ``LEAFSCAN_NUM_THREADS``, else all that this process may have.
    progress
        A callable that receives (stage, done, total) on this thread and stops the build by raising; True for
        a bar on stderr, False for none. None shows a bar if the build takes more than two seconds, stderr is
        a terminal and tqdm is installed.

    Returns
    -------
    Index
        Ready to be searched, and to be updated.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or ``vectors`` lie on a GPU.
    ValueError
        If a shape or a value is wrong, for example a row that holds NaN, which is named.
    KeyboardInterrupt
        On Ctrl-C, at once.

    Examples
    --------
    >>> import numpy as np
    >>> index = build(np.eye(3, dtype=np.float32), metric="dot_product", ids=["x", "y", "z"])
    >>> index.search([0.5, 1.0, 0.0], k=2)
    SearchResult(ids=array(['y', 'x'], dtype='<U1'), scores=array([1. , 0.5], dtype=float32))
    """
    known = check_metric(metric)
    if not isinstance(config, (Config, type(None))):
        kind = type(config).__name__
        raise TypeError(f"config must be a Config or None; received {config!r:.80} ({kind}).")
    seed = whole_number(seed, "seed", low=0, high=2**64 - 1)
    threads = check_threads(threads)
    rows = as_vectors(vectors)
    plan, decisions = decide(config, rows, known)
    names = None if ids is None else as_ids(ids, len(rows))
    said = None if tags is None else _stored(tags, len(rows))

    sections = build_sections(rows, metric=known, plan=plan, seed=seed, threads=threads, progress=progress)
    return Index(
        Contents(
            sections=sections,
            dim=rows.shape[1],
            metric=known,
            config=plan,
            seed=seed,
            ids=_by_row(names, sections["order"]),
            tags=said,
            decisions=decisions,
        )
    )


def _stored(tags: Mapping[str, Any], n: int) -> "Tags":
    # Only who has tags pays for SQLite.
    from leafscan.index.tags import Tags

    return Tags.from_columns(tags, n)


def _by_row(
    ids: NDArray[np.int64] | StringIds | None, order: NDArray[np.uint32]
) -> NDArray[np.int64] | StringIds | None:
    # The engine can return integers itself; strings are looked up by the position that it returns.
    return ids[order] if isinstance(ids, np.ndarray) else ids
