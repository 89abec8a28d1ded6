"""What an index is, why, and what a search of it costs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.config.part import Part
from leafscan.index.contents import Contents
from leafscan.index.decisions import Decision
from leafscan.index.living import Living
from leafscan.index.plan import NORM_SAMPLE, PLAN, usual
from leafscan.index.search_cost import Measured, Step, steps_of
from leafscan.index.summary import size_of, summary
from leafscan.index.tuning.record import Tuning

__all__ = ["Choice", "Explanation", "Step", "explain"]

By: TypeAlias = Literal["leafscan", "tuning", "caller", "unknown"]

#: What of a plan is told where it is set, in this order; the rest is how it was trained.
PARTS = (
    "score",
    "tree.num_leaves",
    "tree.upper_leaves",
    "tree.soar_lambda",
    "tree.avq_eta",
    "tree.spherical",
    "score.dtype",
    "score.dimensions_per_block",
    "score.lookup_bits",
    "score.pca_dimensions",
    "score.anisotropic_quantization_threshold",
    "reorder.dtype",
    "reorder.first_dtype",
    "search.leaves",
    "search.upper_leaves",
    "search.stop",
    "search.candidates",
    "search.refined",
)

#: What the sections are for, by the beginning of their names.
KINDS = {
    "rows": ("rows", "row_scales"),
    "first rows": ("first_rows", "first_row_scales"),
    "codes": ("codes", "terms", "live", "codebooks", "term_scale"),
    "second listing": ("spill_offsets", "spill_rows", "spill_codes", "spill_terms", "spill_live"),
    "leaves": (
        "centroids",
        "routing_centroids",
        "stop_scales",
        "leaf_scales",
        "leaf_biases",
        "leaf_offsets",
        "upper_centroids",
        "upper_scales",
        "upper_biases",
        "upper_offsets",
        "center",
        "projection",
    ),
    "order": ("order",),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice(Part):
    """One part of the plan.

    Attributes
    ----------
    part
        Which one: "tree.num_leaves".
    value
        What it is; None where the plan goes without, and there is a reason for that.
    by
        Who chose it: "leafscan", "tuning" or the "caller"; "unknown" where the index comes from a file, which
        does not tell.
    why
        The reason with its figures; of what is "unknown", the one that leafscan chooses so for by itself; ""
        where there is none.
    """

    part: str
    value: int | float | str | bool | None
    by: By
    why: str

    def __str__(self) -> str:
        """Tell it in one line."""
        value = "none" if self.value is None else f"{self.value:,}" if type(self.value) is int else self.value
        value = f"{value:.4g}" if isinstance(value, float) else value
        return f"{self.part} = {value}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation(Part):
    """What `leafscan.Index.explain` tells.

    Attributes
    ----------
    summary
        The index in one line.
    choices
        What its plan is, and why.
    tuning
        What tuning found and tried, a sentence each; empty where there was none.
    nbytes
        The bytes of the index.
    bytes_by_part
        The same by what they are for: "rows", "first rows", "codes", "second listing" (SOAR's), "leaves",
        "order", "ids", "tags" and "updates". What is not there is left out.
    steps
        What a search goes through, with the index' own parameters and k = 10.
    latency_us
        Microseconds of such a search for one query on one thread: the mean over vectors of the index; None
        where it keeps none.
    queries
        Over how many.
    """

    summary: str
    choices: tuple[Choice, ...]
    tuning: tuple[str, ...]
    nbytes: int
    bytes_by_part: Mapping[str, int]
    steps: tuple[Step, ...]
    latency_us: float | None
    queries: int

    def __str__(self) -> str:
        """Tell all of it in some twenty lines."""
        lines = [self.summary]
        lines += _listed(
            "chosen by leafscan", [str(choice) for choice in self.choices if choice.by == "leafscan"]
        )
        tuned = ", ".join(str(choice) for choice in self.choices if choice.by == "tuning")
        lines += [f"chosen by measuring: {tuned}"] if tuned else []
        given = ", ".join(str(choice) for choice in self.choices if choice.by == "caller")
        unknown = [choice for choice in self.choices if choice.by == "unknown"]
        lines += _listed("as leafscan chooses", [str(choice) for choice in unknown if choice.why])
        others = ", ".join(str(choice) for choice in unknown if not choice.why)
        lines += [f"given by the caller: {given}"] if given else []
        lines += [f"besides: {others}"] if others else []
        lines += _listed("tuning", list(self.tuning))
        parts = sorted(self.bytes_by_part.items(), key=lambda item: -item[1])
        lines.append(
            f"{size_of(self.nbytes)}: " + ", ".join(f"{name} {size_of(size)}" for name, size in parts)
        )
        if self.latency_us is None:
            lines.append("a search for one query goes through")
        else:
            lines.append(
                f"a search for one query takes {self.latency_us:.1f} us on one thread "
                f"(k = 10, the mean over {self.queries} of its own vectors)"
            )
        for step in self.steps:
            taken = "" if step.microseconds is None else f"{step.microseconds:9.1f} us"
            size = f", {size_of(step.nbytes)}" if step.nbytes else ""
            lines.append(f"  {step.name:<13}{taken}  {step.count:,} {step.what}{size}")
        return "\n".join(lines)


def explain(living: Living, nbytes: int) -> Explanation:
    """Explain the version that is current.

    Parameters
    ----------
    living
        The index.
    nbytes
        Its bytes.
    """
    contents = living.contents
    with living.lock:
        searcher = living.searcher
        tags = 0 if living.tags is None else living.tags.nbytes
    count = searcher.count
    measured = Measured(living)
    return Explanation(
        summary=summary(count, contents.dim, contents.metric, contents.config, nbytes),
        choices=_choices(living),
        tuning=_tuning(contents.tuning),
        nbytes=nbytes,
        bytes_by_part=_bytes(contents, tags, searcher.fresh_nbytes),
        steps=steps_of(contents, living.knobs, count, measured),
        latency_us=measured.latency_us,
        queries=measured.queries,
    )


def _listed(title: str, entries: list[str]) -> list[str]:
    return [f"{title}:", *(f"  {entry}" for entry in entries)] if entries else []


def _choices(living: Living) -> tuple[Choice, ...]:
    contents = living.contents
    tuning = contents.tuning
    known = contents.decisions
    decided = {one.part: one for one in (_usual(living) if known is None else known)}
    others: By = "unknown" if known is None else "caller"
    if PLAN in decided or (tuning is not None and len(tuning.trials) > 1):
        others = "tuning"
    by: By = "unknown" if known is None else "leafscan"
    choices = []
    for part, value in _parts(contents.config).items():
        decision = decided.get(part)
        if tuning is not None and part.startswith("search.") and value is not None:
            choices.append(Choice(part=part, value=value, by="tuning", why=""))
        elif decision is not None and _equal(decision.value, value):
            choices.append(Choice(part=part, value=value, by=by, why=decision.why))
        elif value is not None:
            choices.append(Choice(part=part, value=value, by=others, why=""))
    return tuple(choices)


def _usual(living: Living) -> tuple[Decision, ...]:
    """Tell what leafscan would choose for the rows, as far as that is quickly found out."""
    searcher, contents = living.searcher, living.contents
    if contents.config.row_dtype is None or not searcher.count:
        return ()
    rows = searcher.live_rows()
    some = searcher.read_rows(rows[:: max(1, len(rows) // NORM_SAMPLE)])
    return usual(contents.config, some, contents.metric, n=searcher.count)


def _equal(one: Any, other: Any) -> bool:
    # What follows from a sample of the rows is not the same of another sample.
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0.05)
    return bool(one == other)


def _tuning(tuning: Tuning | None) -> tuple[str, ...]:
    """Tell what tuning found, and each plan that it tried."""
    if tuning is None:
        return ()
    told = [str(tuning)]
    if len(tuning.trials) > 1:
        for trial in tuning.trials:
            reorder, score = trial.config.reorder, trial.config.score
            kept = trial.config.row_dtype or "no"
            first = "" if reorder is None or reorder.first_dtype is None else f"{reorder.first_dtype} and "
            leaves = "" if trial.config.tree is None else f"{trial.config.tree.num_leaves:,} leaves, "
            kind = "codes, " if isinstance(score, AsymmetricHash) else "exact, "
            what = f"{leaves}{kind}{first}{kept} rows, {size_of(trial.nbytes)}"
            told.append(f"{what}: {trial.verdict}")
    return (*told, *tuning.notes)


def _parts(config: Config) -> dict[str, Any]:
    """Return what a plan is by the paths into it."""
    plan = config.to_dict()
    ((kind, score),) = plan.pop("score").items()
    flat = {"score": kind}
    for name, part in {**plan, "score": score}.items():
        flat.update({f"{name}.{key}": value for key, value in (part or {}).items()})
    return {part: flat[part] for part in PARTS if part in flat}


def _bytes(contents: Contents, tags: int, fresh: int) -> dict[str, int]:
    sections = contents.sections
    found = {
        kind: sum(sections[name].nbytes for name in names if name in sections)
        for kind, names in KINDS.items()
    }
    found["ids"] = 0 if contents.ids is None else contents.ids.nbytes
    found["tags"] = tags
    found["updates"] = fresh
    return {kind: size for kind, size in found.items() if size}
