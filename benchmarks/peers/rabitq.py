"""RaBitQ library's SymphonyQG: a graph whose nodes carry 1-bit codes of their neighbours."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.ladders import graph_ladder
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape

METRICS = {"squared_l2": "l2", "cosine": "l2", "dot_product": "ip"}
NARROWEST = 64


class SymphonyQG(Peer):
    """``SymqgIndex``; on unit vectors Euclidean order is the order of the cosine.

    It takes no fewer than 64 dimensions, so narrower rows get zeros appended, which no metric sees.
    """

    name: ClassVar[str] = "symphonyqg"
    requirements: ClassVar[tuple[str, ...]] = ("rabitqlib==0.7.1", "numpy")

    def __init__(self) -> None:
        self.index: Any = None

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """Graphs of 32 and of 64 neighbours a node."""
        degrees = (32,) if quick else (32, 64)
        return [Plan(f"degree {n}", {"degree": n, "ef": 200}, (graph_ladder(),)) for n in degrees]

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Build the graph."""
        rabitq: Any = importlib.import_module("rabitqlib")
        wide = widened(vectors)
        self.index = rabitq.SymqgIndex(wide.shape[1], params["degree"], metric=METRICS[metric])
        self.index.build(wide, params["ef"], num_threads=threads)

    def save(self, path: Path) -> None:
        """Write one file."""
        self.index.save(str(path))

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Read it into memory."""
        rabitq: Any = importlib.import_module("rabitqlib")
        self.index = rabitq.SymqgIndex.load(str(path))

    def single(self, k: int, params: Params) -> Search:
        """Call ``search`` with one row."""
        search, ef = self.index.search, max(k, params["ef"])
        return lambda query: search(widened(query), k, ef, 1)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Call ``search_batch``."""
        search, ef = self.index.search_batch, max(k, params["ef"])
        return lambda queries: search(widened(queries), k, ef, threads)


def widened(rows: Matrix) -> Matrix:
    """Append zeros to rows of fewer than 64 dimensions; others are returned as they are."""
    if rows.shape[1] >= NARROWEST:
        return rows
    # Not np.pad, which takes longer than a search.
    wide = np.zeros((rows.shape[0], NARROWEST), dtype=np.float32)
    wide[:, : rows.shape[1]] = rows
    return wide
