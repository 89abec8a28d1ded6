"""Faiss: inverted lists of 4-bit product codes (fast scan), reranked with the exact rows."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.ladders import fine_leaves, square_root_leaves, tree_ladders
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape


class FaissIVF(Peer):
    """``IndexIVFPQFastScan`` inside ``IndexRefineFlat``."""

    name: ClassVar[str] = "faiss"
    requirements: ClassVar[tuple[str, ...]] = ("faiss-cpu==1.15.1",)

    def __init__(self) -> None:
        self.index: Any = None
        self.faiss: Any = None

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """Two dimensions a code, on sqrt(n) and on 4 sqrt(n) lists."""
        plans = [
            Plan(f"{n} lists", {"lists": n, "codes": max(1, shape.dimensions // 2)}, tree_ladders(n))
            for n in (fine_leaves(shape.rows), square_root_leaves(shape.rows))
        ]
        return plans[:1] if quick else plans

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Train and add."""
        self.faiss = faiss = importlib.import_module("faiss")
        faiss.omp_set_num_threads(threads)
        kind = faiss.METRIC_L2 if metric == "squared_l2" else faiss.METRIC_INNER_PRODUCT
        recipe = f"IVF{params['lists']},PQ{params['codes']}x4fs,RFlat"
        self.index = faiss.index_factory(vectors.shape[1], recipe, kind)
        self.index.train(vectors)
        self.index.add(vectors)

    def save(self, path: Path) -> None:
        """Write one file."""
        self.faiss.write_index(self.index, str(path))

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Read it into memory."""
        self.faiss = importlib.import_module("faiss")
        self.index = self.faiss.read_index(str(path))

    def single(self, k: int, params: Params) -> Search:
        """Call ``search`` with one row."""
        return self.batched(k, params, 1)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Call ``search`` with parameters of its own, so that nothing is set on the index."""
        faiss = self.faiss
        faiss.omp_set_num_threads(threads)
        inner = faiss.SearchParametersIVF(nprobe=params["leaves"])
        outer = faiss.IndexRefineSearchParameters(
            k_factor=max(1.0, params["candidates"] / k), base_index_params=inner
        )
        search = self.index.search
        return lambda queries: search(queries, k, params=outer)

    def ids(self, answer: Any) -> NDArray[np.int64]:
        """Faiss gives distances first."""
        return np.asarray(answer[1]).astype(np.int64)
