"""The page of an evaluation."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import leafscan
from leafscan import _engine
from leafscan.cli.outcome import telling_point
from leafscan.cli.plans import params_in_words, plan_in_words, size_in_words
from leafscan.cli.report import plots
from leafscan.index.evaluation import Evaluation
from leafscan.index.health import Health
from leafscan.index.tuning.points import OperatingPoint
from leafscan.index.tuning.record import Tuning

__all__ = ["Subject", "render"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What was evaluated.

    Parameters
    ----------
    name
        What the page calls it: the name of its file.
    index
        The index.
    queries
        The name of the file of the queries; None where they are rows.
    nbytes
        The size of its file.
    """

    name: str
    index: leafscan.Index
    queries: str | None
    nbytes: int


def render(subject: Subject, found: Evaluation, health: Health, tuning: Tuning | None, *, when: str) -> str:
    """Write the page: HTML that needs nothing besides itself.

    Parameters
    ----------
    subject
        What was evaluated.
    found, health
        What came of it.
    tuning
        How the index was tuned, if it was.
    when
        The day, as the page is to tell it.

    Returns
    -------
    str
        A whole document.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(recall=_recall, time=_time, number=_number)
    tuned = tuning.curve.points if tuning is not None else ()
    trials = tuning.trials if tuning is not None else ()
    return environment.get_template("page.html.j2").render(
        subject=subject,
        found=found,
        health=health,
        tuning=tuning,
        when=when,
        facts=_facts(subject, found, health),
        targets=[(target, _cheapest(found, target)) for target in plots.TARGETS],
        curve=plots.plot_curve(found, tuned),
        recalls=plots.plot_recalls(found),
        trials=[
            {
                "number": place,
                "plan": plan_in_words(trial.config),
                "bytes": size_in_words(trial.nbytes),
                "trial": trial,
                "point": telling_point(trial.points, tuning.recall if tuning is not None else 1.0),
            }
            for place, trial in enumerate(trials, 1)
        ],
        trial_picture=plots.plot_trials(trials, found.k) if any(trial.points for trial in trials) else None,
        leaves=_leaf_facts(found),
        leaf_picture=plots.plot_leaves(found.leaves) if found.leaves is not None else None,
        errors=_error_facts(found),
        error_picture=plots.plot_errors(found.score_errors) if found.score_errors is not None else None,
        version=leafscan.__version__,
        machine=f"{platform.system()} {platform.machine()}, {_engine.instruction_set()}",
    )


def _cheapest(found: Evaluation, target: float) -> OperatingPoint | None:
    return next((point for point in found.frontier if point.low >= target), None)


def _facts(subject: Subject, found: Evaluation, health: Health) -> Mapping[str, str]:
    index = subject.index
    facts = {
        "File": f"{subject.name}, {size_in_words(subject.nbytes)}",
        "Vectors": f"{len(index):,} of {index.dim:,} dimensions",
        "Metric": index.metric,
        "Plan": plan_in_words(index.config),
        "Default search": params_in_words(index.config.search),
        "Bytes in memory or mapped": f"{index.nbytes:,}",
        "Bytes a vector": f"{index.nbytes / max(1, len(index)):,.0f}",
        "Seed of the build": str(index.seed),
        "Health": "; ".join(health.reasons) if health.reasons else "nothing calls for a rebalance",
        "Deleted or replaced": f"{100 * health.tombstones:.1f} % of what was built",
        "Fullest hundredth of the leaves": f"{health.imbalance:.2f} times its share",
    }
    if index.config.tree is None:
        del facts["Fullest hundredth of the leaves"]
    return facts


def _leaf_facts(found: Evaluation) -> Mapping[str, Any] | None:
    if found.leaves is None:
        return None
    sizes = found.leaves.sizes
    return {
        "count": len(sizes),
        "least": int(sizes.min()),
        "median": float(np.median(sizes)),
        "most": int(sizes.max()),
        "empty": int((sizes == 0).sum()),
        "error": None if math.isnan(found.leaves.error) else found.leaves.error,
    }


def _error_facts(found: Evaluation) -> Mapping[str, float] | None:
    if found.score_errors is None:
        return None
    errors, spread = found.score_errors.errors, found.score_errors.spread
    return {
        "count": len(errors),
        "mean": float(errors.mean()),
        "deviation": float(errors.std()),
        "share": float(errors.std() / spread) if spread > 0 else math.nan,
    }


def _recall(value: float) -> str:
    return f"{value:.4f}"


def _time(microseconds: float) -> str:
    if microseconds < 1000:
        return f"{microseconds:.3g} µs"
    return f"{microseconds / 1000:.3g} ms"


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}"
