"""The trial: make the vectors, know the truth, build, choose, answer, and weigh it all against the bounds."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from tqdm import tqdm

import leafscan
from benchmarks.data.dataset import Matrix, Metric
from benchmarks.data.embeddings import BLOCK, Embeddings
from benchmarks.data.exact_by_parts import best_scores, neighbours_by_parts
from benchmarks.data.local_dimension import dimension_of
from benchmarks.memory import give_back_memory, peak_memory, start_peak_memory
from benchmarks.recall import Judge
from benchmarks.ten_million.bounds import Outcome
from benchmarks.ten_million.sweep import Tried, one_by_one, sweep

DIMENSIONS = 96
METRIC: Metric = "cosine"
K = 10

#: Numbers of neighbours at whose distance the local dimension is read.
SCALES = (20, 50, 100)

#: Held-out queries come from so far on in the sequence that no base reaches them.
QUERIES_FROM = BLOCK * 2**20

#: Queries whose truth is proved in float64 over all rows, and how exactly.
PROVED, SAME = 12, 1e-9


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Attributes
    ----------
    rows, queries
        Base rows, and held-out queries: half of them choose the search parameters, the other half is judged.
    recall
        Recall@10 to reach.
    threads
        For everything but the timed queries, which get one.
    seed
        Of the vectors and of the build.
    """

    rows: int = 10_000_000
    queries: int = 4_000
    recall: float = 0.95
    threads: int = 2
    seed: int = 7

    def run(self, console: Console) -> tuple[Outcome, dict[str, Any]]:
        """Run it; returns what the bounds are about, and everything as JSON takes it."""

        def say(text: str) -> None:
            console.print(text, highlight=False)

        clock = time.perf_counter
        start_peak_memory()
        start = clock()
        source = Embeddings(DIMENSIONS, self.seed)
        with bar("vectors", self.rows) as shown:
            base = source.rows(0, self.rows, self.threads, shown.update)
        queries = source.rows(QUERIES_FROM, self.queries)
        made = clock() - start
        say(f"{self.rows:,} x {DIMENSIONS} unit vectors and {self.queries:,} held-out queries: {made:.1f} s")

        start = clock()
        with bar("exact neighbours", self.rows) as shown:
            truth = neighbours_by_parts(base, queries, METRIC, max(SCALES), self.threads, tell=shown.update)
        proof = best_scores(base, queries[:PROVED], METRIC, K)
        worst = float(np.abs(proof - truth[1][:PROVED, :K]).max())
        known = clock() - start
        if worst > SAME:
            raise RuntimeError(
                f"The exact neighbours are wrong: a score differs by {worst} from float64 over all rows."
            )
        say(f"exact neighbours: {known:.1f} s; {PROVED} queries proved in float64 (within {worst:.1e})")
        dimension = local_dimensions(base, queries, truth[0])
        parts = ", ".join(f"{value:.1f} at {k} neighbours" for k, value in dimension.items())
        say(f"local intrinsic dimension around the queries: {parts}")

        before_all = peak_memory()
        give_back_memory()
        before = start_peak_memory()
        start = clock()
        index = leafscan.build(base, metric=METRIC, seed=self.seed, threads=self.threads)
        built = clock() - start
        peak = peak_memory()
        say(f"{index!r}")
        say(
            f"built in {built:.1f} s on {self.threads} threads; peak {peak / 1024:.2f} GiB, "
            f"of which {before / 1024:.2f} GiB before it"
        )

        half = self.queries // 2
        ids, scores = truth[0][:, :K], truth[1][:, :K]
        tune = Judge(base, queries[:half], METRIC, ids[:half], scores[:half])
        tried = sweep(index, queries[:half], tune, K, self.recall, self.threads, lambda t: say(told(t)))
        params = tried[0].params
        judge = Judge(base, queries[half:], METRIC, ids[half:], scores[half:])
        one_by_one(index, queries[:100], K, params)
        found, seconds = one_by_one(index, queries[half:], K, params)
        outcome = Outcome(
            rows=self.rows,
            dimensions=dimension,
            peak_gib=max(before_all, peak, peak_memory()) / 1024,
            build_seconds=built,
            recall=judge.recall(found),
            median_ms=float(np.median(seconds)) * 1e3,
        )
        p99 = float(np.quantile(seconds, 0.99)) * 1e3
        say(
            f"{len(found):,} other queries, one a call on one thread, {told_params(params)}: "
            f"recall@{K} {outcome.recall:.4f}, median {outcome.median_ms:.3f} ms, p99 {p99:.3f} ms"
        )
        return outcome, {
            "trial": asdict(self),
            "leafscan": leafscan.__version__,
            "local_dimension": {str(k): value for k, value in dimension.items()},
            "seconds": {"vectors": made, "truth": known, "build": built},
            "build": {
                "peak_mb": peak,
                "before_mb": before,
                "index_bytes": index.nbytes,
                "input_bytes": base.nbytes,
                "config": index.config.to_dict(),
            },
            "tried": [{**t._asdict(), "params": t.params.to_dict()} for t in tried],
            "params": params.to_dict(),
            "recall": outcome.recall,
            "milliseconds": {
                "median": outcome.median_ms,
                "mean": float(seconds.mean()) * 1e3,
                "p99": p99,
                "most": float(seconds.max()) * 1e3,
            },
            "peak_gib": outcome.peak_gib,
        }


def local_dimensions(base: Matrix, points: Matrix, ids: NDArray[np.int64]) -> dict[int, float]:
    """Return the local dimension around some points, by the number of neighbours that it is read at."""
    wide = points.astype(np.float64)
    distances = [
        np.sort(np.linalg.norm(base[rows] - point, axis=1)) for rows, point in zip(ids, wide, strict=True)
    ]
    return {k: dimension_of([r[r > 0][:k] for r in distances]) for k in SCALES if k <= ids.shape[1]}


def told_params(params: leafscan.SearchParams) -> str:
    """Say which parameters."""
    return f"{params.leaves:,} leaves and {params.candidates:,} candidates"


def told(tried: Tried) -> str:
    """Say how a setting did."""
    return (
        f"[dim]  {told_params(tried.params)}: recall {tried.recall:.4f}, at least {tried.promised:.4f}, "
        f"{tried.seconds * 1e3:.3f} ms[/]"
    )


def bar(title: str, total: int) -> tqdm:
    """Return a bar for a terminal, to be entered; ``update`` moves it on."""
    return tqdm(desc=title, total=total, unit_scale=True, leave=False, disable=None)
