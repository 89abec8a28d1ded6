"""One change of an index, as it was asked for and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Update"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Update:
    """Rows that come, in the place of those of the same ids, or rows that go.

    Parameters
    ----------
    ids
        int64 (m,) or strings, as the ids of the index are; each different.
    vectors
        float32 (m, d), C-ordered, or None: the ids go.
    tags
        By name (m,) values, as `leafscan.Index.upsert` takes them; None where nothing is said of them.
    """

    ids: NDArray[np.int64] | list[str]
    vectors: NDArray[np.float32] | None = None
    tags: Mapping[str, Any] | None = None
