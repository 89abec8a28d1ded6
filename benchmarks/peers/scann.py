"""Google's ``scann``, and ``scann-core``, the faster build of the same code with the same Python face."""

import importlib
from math import sqrt
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.ladders import fine_leaves, square_root_leaves, tree_ladders
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape


def fair_threshold(eta: float, dimensions: int, norm: float) -> float:
    """Return ScaNN's anisotropic threshold T for a weight ``eta`` of the parallel residual.

    ScaNN derives the weight of a point from ``T``: ``eta = (d-1) t / (1 - t)`` with ``t = T^2/|x|^2``.
    A fixed T = 0.2, its usual value, caps the recall at many dimensions.
    """
    return norm * sqrt(eta / (dimensions - 1 + eta))


class ScaNN(Peer):
    """``scann`` 1.4.2 from PyPI."""

    name: ClassVar[str] = "scann"
    requirements: ClassVar[tuple[str, ...]] = ("scann==1.4.2",)
    query_rank: ClassVar[int] = 1

    def __init__(self) -> None:
        self.searcher: Any = None

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """Use SOAR and a fair threshold for dot products; squared_l2 has neither, and varies the blocks."""
        few, fine = square_root_leaves(shape.rows), fine_leaves(shape.rows)

        def plan(label: str, leaves: int, **build: Any) -> Plan:
            return Plan(label, {"leaves": leaves, "block": 2, **build}, tree_ladders(leaves))

        if shape.metric == "squared_l2":
            plans = [
                plan(f"{fine} leaves", fine),
                plan(f"{few} leaves", few),
                plan(f"{fine} leaves, 4 dimensions a block", fine, block=4),
            ]
        else:
            fair = fair_threshold(3.0, shape.dimensions, shape.neighbour_norm)
            sharp = fair_threshold(4.125, shape.dimensions, shape.neighbour_norm)
            plans = [
                plan(f"{fine} leaves, SOAR", fine, threshold=fair, soar=1.5),
                plan(f"{few} leaves, SOAR", few, threshold=fair, soar=1.5),
                plan(f"{fine} leaves, as ann-benchmarks", fine, threshold=sharp, full=True, int8=True),
            ]
        return plans[:1] if quick else plans

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Build a tree with 4-bit codes and float32 reordering."""
        scann: Any = importlib.import_module("scann")
        distance = "squared_l2" if metric == "squared_l2" else "dot_product"
        tree: Params = {
            "num_leaves": params["leaves"],
            "num_leaves_to_search": max(1, params["leaves"] // 10),
            "spherical": metric == "cosine",
            "quantize_centroids": params.get("int8", False),
            "training_sample_size": len(vectors) if params.get("full") else 100_000,
            "training_iterations": params.get("iterations", 12),
        }
        if params.get("soar"):
            tree["soar_lambda"] = params["soar"]
        codes: Params = {"dimensions_per_block": params["block"]}
        if params.get("threshold"):
            codes["anisotropic_quantization_threshold"] = params["threshold"]
        builder = scann.scann_ops_pybind.builder(vectors, 10, distance).set_n_training_threads(threads)
        self.searcher = builder.tree(**tree).score_ah(**codes).reorder(params.get("reorder", 100)).build()

    def save(self, path: Path) -> None:
        """Serialize, with absolute paths."""
        path.mkdir(parents=True)
        self.searcher.serialize(str(path))

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Load into memory."""
        scann: Any = importlib.import_module("scann")
        self.searcher = scann.scann_ops_pybind.load_searcher(str(path))

    def single(self, k: int, params: Params) -> Search:
        """Use ``search``."""
        search, leaves, candidates = self.searcher.search, params["leaves"], max(k, params["candidates"])
        return lambda query: search(query, k, candidates, leaves)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Use ``search_batched``, or ``search_batched_parallel`` where the parameters ask for it."""
        leaves, candidates = params["leaves"], max(k, params["candidates"])
        if params.get("parallel"):
            self.searcher.set_num_threads(threads)
            parallel = self.searcher.search_batched_parallel
            return lambda queries: parallel(queries, k, candidates, leaves)
        search = self.searcher.search_batched
        return lambda queries: search(queries, k, candidates, leaves)

    def ids(self, answer: Any) -> NDArray[np.int64]:
        """Take out the padding: id 0, with a distance that is not a number."""
        found = np.atleast_2d(np.asarray(answer[0])).astype(np.int64)
        found[np.isnan(np.atleast_2d(np.asarray(answer[1])))] = -1
        return found
