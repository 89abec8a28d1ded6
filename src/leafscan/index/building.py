"""From vectors to an index."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_vectors
from leafscan.index.config import Config
from leafscan.index.contents import Contents
from leafscan.index.decisions import Decision
from leafscan.index.engine_build import build_sections
from leafscan.index.ids import StringIds, as_ids
from leafscan.index.index import Index
from leafscan.index.metric import check_metric
from leafscan.index.numbers import whole_number
from leafscan.index.plan import decide, reasons
from leafscan.index.progress import Progress, reporting
from leafscan.index.searchable import MAX_K
from leafscan.index.threads import check_threads
from leafscan.index.tuning.goal import Goal
from leafscan.index.tuning.limits import Limits
from leafscan.index.tuning.points import check_confidence, check_recall
from leafscan.index.tuning.queries import as_query_rows
from leafscan.index.tuning.tuned_build import tuned

if TYPE_CHECKING:
    from leafscan.index.tags import Tags

__all__ = ["build"]


def build(
    vectors: ArrayLike,
    *,
    metric: str,
    config: Config | None = None,
    recall: float | None = None,
    k: SupportsIndex = 10,
    queries: ArrayLike | None = None,
    confidence: float = 0.95,
    max_bytes: SupportsIndex | None = None,
    max_latency_us: float | None = None,
    max_build_s: float | None = None,
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
        (n, d) real numbers, from -1e15 to 1e15, or for cosine any that are finite: a NumPy array, anything
        that NumPy or DLPack can read on the CPU, or nested lists. They are searched as float32.
    metric
        "dot_product", "cosine" (rows of zeros have cosine 0 with everything) or "squared_l2".
    config
        The plan; None leaves it to leafscan, which goes by the size: exact search for a few rows, a tree,
        4-bit codes and exact reordering for many.
    recall
        The share of the exact best ``k`` that searches are to find, above 0, at most 1: plans are built,
        measured, and the cheapest that reaches it becomes the index's own, with the search parameters that
        reach it as its default (`leafscan.Index.tuning` tells what was tried). With ``config`` only these
        parameters are sought. It takes up to three times as long as a build without.
    k
        For how many neighbours ``recall`` is meant.
    queries
        (m, d) queries like those to come, over which recall is measured; some thousand tell it well. None
        takes vectors of the index, each never an answer to itself, so that the promise holds for queries that
        look like them; with dot_product they seldom do.
    confidence
        How sure ``recall`` is to be, at least 0.5 and below 1: at 0.95 one index in twenty would find less,
        over many queries of the same kind.
    max_bytes, max_latency_us, max_build_s
        What the index, a query alone on one thread, and building and tuning may take at most; only with
        ``recall``.
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
        If a shape or a value is wrong, for example a row that holds NaN, which is named; or if no plan that
        was tried reaches ``recall`` within the limits, with what can be had.
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
    k = whole_number(k, "k", low=1, high=MAX_K)
    limits = Limits.checked(max_bytes=max_bytes, max_latency_us=max_latency_us, max_build_s=max_build_s)
    if recall is None and (queries is not None or limits.given):
        raise ValueError(
            "queries, max_bytes, max_latency_us and max_build_s are for tuning; say what recall= is wanted."
        )
    rows = as_vectors(vectors)
    goal = None
    if recall is not None:
        goal = Goal(
            recall=check_recall(recall),
            k=k,
            queries=None if queries is None else as_query_rows(queries, rows.shape[1]),
            confidence=check_confidence(confidence),
            limits=limits,
        )
    plan: Config | None = None
    decisions: tuple[Decision, ...] = ()
    if goal is None or config is not None:
        plan, decisions = decide(config, rows, known)
    names = None if ids is None else as_ids(ids, len(rows))
    said = None if tags is None else _stored(tags, len(rows))

    tuning = None
    if goal is None:
        assert plan is not None
        sections = build_sections(
            rows, metric=known, plan=plan, seed=seed, threads=threads, progress=progress
        )
    else:
        with reporting(progress) as report:
            structure, tuning = tuned(
                rows, known, goal, config=plan, seed=seed, threads=threads, progress=report
            )
        if plan is None:
            decisions = reasons(structure.config, rows, known)
        plan, sections = structure.config, structure.sections
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
            tuning=tuning,
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
