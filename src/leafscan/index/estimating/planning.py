"""`leafscan.plan`."""

import dataclasses
import time
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_vectors
from leafscan.index.config import AsymmetricHash, Config, SearchParams
from leafscan.index.decisions import Decision
from leafscan.index.estimating.effort import expected_effort, measured_effort, scaled_effort
from leafscan.index.estimating.estimate import Estimate, Interval
from leafscan.index.estimating.replica import Latency, measured_latency
from leafscan.index.estimating.trial import Stages, invented_rows, like, shrunk, time_of, timed_build
from leafscan.index.estimating.work import Size
from leafscan.index.ids import as_ids
from leafscan.index.layout import IdKind, expected_sections, file_bytes
from leafscan.index.metric import Metric, check_metric
from leafscan.index.numbers import real_number, whole_number
from leafscan.index.plan import decide
from leafscan.index.sections import GROUP
from leafscan.index.threads import check_threads
from leafscan.index.tuning.candidates import EXACT_ALWAYS
from leafscan.index.tuning.queries import as_query_rows

__all__ = ["plan"]

#: Trials are made of so many rows where the caller gives none, and of at most so many that are given.
INVENTED = 8_192
MOST_SAMPLED = 50_000

#: Of a sample at most so many rows, and at most one in so many, are kept back to be queries.
QUERIES, QUERY_SHARE = 512, 8

#: A trial build is made so many times, and the quickest counts, unless the first took more seconds than that.
REPEATS, PATIENCE = 2, 0.4

#: With a recall, exact search is chosen for at most so many numbers in all: what a core reads in 10 us.
EXACT_NUMBERS = 50_000

#: What a recall takes is looked for among as many leaves as there will be, at most one for so many rows of
#: the sample, after so many rounds of training; at least so many of its best rows stand for the best of all.
FINE_ROWS_PER_LEAF = 5
FINE_ROUNDS = 8
FEWEST_BEST = 2

#: What expected values are multiplied by, low and high, without a sample and with one, to hold nine of ten
#: runs: taken from some 25 runs on a busy machine, to be set anew by python -m benchmarks.plan_estimates.
BUILD_SPREAD = {False: (0.65, 1.45), True: (0.75, 1.25)}
LATENCY_SPREAD = {False: (0.55, 1.7), True: (0.65, 1.4)}
#: And where leaves and candidates are reckoned, too, for a recall.
RECALL_SPREAD = {False: (0.3, 3.0), True: (0.5, 1.7)}


def plan(
    n: SupportsIndex,
    dim: SupportsIndex,
    *,
    metric: str,
    recall: float | None = 0.95,
    k: SupportsIndex = 10,
    config: Config | None = None,
    sample: ArrayLike | None = None,
    queries: ArrayLike | None = None,
    ids: Any = None,
    threads: SupportsIndex | None = None,
    seed: SupportsIndex = 0,
) -> Estimate:
    """Estimate an index before it is built: its plan, its bytes, the time to build it and to search it.

    Bytes follow from the plan. For the times some rows are built into small indexes here and now, stage by
    stage against the clock, and copies of one are put together to the shape of the large one and searched. It
    takes a second or two and at most half a gigabyte.

    Parameters
    ----------
    n, dim
        How many rows of how many dimensions there will be.
    metric
        "dot_product", "cosine" or "squared_l2".
    recall
        The recall@k that searches are to have: how many leaves and candidates that takes is reckoned, where
        ``config`` does not say. None goes by the plan's own, as `leafscan.build` without a recall does.
    k
        How many neighbours a query asks for.
    config
        The plan; None leaves it to leafscan.
    sample
        (m, dim), some of the rows, drawn evenly (20,000, say): what depends on the rows is then known, and
        intervals are narrower. Without them rows are invented.
    queries
        (q, dim), some queries as they will be, a few hundred; only with a ``sample``. Without them some of
        the sample's rows are asked for, which are left out of what is searched.
    ids
        None for positions, "integers"; or some of the strings, whose mean length counts.
    threads
        How many the build will use; by default ``LEAFSCAN_NUM_THREADS``, else all that this process may have.
    seed
        Of the trials.

    Returns
    -------
    Estimate
        ``print`` tells it; `Estimate` has it piece by piece. ``build_seconds`` and ``latency_us`` are
        intervals that are to hold nine of ten runs.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or value, or ``config`` does not suit n and dim.

    Examples
    --------
    >>> estimate = plan(10_000, 24, metric="cosine", recall=None)
    >>> estimate.nbytes, estimate.config.score
    (1000016, BruteForce(dtype='float32'))
    >>> estimate.latency_us.low < estimate.latency_us.expected < estimate.latency_us.high
    True
    """
    began = time.perf_counter()
    n = whole_number(n, "n", low=1, high=2**32 - 1)
    dim = whole_number(dim, "dim", low=1, high=2**31 - 1)
    known = check_metric(metric)
    k = whole_number(k, "k", low=1, high=2**31 - 1)
    if recall is not None:
        recall = real_number(recall, "recall", low=0)
        if not 0 < recall <= 1:
            raise ValueError(f"recall must be above 0 and at most 1, or None; received {recall!r:.80}.")
    if not isinstance(config, (Config, type(None))):
        raise TypeError(
            f"config must be a Config or None; received {config!r:.80} ({type(config).__name__})."
        )
    threads = check_threads(threads)
    seed = whole_number(seed, "seed", low=0, high=2**64 - 1)
    rows, asked, sampled = _rows(sample, queries, n, dim, seed)
    _check_leaves(config, n)
    work = _Work(n, dim, known, rows, asked, threads, seed)
    resolved, decisions = _decided(config, rows, known, n, recall)
    small = work.in_shape(resolved)
    reckoned = recall is not None and (config is None or _open(config))
    if recall is not None and reckoned:
        search = work.effort(resolved, small, recall, k, sampled)
        given = SearchParams() if config is None else config.search
        search = dataclasses.replace(search, **{f: v for f, v in given.to_dict().items() if v is not None})
        resolved = dataclasses.replace(resolved, search=search)
        decisions = _for_recall(decisions, resolved, recall, k, sampled)
    latency = work.latency(resolved, small, k)
    seconds = work.build_seconds(Size(n, dim, resolved, chosen=config is None))
    sections = expected_sections(
        n, dim, known, resolved, _id_kind(ids), small.padding(resolved) if sampled else None
    )
    spread = RECALL_SPREAD if reckoned and resolved.tree is not None else LATENCY_SPREAD
    return Estimate(
        n=n,
        dim=dim,
        metric=known,
        recall=recall if reckoned else None,
        k=k,
        config=resolved,
        decisions=decisions,
        nbytes=sum(section.nbytes for section in sections.values()),
        file_nbytes=file_bytes(sections),
        nbytes_by_section={name: section.nbytes for name, section in sections.items()},
        build_seconds=_around(seconds, BUILD_SPREAD[sampled > 0]),
        latency_us=_around(latency.total, spread[sampled > 0]),
        latency_by_stage=latency.stages,
        threads=threads,
        sampled=sampled,
        seconds=time.perf_counter() - began,
        notes=_notes(resolved, config, known, sampled, reckoned),
    )


class _Small:
    """A small index whose leaves are as full as those of the large one."""

    def __init__(self, sections: dict[str, NDArray[Any]], config: Config, copies: int) -> None:
        self.sections, self.config, self.copies = sections, config, copies

    @property
    def n(self) -> int:
        return len(self.sections["order"])

    def padding(self, large: Config) -> dict[str, float] | None:
        """Return groups to a leaf, by listing."""
        if large.tree is None or self.config.tree is None:
            return None
        leaves = self.config.tree.num_leaves
        return {
            prefix: len(self.sections[f"{prefix}live"]) / leaves
            for prefix in ("", "spill_")
            if f"{prefix}live" in self.sections
        }


class _Work:
    """The trials of one estimate."""

    def __init__(
        self,
        n: int,
        dim: int,
        metric: Metric,
        rows: NDArray[np.float32],
        queries: NDArray[np.float32],
        threads: int,
        seed: int,
    ) -> None:
        self._n, self._dim, self._metric = n, dim, metric
        self._rows, self._queries = rows, queries
        self._threads, self._seed = threads, seed

    def in_shape(self, config: Config) -> _Small:
        """Build a small index with leaves as full as the large one's."""
        copies = -(-self._n // len(self._rows))
        count = max(1, self._n // copies)
        if config.tree is None and copies > 1 and count > GROUP:
            count -= count % GROUP  # copies are to be one leaf, without gaps
        rows = self._rows[:count]
        tree = config.tree
        small = config
        if tree is not None and copies > 1:
            upper = None if tree.upper_leaves is None else round(tree.upper_leaves / copies)
            small = shrunk(config, round(tree.num_leaves / copies), upper)
        sections, _ = timed_build(
            rows, self._metric, Size(len(rows), self._dim, small), seed=self._seed, threads=self._threads
        )
        return _Small(sections, small, copies)

    def as_fine(self, config: Config) -> _Small:
        """Build a small index of all rows with as many leaves as the large one, as far as there are rows."""
        small = config
        if config.tree is not None:
            leaves = min(config.tree.num_leaves, max(2, len(self._rows) // FINE_ROWS_PER_LEAF))
            small = shrunk(config, leaves)
            tree = dataclasses.replace(small.tree or config.tree, training_iterations=FINE_ROUNDS)
            small = dataclasses.replace(small, tree=tree)
        size = Size(len(self._rows), self._dim, small)
        sections, _ = timed_build(self._rows, self._metric, size, seed=self._seed, threads=self._threads)
        return _Small(sections, small, 1)

    def effort(self, config: Config, small: _Small, recall: float, k: int, sampled: int) -> SearchParams:
        """Return the search parameters that a recall takes."""
        if config.tree is None and config.reorder is None:
            return config.search
        if not sampled or config.row_dtype is None:
            return expected_effort(config, recall, k)
        fine, few = small, k
        if small.copies > 1:
            fine = self.as_fine(config)
            few = max(FEWEST_BEST, round(k * fine.n / self._n))
        found = measured_effort(
            fine.sections, self._queries, self._metric, fine.config, recall, few, self._threads
        )
        return scaled_effort(found, (fine.config, few), (config, k))

    def latency(self, config: Config, small: _Small, k: int) -> Latency:
        """Measure a search of the large index' shape."""
        return measured_latency(small.sections, small.copies, self._queries, self._metric, config, k)

    def build_seconds(self, size: Size) -> float:
        """Reckon the time of a build from a small one."""
        trial = like(size, len(self._rows))
        best: Stages | None = None
        for _ in range(REPEATS):
            rows = self._rows[: trial.n]
            made = timed_build(rows, self._metric, trial, seed=self._seed, threads=self._threads)[1]
            best = made if best is None or made.total < best.total else best
            if made.total > PATIENCE:
                break
        assert best is not None
        return sum(time_of(size, best).values())


def _rows(
    sample: ArrayLike | None, queries: ArrayLike | None, n: int, dim: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Return rows to try with, queries, and how many rows the caller gave."""
    if sample is None:
        if queries is not None:
            raise ValueError("queries say nothing without rows to find; give a sample, too.")
        made = invented_rows(min(n, INVENTED) + QUERIES, dim, seed)
        return made[:-QUERIES], made[-QUERIES:], 0
    given = as_vectors(sample)
    if given.shape[1] != dim:
        raise ValueError(f"sample must have the shape (m, {dim}), as dim says; received {given.shape}.")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(given))[:MOST_SAMPLED]
    if queries is not None:
        asked = as_query_rows(queries, dim)
        asked = np.ascontiguousarray(asked[rng.permutation(len(asked))[:QUERIES]])
        return np.ascontiguousarray(given[chosen[:n]]), asked, len(given)
    kept = min(QUERIES, len(chosen) // QUERY_SHARE)
    if not kept:
        rows = np.ascontiguousarray(given[chosen[:n]])
        return rows, rows, len(given)
    rows = np.ascontiguousarray(given[chosen[kept:][:n]])
    return rows, np.ascontiguousarray(given[chosen[:kept]]), len(given)


def _check_leaves(config: Config | None, n: int) -> None:
    if config is not None and config.tree is not None and config.tree.num_leaves > n:
        raise ValueError(
            f"Tree's num_leaves must be at most the number of rows; "
            f"received {config.tree.num_leaves} leaves for {n} rows."
        )


def _decided(
    config: Config | None, rows: NDArray[np.float32], metric: Metric, n: int, recall: float | None
) -> tuple[Config, tuple[Decision, ...]]:
    if config is not None or recall is None:
        return decide(config, rows, metric, n=n)
    # A build with a recall measures, and finds that leaves pay much earlier.
    few = recall == 1 or n < EXACT_ALWAYS or n * rows.shape[1] < EXACT_NUMBERS
    return decide(config, rows, metric, n=n, exact_below=n + 1 if few else 0)


def _open(config: Config) -> bool:
    """Whether a plan leaves open how thoroughly to search."""
    search = config.search
    leaves = config.tree is not None and search.leaves is None
    return leaves or (config.reorder is not None and search.candidates is None)


def _for_recall(
    decisions: tuple[Decision, ...], config: Config, recall: float, k: int, sampled: int
) -> tuple[Decision, ...]:
    """Tell that leaves and candidates are for a recall."""
    how = f"among {sampled:,} of the rows" if sampled else "on the packaged data sets"
    why = f"what recall@{k} of {recall:g} took {how}."
    return tuple(
        dataclasses.replace(one, value=getattr(config.search, one.part.removeprefix("search.")), why=why)
        if one.part in ("search.leaves", "search.candidates")
        else one
        for one in decisions
    )


def _around(expected: float, spread: tuple[float, float]) -> Interval:
    return Interval(low=expected * spread[0], expected=expected, high=expected * spread[1])


def _id_kind(ids: Any) -> IdKind:
    if ids is None:
        return "positions"
    if isinstance(ids, str):
        if ids != "integers":
            raise ValueError(f'ids must be None, "integers" or some of the ids; received {ids!r:.80}.')
        return "integers"
    names = as_ids(ids, len(ids))
    return "integers" if isinstance(names, np.ndarray) else len(names.data) / len(names)


def _notes(
    resolved: Config, asked: Config | None, metric: Metric, sampled: int, reckoned: bool
) -> tuple[str, ...]:
    notes = []
    if reckoned and asked is None:
        notes.append(
            "leafscan.build with recall= measures as well, and may choose another plan: it takes up to three "
            "times as long."
        )
    if sampled:
        return tuple(notes)
    if reckoned and resolved.tree is not None:
        notes.append("how many leaves and candidates a recall takes depends on the rows: give a sample.")
    if asked is None and isinstance(resolved.score, AsymmetricHash):
        notes.append(
            "whether codes see all dimensions, and what leaves are routed by, depends on the rows: "
            "give a sample."
        )
    return tuple(notes)
