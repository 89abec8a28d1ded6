"""What a tuned index may cost at most."""

from dataclasses import dataclass
from typing import Any

from leafscan.index.numbers import real_number, whole_number

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on bytes, on the time of a query and on that of building and tuning; None bounds nothing."""

    max_bytes: int | None = None
    max_latency_us: float | None = None
    max_build_s: float | None = None

    @classmethod
    def checked(cls, *, max_bytes: Any, max_latency_us: Any, max_build_s: Any) -> "Limits":
        """Check what a caller gave."""
        return cls(
            max_bytes=None if max_bytes is None else whole_number(max_bytes, "max_bytes", low=1),
            max_latency_us=_positive(max_latency_us, "max_latency_us"),
            max_build_s=_positive(max_build_s, "max_build_s"),
        )

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return any(limit is not None for limit in (self.max_bytes, self.max_latency_us, self.max_build_s))

    def fits(self, nbytes: int) -> bool:
        """Whether an index of so many bytes is small enough."""
        return self.max_bytes is None or nbytes <= self.max_bytes

    def quick(self, latency_us: float) -> bool:
        """Whether a query of so many microseconds is quick enough."""
        return self.max_latency_us is None or latency_us <= self.max_latency_us


def _positive(value: Any, name: str) -> float | None:
    if value is None:
        return None
    number = real_number(value, name, low=0)
    if number == 0:
        raise ValueError(f"{name} must be above 0; received {value!r:.80}.")
    return number
