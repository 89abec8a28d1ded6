"""A small build, timed stage by stage: what this machine makes of such rows by such a plan."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.engine_build import build_sections
from leafscan.index.estimating.work import GROUPED_FROM, Size, build_work
from leafscan.index.metric import Metric
from leafscan.index.plan import PROJECTED_FROM, VARIANCE_SEEN
from leafscan.index.projection import components_for

__all__ = ["Stages", "invented_rows", "like", "shrunk", "time_of", "timed_build"]

#: Rows that stand for those that nobody has shown: on so many latent axes, with so much noise.
AXES, NOISE, CLUSTERS = 16, 0.35, 64

#: A small tree has at most one leaf for so many rows.
ROWS_PER_LEAF = 16


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds of each stage of one build."""

    size: Size
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds of all of them."""
        return sum(self.seconds.values())


class _Recorder:
    """Receives the progress of a build, and notes when stages change."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage = "before"
        self._last = time.perf_counter()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.close()
            self._stage = stage

    def close(self) -> None:
        """End the stage that goes on."""
        now = time.perf_counter()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._last
        self._last = now


def invented_rows(n: int, dim: int, seed: int) -> NDArray[np.float32]:
    """Make rows of length 1 that lie somewhat as embeddings do.

    Examples
    --------
    >>> invented_rows(10, 4, 0).shape
    (10, 4)
    """
    rng = np.random.default_rng(seed)
    axes = rng.standard_normal((min(AXES, dim), dim), dtype=np.float32)
    centers = rng.standard_normal((CLUSTERS, len(axes)), dtype=np.float32)
    latent = centers[rng.integers(0, CLUSTERS, n)]
    latent = latent + rng.standard_normal(latent.shape, dtype=np.float32)
    rows = latent @ axes
    rows += NOISE * np.float32(len(axes) ** 0.5) * rng.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-6))
    return np.ascontiguousarray(rows, np.float32)


def shrunk(config: Config, leaves: int, upper: int | None = None, sampled: int | None = None) -> Config:
    """Return a plan with another number of leaves, and a training sample of the tree of so many rows."""
    if config.tree is None:
        return config
    many = max(2, leaves)
    was = config.tree.upper_leaves
    if was is not None:
        was = max(2, min(was, many) if upper is None else min(upper, many))
    tree = replace(config.tree, num_leaves=many, upper_leaves=was)
    if sampled is not None:
        tree = replace(tree, training_sample_size=sampled)
    search = replace(
        config.search,
        leaves=min(config.search.leaves or many, many),
        upper_leaves=None if was is None else min(config.search.upper_leaves or was, was),
    )
    return replace(config, tree=tree, search=search)


def timed_build(
    rows: NDArray[np.float32], metric: Metric, size: Size, *, seed: int, threads: int
) -> tuple[dict[str, NDArray[Any]], Stages]:
    """Build by the plan of ``size`` and note what each stage takes."""
    recorder = _Recorder()
    if size.chosen and isinstance(size.config.score, AsymmetricHash) and size.dim >= PROJECTED_FROM:
        components_for(rows, VARIANCE_SEEN, normalize=metric == "cosine")
    sections = build_sections(
        rows, metric=metric, plan=size.config, seed=seed, threads=threads, progress=recorder
    )
    recorder.close()
    return sections, Stages(size, recorder.seconds)


def like(size: Size, rows: int) -> Size:
    """Return a size of so few rows at which each stage does what it does at the full one."""
    tree = size.config.tree
    rows = min(rows, size.n)
    if tree is None or rows == size.n:
        return replace(size, n=rows)
    leaves = min(tree.num_leaves, max(2, rows // ROWS_PER_LEAF))
    if tree.num_leaves >= GROUPED_FROM <= rows:
        leaves = max(leaves, GROUPED_FROM)
    sampled = rows // 2 if max(tree.training_sample_size, tree.num_leaves) < size.n else None
    return replace(size, n=rows, config=shrunk(size.config, leaves, sampled=sampled))


def time_of(size: Size, trial: Stages) -> dict[str, float]:
    """Return the seconds of each stage of a build, as a small one of the same kind tells them."""
    there, here = build_work(size), build_work(trial.size)
    seconds = {}
    for stage, work in there.items():
        seconds[stage] = trial.seconds.get(stage, 0.0) * work / here[stage] if here.get(stage) else 0.0
    return seconds
