"""What an index consists of, whether it was just built or comes from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import Config
from leafscan.index.decisions import Decision
from leafscan.index.ids import StringIds
from leafscan.index.metric import Metric
from leafscan.index.tuning.record import Tuning

if TYPE_CHECKING:
    from leafscan.index.tags import Tags

__all__ = ["Contents"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Contents:
    """The parts of an index.

    Parameters
    ----------
    sections
        The engine's arrays by name, as ``leafscan._engine.build`` describes them.
    dim
        How many dimensions its vectors have.
    metric
        "dot_product", "cosine" or "squared_l2".
    config
        The resolved plan.
    seed
        The seed of the build.
    ids
        Integers by row of the index, strings in the order they were given in, or None: positions.
    tags
        What is said of the rows, by the positions they were given at; None where nothing is.
    decisions
        What of the plan leafscan chose, and why. Files do not hold it, since the same plan is to give the
        same bytes, whoever chose it: None where the index comes from one.
    tuning
        What was measured of its searches; None where nothing was.
    """

    sections: Mapping[str, NDArray[Any]]
    dim: int
    metric: Metric
    config: Config
    seed: int
    ids: NDArray[np.int64] | StringIds | None
    tags: "Tags | None" = None
    decisions: tuple[Decision, ...] | None = None
    tuning: Tuning | None = None
