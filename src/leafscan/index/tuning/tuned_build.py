"""From rows and a recall to an index: plans are built, measured and compared."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import Config
from leafscan.index.layout import expected_nbytes
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.progress import Progress
from leafscan.index.tuning.budget import Budget
from leafscan.index.tuning.candidates import exact_plan, first_plan, other_plans, row_types
from leafscan.index.tuning.cheapest import cheapest, explore, nudged
from leafscan.index.tuning.effort import Effort, params_of
from leafscan.index.tuning.goal import Goal
from leafscan.index.tuning.interval import fewest_queries
from leafscan.index.tuning.judging import Judge, drawn
from leafscan.index.tuning.likeness import UNLIKE, farther, nearness, quantiles
from leafscan.index.tuning.measuring import Bench, is_exact, race
from leafscan.index.tuning.outcome import curve_of, too_few, too_slow, trial_of
from leafscan.index.tuning.record import Trial, Tuning
from leafscan.index.tuning.structure import Structure, built, with_rows

__all__ = ["tuned"]

#: Tuning begins nothing more after so many times what the first plan took to build, so that it ends before
#: twice that, but need not be over before so many seconds; this share of it is for the curve of the plan that
#: was chosen.
MOST_OF_A_BUILD = 1.5
AT_LEAST_S = 0.5
CURVE_SHARE = 0.2

#: So many queries are drawn: at least, at most, and as many as exact answers can be had for in this share of
#: the time that the first plan took to build.
FEWEST, MOST = 1_000, 4_000
JUDGED_SHARE = 0.3

#: Plans that are within this factor of the best are timed once more, in so many turns.
CLOSE = 1.25
ROUNDS = 7

#: Exact search is tried where its reading of the rows alone, at the speed of this many seconds a number in
#: float32 (20 GB/s, a fast core's), takes no longer than the best plan.
SECONDS_A_NUMBER = 2e-10

#: So many vectors of the index are looked at to tell whether the caller's queries are like them.
COMPARED = 200


@dataclass(slots=True, eq=False)
class _Run:
    """A structure on the bench, and the least effort that reached the goal."""

    structure: Structure
    bench: Bench
    effort: Effort | None
    latency: float = math.inf


def tuned(
    rows: NDArray[np.float32],
    metric: Metric,
    goal: Goal,
    *,
    config: Config | None,
    seed: int,
    threads: int,
    progress: Progress | None,
) -> tuple[Structure, Tuning]:
    """Build the cheapest plan that reaches a recall.

    Parameters
    ----------
    rows
        (n, d) float32, C-ordered.
    metric
        "dot_product", "cosine" or "squared_l2".
    goal
        What is to be reached.
    config
        The resolved plan, whose search alone is to be tuned; None leaves all of it open.
    seed, threads, progress
        As `leafscan.build` takes them.

    Returns
    -------
    Structure
        Its plan has the search parameters that reached the recall.
    Tuning
        What was tried, and what came of it.

    Raises
    ------
    ValueError
        If a row is not finite, if there are too few queries to show the recall, or if no plan that was tried
        reaches it within the limits.
    """
    return _Workshop(rows, metric, goal, config=config, seed=seed, threads=threads, progress=progress).work()


class _Workshop:
    def __init__(
        self,
        rows: NDArray[np.float32],
        metric: Metric,
        goal: Goal,
        *,
        config: Config | None,
        seed: int,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self._rows, self._metric, self._goal, self._config = rows, metric, goal, config
        self._seed, self._threads, self._progress = seed, threads, progress
        self._normalize = engine_metric(metric)[1]
        self._runs: list[_Run] = []
        self._notes: list[str] = []
        self._whole = Budget(goal.limits.max_build_s or math.inf)
        self._budget = Budget(math.inf)
        self._for_curve = AT_LEAST_S

    def work(self) -> tuple[Structure, Tuning]:
        goal, rows = self._goal, self._rows
        if self._config is not None:
            return self._as_planned(self._config)
        plan = None
        if goal.recall < 1 and self._enough_rows():
            plan = first_plan(rows, self._metric, goal.k, goal.limits)
        if plan is None:
            return self._exact_alone()
        first = self._build(plan)
        self._begin(first)
        judge = self._judge(first)
        run = self._try(first, judge)
        self._try_rows(run, judge)
        for other in other_plans(plan, rows, self._metric):
            if self._budget.left() > first.seconds and self._fits(other):
                self._try(self._build(other), judge)
        chosen = self._choose(judge)
        return self._finished(chosen)

    def _as_planned(self, config: Config) -> tuple[Structure, Tuning]:
        """Build the plan that was asked for, and tune its search."""
        if self._goal.recall == 1 and not is_exact(config):
            raise ValueError("a recall of 1 takes exact search: leave config out, or ask for less.")
        structure = self._build(config)
        if is_exact(config):
            return self._exact_alone(structure)
        self._check_enough(len(self._rows) if self._goal.queries is None else len(self._goal.queries))
        self._begin(structure)
        judge = self._judge(structure)
        run = self._try(structure, judge)
        if run.effort is None or not self._goal.limits.fits(structure.nbytes):
            raise ValueError(self._unreached())
        self._check_quick(run)
        return self._finished(run)

    def _build(self, config: Config) -> Structure:
        return built(
            self._rows,
            config,
            metric=self._metric,
            seed=self._seed,
            threads=self._threads,
            progress=self._within if self._progress or self._goal.limits.max_build_s else None,
        )

    def _begin(self, first: Structure) -> None:
        seconds = min(max(AT_LEAST_S, MOST_OF_A_BUILD * first.seconds), self._whole.left())
        self._budget = Budget((1 - CURVE_SHARE) * seconds)
        self._for_curve = CURVE_SHARE * seconds

    def _within(self, stage: str, done: int, total: int) -> None:
        """Pass progress on, and end a build that takes longer than it may."""
        if self._whole.over:
            raise ValueError(
                f"building takes longer than max_build_s, {self._goal.limits.max_build_s:g} s, allows "
                f"on this machine (it was {stage}); give more, or a config with fewer leaves."
            )
        if self._progress is not None:
            self._progress(stage, done, total)

    def _fits(self, config: Config) -> bool:
        n, dim = self._rows.shape
        return self._goal.limits.fits(expected_nbytes(config, n, dim, self._metric))

    def _enough_rows(self) -> bool:
        """Whether there are enough rows to show a recall; too few of the caller's queries are refused."""
        goal = self._goal
        if goal.queries is None:
            return len(self._rows) >= 2 * fewest_queries(goal.recall, goal.confidence)
        self._check_enough(len(goal.queries))
        return True

    def _check_enough(self, there: int) -> None:
        sentence = too_few(self._goal, there)
        if sentence is not None:
            raise ValueError(sentence)

    def _check_quick(self, run: _Run) -> None:
        measured = (point for one in self._runs for point in one.bench.points())
        sentence = too_slow(self._goal, run.latency, measured)
        if sentence is not None:
            raise ValueError(sentence)

    def _judge(self, first: Structure) -> Judge:
        """Ask for exact answers, by the rows as they were given."""
        goal, n = self._goal, len(self._rows)
        exact = first
        if first.config.row_dtype != "float32":
            exact = self._build(exact_plan())
        if goal.queries is None:
            usable = np.flatnonzero(np.linalg.norm(self._rows, axis=1) > 0)
            pool = usable if len(usable) and self._metric != "squared_l2" else np.arange(n)
        else:
            pool = np.arange(len(goal.queries))
        begin = time.perf_counter()
        some = pool[drawn(len(pool), 64, self._seed + 1)]
        self._asked(exact, some)
        each = (time.perf_counter() - begin) / len(some)
        count = min(max(JUDGED_SHARE * first.seconds / each, FEWEST), MOST)
        count = max(round(count), 2 * fewest_queries(goal.recall, goal.confidence))
        judge = self._asked(exact, pool[drawn(len(pool), count, self._seed)])
        self._compare(exact, judge)
        return judge

    def _asked(self, exact: Structure, chosen: NDArray[np.int64]) -> Judge:
        given = self._goal.queries
        queries = np.ascontiguousarray((self._rows if given is None else given)[chosen])
        return Judge.of(
            exact.searcher,
            queries,
            chosen.astype(np.int64) if given is None else None,
            k=self._goal.k,
            normalize=self._normalize,
            threads=self._threads,
        )

    def _compare(self, exact: Structure, judge: Judge) -> None:
        """Say what the measured recall stands for."""
        count = f"{len(judge.queries):,}"
        if self._goal.queries is None:
            note = (
                f"Recall was measured over {count} vectors of the index, each never an answer to itself: the "
                "promise holds for queries that look like these."
            )
            if self._metric == "dot_product":
                note += (
                    " With dot_product queries are often of another kind (users beside items): give queries=."
                )
            self._notes.append(note)
            return
        self._notes.append(f"Recall was measured over {count} of the queries that were given.")
        if len(self._rows) <= self._goal.k:
            return
        rows = self._rows[drawn(len(self._rows), COMPARED, self._seed)]
        own = Judge.of(
            exact.searcher, rows, None, k=self._goal.k + 1, normalize=self._normalize, threads=self._threads
        )
        share = farther(
            nearness(judge.queries, judge.last, self._metric),
            quantiles(nearness(own.queries, own.last, self._metric)),
        )
        if share > UNLIKE:
            self._notes.append(
                f"{100 * share:.0f} % of them are farther from their neighbours than 95 % of the vectors are "
                "from theirs: vectors of the index would not have stood for them."
            )

    def _try(self, structure: Structure, judge: Judge, near: Effort | None = None) -> _Run:
        goal, n = self._goal, len(self._rows)
        bench = Bench(
            structure.searcher,
            structure.config,
            judge,
            normalize=self._normalize,
            confidence=goal.confidence,
            threads=self._threads,
        )
        if near is None:
            effort = cheapest(bench, goal.recall, n, self._budget, self._looked)
        else:
            effort = nudged(bench, near, goal.recall, n)
        run = _Run(structure, bench, effort)
        if effort is not None:
            run.latency = bench.latency(effort)
        self._runs.append(run)
        return run

    def _looked(self) -> None:
        if self._progress is not None:
            share = min(1.0, self._budget.spent / (self._budget.spent + max(self._budget.left(), 1e-9)))
            self._progress("tuning the search", round(100 * share), 100)

    def _try_rows(self, run: _Run, judge: Judge) -> None:
        """Try other types of rows over the same leaves and codes."""
        if run.effort is None:
            return
        others = []
        for reorder in row_types(run.structure.config, self._rows.shape[1]):
            if self._fits(replace(run.structure.config, reorder=reorder)):
                kept = with_rows(
                    run.structure, self._rows, reorder, metric=self._metric, threads=self._threads
                )
                others.append(self._try(kept, judge, near=run.effort))
        best = min([run, *others], key=lambda one: one.latency)
        if best is not run and not self._budget.over:
            # Rows that cost less are worth a few more, in place of leaves.
            effort = cheapest(best.bench, self._goal.recall, len(self._rows), self._budget, self._looked)
            if effort is not None and best.bench.latency(effort) < best.latency:
                best.effort, best.latency = effort, best.bench.latency(effort)

    def _race(self, runs: list[_Run]) -> None:
        """Time in turns those that are close."""
        close = [run for run in runs if run.latency <= CLOSE * min(one.latency for one in runs)]
        if len(close) > 1:
            lanes = [(run.bench, run.effort) for run in close if run.effort is not None]
            for run, latency in zip(close, race(lanes, ROUNDS), strict=True):
                run.latency = latency

    def _choose(self, judge: Judge) -> _Run:
        limits = self._goal.limits
        reached = [run for run in self._runs if run.effort is not None and limits.fits(run.structure.nbytes)]
        if reached:
            self._race(reached)
        best = min(reached, key=lambda run: run.latency, default=None)
        exact = self._exact_run(judge, best)
        if exact is not None:
            best = exact
        if best is None:
            raise ValueError(self._unreached())
        self._check_quick(best)
        return best

    def _exact_run(self, judge: Judge, best: _Run | None) -> _Run | None:
        """Return exact search, if it is the quickest that reaches the recall."""
        n, dim = self._rows.shape
        plan = exact_plan()
        if not self._fits(plan) or (best is not None and n * dim * SECONDS_A_NUMBER * 1e6 > best.latency):
            return None
        structure = self._build(plan)
        run = self._try(structure, judge)
        if best is not None:
            self._race([best, run])
        return run if best is None or run.latency < best.latency else None

    def _unreached(self) -> str:
        goal = self._goal
        best = max((run.bench.best() for run in self._runs), default=0.0)
        asked = f"recall of {goal.recall:g}"
        within = "" if goal.limits.max_bytes is None else f" within max_bytes, {goal.limits.max_bytes:,}"
        return (
            f"no plan reaches a {asked}{within}: the best that was measured is {best:.4g}. "
            "Ask for less recall, or allow more."
        )

    def _exact_alone(self, structure: Structure | None = None) -> tuple[Structure, Tuning]:
        """Build exact search, which needs no measuring but of its time."""
        goal, limits = self._goal, self._goal.limits
        if not self._fits(exact_plan()):
            raise ValueError(
                f"exact search, which a recall of {goal.recall:g} takes for {len(self._rows):,} vectors, "
                f"takes more than max_bytes, {limits.max_bytes:,}; ask for less recall, or allow more."
            )
        if structure is None:
            structure = self._build(exact_plan())
        pool = len(self._rows) if goal.queries is None else len(goal.queries)
        judge = self._asked(structure, drawn(pool, FEWEST, self._seed))
        self._notes.append("Search is exact: recall is 1, whatever the queries.")
        run = self._try(structure, judge)
        self._check_quick(run)
        return self._finished(run)

    def _finished(self, chosen: _Run) -> tuple[Structure, Tuning]:
        goal = self._goal
        assert chosen.effort is not None
        explore(chosen.bench, chosen.effort, len(self._rows), Budget(self._for_curve))
        config = replace(chosen.structure.config, search=params_of(chosen.effort, chosen.structure.config))
        tuning = Tuning(
            recall=goal.recall,
            point=chosen.bench.point(chosen.effort),
            curve=curve_of(chosen.bench, goal, self._metric),
            trials=tuple(self._trial(run, chosen) for run in self._runs),
            seconds=self._whole.spent - self._runs[0].structure.seconds,
            notes=tuple(self._notes),
        )
        return replace(chosen.structure, config=config), tuning

    def _trial(self, run: _Run, chosen: _Run) -> Trial:
        if run is chosen:
            verdict = f"chosen: the quickest, {run.latency:.1f} us a query"
        elif run.effort is None:
            verdict = f"does not reach the recall: {run.bench.best():.4f} at most"
        elif not self._goal.limits.fits(run.structure.nbytes):
            verdict = "takes more bytes than allowed"
        else:
            verdict = f"{run.latency / chosen.latency:.2f} times as slow, {run.latency:.1f} us a query"
        return trial_of(
            run.bench,
            run.effort,
            nbytes=run.structure.nbytes,
            build_seconds=run.structure.seconds,
            chosen=run is chosen,
            verdict=verdict,
        )
