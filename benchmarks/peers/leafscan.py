"""leafscan itself, from the environment that runs the benchmarks."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.peers.ladders import fine_leaves, tree_ladders
from benchmarks.peers.peer import Matrix, Params, Peer, Plan, Search, Shape


class Leafscan(Peer):
    """The index of this repository; built anew in every run, since it is what changes."""

    name: ClassVar[str] = "leafscan"
    query_rank: ClassVar[int] = 1
    keeps_index: ClassVar[bool] = False

    def __init__(self) -> None:
        self.index: Any = None

    @classmethod
    def plans(cls, shape: Shape, quick: bool) -> list[Plan]:
        """Give it the leaves that ScaNN gets, so that builds can be compared, and others."""
        fine = fine_leaves(shape.rows)
        finer = max(fine, min(2 * fine, shape.rows // 50))
        staged = {"first_dtype": "int8"}

        def plan(label: str, leaves: int, **build: Any) -> Plan:
            return Plan(label, {"leaves": leaves, "block": 2, **build}, tree_ladders(leaves))

        if shape.metric == "squared_l2":
            seen = {"components": min(64, shape.dimensions // 2)}
            short = {"dtype": "bfloat16"}
            plans = [
                plan(f"{fine} leaves, 64 components, bfloat16", fine, **seen, **short),
                plan(f"{fine} leaves, bfloat16", fine, **short),
                plan(f"{finer} leaves, int8 first", finer, **staged),
            ]
        else:
            routed = {"avq_eta": 4.0} if shape.metric == "dot_product" else {}
            plans = [
                plan(f"{fine} leaves", fine, **routed),
                plan(f"{fine} leaves, int8 first", fine, **routed, **staged),
                plan(f"{fine} leaves, SOAR, int8 first", fine, soar=1.0, **routed, **staged),
            ]
        return plans[:1] if quick else plans

    def build(self, vectors: Matrix, metric: str, params: Params, threads: int) -> None:
        """Build with every part of the configuration spelt out."""
        leafscan: Any = importlib.import_module("leafscan")
        config = leafscan.Config(
            tree=leafscan.Tree(
                num_leaves=params["leaves"],
                training_iterations=params.get("iterations", 12),
                soar_lambda=params.get("soar"),
                avq_eta=params.get("avq_eta"),
            ),
            score=leafscan.AsymmetricHash(
                dimensions_per_block=params["block"], pca_dimensions=params.get("components")
            ),
            reorder=leafscan.Reorder(
                dtype=params.get("dtype", "float32"), first_dtype=params.get("first_dtype")
            ),
            search=leafscan.SearchParams(
                leaves=params.get("searched", max(1, params["leaves"] // 10)),
                candidates=params.get("reorder", 100),
            ),
        )
        self.index = leafscan.build(vectors, metric=metric, config=config, seed=0, threads=threads)

    def save(self, path: Path) -> None:
        """Write one file."""
        self.index.save(path)

    def load(self, path: Path, shape: Shape, params: Params) -> None:
        """Map the file."""
        self.index = importlib.import_module("leafscan").load(path)

    def single(self, k: int, params: Params) -> Search:
        """Call ``search`` with one vector."""
        return self.batched(k, params, 1)

    def batched(self, k: int, params: Params, threads: int) -> Search:
        """Call ``search``."""
        leafscan: Any = importlib.import_module("leafscan")
        asked = leafscan.SearchParams(leaves=params["leaves"], candidates=max(k, params["candidates"]))
        search = self.index.search
        return lambda queries: search(queries, k=k, params=asked, threads=threads)
