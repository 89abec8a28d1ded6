"""Values that programs stumble over."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["any_value", "count", "number", "pick"]

_COUNTS = (
    -(2**63),
    -(2**31),
    -1,
    0,
    1,
    2,
    3,
    5,
    31,
    32,
    33,
    64,
    255,
    256,
    65_535,
    2**16,
    2**20,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**33 + 1,
    2**53,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
    2**64,
    10**30,
    10**400,
)

_FLOATS = (
    float("nan"),
    float("inf"),
    float("-inf"),
    3.4028235e38,
    -3.4028235e38,
    1e30,
    -1e30,
    1e19,
    1.0,
    0.0,
    -0.0,
    1e-30,
    1e-38,
    1.4e-45,
)

_OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    0.5,
    -1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "0",
    "a" * 3000,
    "\ud800",
    "\0",
    "é",
    "float32",
    "squared_l2",
    "strings",
    [],
    [[]],
    [0],
    [None, None],
    {},
    {"": {}},
    {"dtype": "int8"},
)


def pick(rng: np.random.Generator, values: Any) -> Any:
    """Return one of ``values``."""
    values = tuple(values)
    return values[int(rng.integers(len(values)))]


def count(rng: np.random.Generator) -> int:
    """Return a whole number at or beyond some edge."""
    return int(pick(rng, _COUNTS)) + int(rng.integers(-1, 2))


def any_value(rng: np.random.Generator) -> Any:
    """Return something that JSON can hold."""
    chance = rng.random()
    if chance < 0.5:
        return count(rng)
    if chance < 0.95:
        return pick(rng, _OTHERS)
    nested: Any = count(rng)
    for _ in range(int(rng.integers(2, 300))):
        nested = [nested] if rng.random() < 0.5 else {"a": nested}
    return nested


def number(rng: np.random.Generator, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a value at some edge of ``dtype``, () of that type."""
    if dtype.kind == "f":
        return np.array(pick(rng, _FLOATS), dtype)
    limits = np.iinfo(dtype)
    return np.array(min(max(count(rng), int(limits.min)), int(limits.max)), dtype)
