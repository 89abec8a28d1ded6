"""What an index will be, before anything of it is built."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leafscan.index.config import Config
from leafscan.index.config.part import Part
from leafscan.index.decisions import Decision
from leafscan.index.metric import Metric
from leafscan.index.summary import size_of, summary

__all__ = ["Estimate", "Interval"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval(Part):
    """A number that is not known exactly.

    Attributes
    ----------
    low, high
        What nine of ten runs are expected to lie between.
    expected
        The best guess.
    """

    low: float
    expected: float
    high: float

    def __contains__(self, value: float) -> bool:
        """Return whether a number lies between the ends."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """Tell it in short."""
        return f"{self.expected:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate(Part):
    """What `leafscan.plan` expects.

    Attributes
    ----------
    n, dim
        How many rows of how many dimensions.
    metric
        "dot_product", "cosine" or "squared_l2".
    recall, k
        What ``config.search`` is for; ``recall`` is None where that is the plan's own.
    config
        The plan: ``leafscan.build(vectors, metric=metric, config=estimate.config)`` makes it so.
    decisions
        What of it leafscan chose, and why.
    nbytes
        The bytes of the index, as `leafscan.Index.nbytes` counts them, without tags.
    file_nbytes
        The bytes of its file.
    nbytes_by_section
        The same by section, as docs/file-format.md names them.
    build_seconds
        How long `leafscan.build` takes with that plan, on this machine.
    latency_us
        Microseconds that a query takes on this machine, alone in its call and on one thread: the mean.
    latency_by_stage
        How ``latency_us.expected`` divides, by the stages of `leafscan.SearchExplanation`.
    threads
        That the build is to use.
    sampled
        How many rows of the caller's it rests on; 0 for none.
    seconds
        How long it took to find all this out.
    notes
        What there is to know of it, in sentences.
    """

    n: int
    dim: int
    metric: Metric
    recall: float | None
    k: int
    config: Config
    decisions: tuple[Decision, ...]
    nbytes: int
    file_nbytes: int
    nbytes_by_section: Mapping[str, int]
    build_seconds: Interval
    latency_us: Interval
    latency_by_stage: Mapping[str, float]
    threads: int
    sampled: int
    seconds: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a dictionary that JSON can hold."""
        # Named, since zero-argument super() does not see the class that slots=True makes anew.
        return {**super(Estimate, self).to_dict(), "config": self.config.to_dict()}

    def __str__(self) -> str:
        """Tell it in some ten lines."""
        search = self.config.search
        effort = [f"{value:,} {name}" for name, value in search.to_dict().items() if value is not None]
        aim = (
            f"recall@{self.k} of {self.recall:g}"
            if self.recall is not None
            else "what the plan does by itself"
        )
        stages = sorted(self.latency_by_stage.items(), key=lambda item: -item[1])
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        lines = [
            summary(self.n, self.dim, self.metric, self.config, self.nbytes),
            f"search for {aim}: {', '.join(effort) or 'every row'}",
            f"file {size_of(self.file_nbytes)}",
            f"build {self.build_seconds} s on {threads}",
            f"query {self.latency_us} us on 1 thread: "
            + ", ".join(f"{name} {taken:.1f}" for name, taken in stages if taken >= 0.05),
        ]
        return "\n".join([*lines, *self.notes])
