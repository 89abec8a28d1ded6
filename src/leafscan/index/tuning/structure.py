"""A plan that was built, and the same leaves and codes over rows in other types."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import Config, Reorder
from leafscan.index.engine_build import build_sections
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.progress import Progress

__all__ = ["Structure", "built", "with_rows"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Structure:
    """An index without names: what a plan came to.

    Parameters
    ----------
    config
        The resolved plan.
    sections
        What it was built into.
    searcher
        Over the sections; its ids are positions.
    seconds
        How long the build took.
    """

    config: Config
    sections: dict[str, NDArray[Any]]
    searcher: _engine.Searcher
    seconds: float

    @property
    def nbytes(self) -> int:
        """The bytes of the sections."""
        return sum(section.nbytes for section in self.sections.values())


def built(
    rows: NDArray[np.float32],
    config: Config,
    *,
    metric: Metric,
    seed: int,
    threads: int,
    progress: Progress | None,
) -> Structure:
    """Build a resolved plan."""
    begin = time.perf_counter()
    sections = build_sections(
        rows, metric=metric, plan=config, seed=seed, threads=threads, progress=progress or False
    )
    seconds = time.perf_counter() - begin
    return Structure(
        config=config,
        sections=sections,
        searcher=_searcher(sections, metric, rows.shape[1]),
        seconds=seconds,
    )


def with_rows(
    structure: Structure, rows: NDArray[np.float32], reorder: Reorder, *, metric: Metric, threads: int
) -> Structure:
    """Return the same leaves and codes with rows kept otherwise: to the byte what a build makes of that plan.

    Parameters
    ----------
    structure
        One whose plan reorders.
    rows
        What it was built of.
    reorder
        How rows are to be kept.
    metric, threads
        As it was built.
    """
    begin = time.perf_counter()
    normalize = engine_metric(metric)[1]
    kept = ("rows", "row_scales", "first_rows", "first_row_scales")
    before = structure.sections
    sections = {name: section for name, section in before.items() if name not in kept}
    for dtype, prefix in ((reorder.dtype, ""), (reorder.first_dtype, "first_")):
        if dtype is None:
            continue
        was = structure.config.reorder
        if not prefix and was is not None and was.dtype == dtype == "float32":
            sections["rows"] = before["rows"]
            continue
        sections |= _engine.keep_rows(
            rows,
            before["order"],
            normalize=normalize,
            dtype=dtype,
            threshold=reorder.anisotropic_quantization_threshold,
            threads=threads,
            prefix=prefix,
        )
    return Structure(
        config=replace(structure.config, reorder=reorder),
        sections=sections,
        searcher=_searcher(sections, metric, rows.shape[1]),
        seconds=structure.seconds + time.perf_counter() - begin,
    )


def _searcher(sections: dict[str, NDArray[Any]], metric: Metric, dim: int) -> _engine.Searcher:
    return _engine.Searcher(sections, metric=engine_metric(metric)[0], dim=dim)
