"""What one update changes: the form in which it is prepared, recorded and published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Update"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Update:
    """One update, already checked.

    Parameters
    ----------
    ids
        (m,) int64 or m strings, each different.
    vectors
        (m, d) float32, or None: the ids are deleted.
    tags
        By name, one value for each id; None where none were given.
    """

    ids: NDArray[np.int64] | list[str]
    vectors: NDArray[np.float32] | None = None
    tags: Mapping[str, Sequence[Any]] | None = None
