"""usearch: a graph in one header."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.ladders import graph_ladder
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape

METRICS = {"squared_l2": "l2sq", "cosine": "cos", "dot_product": "ip"}


class Usearch(Peer):
    """``usearch`` with float32 rows and its default connectivity, 16."""

    name: ClassVar[str] = "usearch"
    requirements: ClassVar[tuple[str, ...]] = ("usearch==2.26.6", "numpy")
    query_rank: ClassVar[int] = 1

    def __init__(self) -> None:
        self.index: Any = None

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """One graph."""
        expansion = 64 if quick else 128
        return [Plan("connectivity 16", {"connectivity": 16, "expansion": expansion}, (graph_ladder(),))]

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Insert every row."""
        usearch: Any = importlib.import_module("usearch.index")
        self.index = usearch.Index(
            ndim=vectors.shape[1],
            metric=METRICS[metric],
            dtype="f32",
            connectivity=params["connectivity"],
            expansion_add=params["expansion"],
        )
        self.index.add(np.arange(len(vectors)), vectors, threads=threads)

    def save(self, path: Path) -> None:
        """Write one file."""
        self.index.save(str(path))

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Read it into memory."""
        usearch: Any = importlib.import_module("usearch.index")
        self.index = usearch.Index.restore(str(path), view=False)

    def single(self, k: int, params: Params) -> Search:
        """Call ``search`` with one vector."""
        return self.batched(k, params, 1)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Call ``search``; the expansion is a setting of the index."""
        self.index.expansion_search = max(k, params["ef"])
        search = self.index.search
        return lambda queries: search(queries, k, threads=threads)

    def ids(self, answer: Any) -> NDArray[np.int64]:
        """Take out what lies past the number of valid keys that a batch tells."""
        keys = np.atleast_2d(np.asarray(answer.keys)).astype(np.int64)
        counts = getattr(answer, "counts", None)
        if counts is not None:
            keys[np.arange(keys.shape[1]) >= np.asarray(counts)[:, None]] = -1
        return keys
