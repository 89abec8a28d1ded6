"""hnswlib: the graph that most databases carry."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.peers.ladders import graph_ladder
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape

SPACES = {"squared_l2": "l2", "cosine": "cosine", "dot_product": "ip"}


class Hnswlib(Peer):
    """``hnswlib`` with M = 16."""

    name: ClassVar[str] = "hnswlib"
    requirements: ClassVar[tuple[str, ...]] = ("hnswlib==0.8.0", "numpy")

    def __init__(self) -> None:
        self.index: Any = None

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """One graph."""
        return [Plan("M 16", {"m": 16, "ef_construction": 100 if quick else 200}, (graph_ladder(),))]

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Insert every row."""
        hnswlib: Any = importlib.import_module("hnswlib")
        self.index = hnswlib.Index(space=SPACES[metric], dim=vectors.shape[1])
        self.index.init_index(
            max_elements=len(vectors), M=params["m"], ef_construction=params["ef_construction"]
        )
        self.index.add_items(vectors, num_threads=threads)

    def save(self, path: Path) -> None:
        """Write one file."""
        self.index.save_index(str(path))

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Read it into memory."""
        hnswlib: Any = importlib.import_module("hnswlib")
        self.index = hnswlib.Index(space=SPACES[shape.metric], dim=shape.dimensions)
        self.index.load_index(str(path))

    def single(self, k: int, params: Params) -> Search:
        """Call ``knn_query`` with one row."""
        return self.batched(k, params, 1)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Call ``knn_query``; ``ef`` is a setting of the index."""
        self.index.set_ef(max(k, params["ef"]))
        query = self.index.knn_query
        return lambda queries: query(queries, k=k, num_threads=threads)
