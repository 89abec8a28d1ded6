"""What a peer is: an index that is built, saved, loaded and asked, in a process of its own.

A peer's module is imported twice: by the harness, which reads its plans, and by the worker, which runs
inside the peer's environment. So it imports the library it wraps in its methods, never at the top.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Params = dict[str, Any]
Search = Callable[[Matrix], Any]


@dataclass(frozen=True)
class Shape:
    """What a peer may know of a data set when it plans.

    Attributes
    ----------
    rows, dimensions, metric
        Of the base; the rows of a ``cosine`` set are unit vectors.
    neighbour_norm
        Median Euclidean norm of the rows that are somebody's exact neighbour.
    """

    rows: int
    dimensions: int
    metric: str
    neighbour_norm: float = 1.0


@dataclass(frozen=True)
class Plan:
    """One index and the ways it will be asked.

    Attributes
    ----------
    label
        For tables: what is particular about this index.
    build
        Parameters of :meth:`Peer.build`.
    ladders
        Each ladder is a sequence of search parameters in rising effort. The harness climbs it by
        bisection to find rungs at the recalls it wants, so a ladder may have many rungs.
    """

    label: str
    build: Params
    ladders: Sequence[Sequence[Params]] = field(default_factory=tuple)


class Peer(ABC):
    """One library behind one small face.

    Attributes
    ----------
    name
        How the command line and the tables call it.
    requirements
        What ``pip`` installs into its environment; empty for the interpreter that runs the harness.
    query_rank
        1 when a single query goes in as ``(d,)``, 2 when as ``(1, d)``.
    keeps_index
        Whether a saved index may be used again in a later run.
    """

    name: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]] = ()
    query_rank: ClassVar[int] = 2
    keeps_index: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """Return the indices to measure on a data set of this shape; a single one when ``quick``."""

    @abstractmethod
    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Build the index from float32 rows."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the index to ``path``, a file or a folder that does not exist yet."""

    @abstractmethod
    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Read what :meth:`save` wrote."""

    @abstractmethod
    def single(self, k: int, params: Params) -> Search:
        """Return the function that answers one query on one thread; only its calls are timed."""

    @abstractmethod
    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Return the function that answers a matrix of queries in one call."""

    def ids(self, answer: Any) -> NDArray[np.int64]:
        """Return the ids of an answer as ``(queries, k)``, -1 where there was none; not timed."""
        return np.atleast_2d(np.asarray(answer[0])).astype(np.int64)
