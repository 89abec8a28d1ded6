"""What tuning found, as it is kept with the index."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from leafscan.index.config import Config
from leafscan.index.config.part import Part
from leafscan.index.numbers import real_number, whole_number
from leafscan.index.tuning.points import OperatingPoint, RecallCurve, _list, _mapping, check_recall

__all__ = ["Trial", "Tuning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial(Part):
    """One plan that was built and measured.

    Parameters
    ----------
    config
        The resolved plan.
    nbytes
        The bytes of the index that it makes.
    build_seconds
        How long it took to build.
    points
        All that was measured of it, by rising recall.
    chosen
        Whether this is the plan of the index.
    verdict
        Why it was chosen, or not: a sentence.
    """

    config: Config
    nbytes: int
    build_seconds: float
    points: tuple[OperatingPoint, ...]
    chosen: bool
    verdict: str

    def __post_init__(self) -> None:
        if not isinstance(self.config, Config):
            raise TypeError(f"Trial's config must be a Config; received {self.config!r:.80}.")
        whole_number(self.nbytes, "Trial's nbytes", low=0, high=2**63 - 1)
        self.set_plain("build_seconds", real_number(self.build_seconds, "Trial's build_seconds", low=0))
        if not isinstance(self.points, tuple) or not all(
            isinstance(point, OperatingPoint) for point in self.points
        ):
            raise TypeError("Trial's points must be a tuple of OperatingPoint.")
        if not isinstance(self.chosen, bool) or not isinstance(self.verdict, str):
            raise TypeError("Trial's chosen must be True or False, and its verdict a string.")

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as a dictionary that JSON can hold."""
        # Named, since zero-argument super() does not see the class that slots=True makes anew.
        return {**super(Trial, self).to_dict(), "config": self.config.to_dict()}

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make the trial from what `to_dict` returned."""
        parts = _mapping(parameters, "Trial")
        if "config" in parts:
            parts["config"] = Config.from_dict(parts["config"])
        parts["points"] = tuple(map(OperatingPoint.from_dict, _list(parts.get("points"), "points")))
        return super(Trial, cls).from_dict(parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning(Part):
    """What `leafscan.build` with a recall, or `leafscan.Index.tune`, found.

    Parameters
    ----------
    recall
        What was asked for.
    point
        What a search does by default since.
    curve
        What other recalls cost, and what the index goes by in ``search(recall=...)``.
    trials
        The plans that were tried, in their order; after `leafscan.Index.tune` the one of the index.
    seconds
        How long tuning took, beside the building of the plan that a build without a recall makes.
    notes
        What there is to know of it, in sentences.
    """

    recall: float
    point: OperatingPoint
    curve: RecallCurve
    trials: tuple[Trial, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.set_plain("recall", check_recall(self.recall, "Tuning's recall"))
        self.set_plain("seconds", real_number(self.seconds, "Tuning's seconds", low=0))
        if not isinstance(self.point, OperatingPoint) or not isinstance(self.curve, RecallCurve):
            raise TypeError("Tuning's point must be an OperatingPoint, and its curve a RecallCurve.")
        for name, kind in (("trials", Trial), ("notes", str)):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not all(isinstance(value, kind) for value in values):
                raise TypeError(f"Tuning's {name} must be a tuple of {kind.__name__}.")

    @property
    def k(self) -> int:
        """How many neighbours it was tuned for."""
        return self.curve.k

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as a dictionary that JSON can hold."""
        trials = [trial.to_dict() for trial in self.trials]
        return {**super(Tuning, self).to_dict(), "trials": trials}

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make it from what `to_dict` returned."""
        parts = _mapping(parameters, "Tuning")
        for name, kind in (("point", OperatingPoint), ("curve", RecallCurve)):
            if name in parts:
                parts[name] = kind.from_dict(parts[name])
        parts["trials"] = tuple(map(Trial.from_dict, _list(parts.get("trials"), "trials")))
        parts["notes"] = tuple(_list(parts.get("notes", ()), "notes"))
        return super(Tuning, cls).from_dict(parts)

    def __str__(self) -> str:
        """Tell the outcome in one line."""
        point = self.point
        return (
            f"recall@{self.k} {point.recall:.4f} ({point.low:.4f} to {point.high:.4f}), "
            f"asked {self.recall:g}; {point.latency_us:.1f} us a query"
        )
