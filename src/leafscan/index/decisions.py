"""Why a plan is as it is, noted as it is made."""

from dataclasses import dataclass
from typing import Any

from leafscan.index.config.part import Part

__all__ = ["Decision"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision(Part):
    """One part of a plan that leafscan chose, and not the caller.

    Parameters
    ----------
    part
        Which one, as a path into the plan: "tree.num_leaves".
    value
        What it came to: a number, a string, a boolean, or None where the plan goes without.
    why
        A sentence, with the figures that it rests on.

    Examples
    --------
    >>> one = Decision(part="score", value="brute_force", why="600 rows are below 20,000.")
    >>> Decision.from_dict(one.to_dict()) == one
    True
    """

    part: str
    value: int | float | str | bool | None
    why: str

    def __post_init__(self) -> None:
        for name, kinds in (("part", str), ("why", str), ("value", (int, float, str, bool, type(None)))):
            value: Any = getattr(self, name)
            if not isinstance(value, kinds):
                raise TypeError(f"Decision's {name} cannot be {value!r:.80} ({type(value).__name__}).")
