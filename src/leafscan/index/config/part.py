"""What the parts of a plan have in common: they check themselves, and go to JSON and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from leafscan.index.numbers import whole_number

#: The engine counts in 64 bits with a sign.
MOST = 2**63 - 1


class Part:
    """A dataclass that goes to JSON and back."""

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make the part from what `to_dict` returned; what is left out takes its default.

        Raises
        ------
        ValueError
            If ``parameters`` holds a name that the part does not know, or lacks one that it needs.
        """
        if not isinstance(parameters, Mapping):
            raise TypeError(
                f"{cls.__name__}.from_dict takes a mapping of parameters; received {parameters!r:.80}."
            )
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        known = [part.name for part in fields]
        unknown = [name for name in parameters if name not in known]
        if unknown:
            raise ValueError(f"{cls.__name__} has no parameter {unknown[0]!r}; it has {', '.join(known)}.")
        missing = [
            part.name
            for part in fields
            if part.name not in parameters
            and part.default is dataclasses.MISSING
            and part.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise ValueError(f"{cls.__name__} needs the parameter {missing[0]!r}, which is missing.")
        return cls(**parameters)

    def set_plain(self, name: str, value: Any) -> None:
        """Set a field of a frozen part: a plain Python number, which goes to JSON and compares by value."""
        object.__setattr__(self, name, value)

    def check_whole(self, name: str, *, low: int = 1) -> None:
        """Check that a field is a whole number, at least ``low`` and no more than the engine can count to."""
        called = f"{type(self).__name__}'s {name}"
        number = whole_number(getattr(self, name), called, low=low)
        if number > MOST:
            raise ValueError(f"{called} must be at most {MOST}; received {number}.")
        self.set_plain(name, number)
