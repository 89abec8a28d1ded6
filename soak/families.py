"""Small valid indexes, one of each family of plan that leafscan has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan import (
    AsymmetricHash,
    BruteForce,
    Config,
    OperatingPoint,
    RecallCurve,
    Reorder,
    SearchParams,
    Tree,
    Trial,
    Tuning,
)

__all__ = ["FAMILIES", "Family", "made_up_tuning"]

Ids = Literal["positions", "integers", "strings"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """A plan and what it is built on; the vectors are drawn with a fixed seed.

    Parameters
    ----------
    metric
        The metric.
    config
        The plan.
    ids
        Which kind of ids.
    rows, dim
        The shape of the vectors.
    tagged
        Whether the vectors have tags: "genre", a string, and "year", a number.
    tuned
        Whether it has a curve, made up, so that files are the same on every machine.
    """

    metric: str
    config: Config
    ids: Ids = "positions"
    rows: int = 80
    dim: int = 6
    tagged: bool = False
    tuned: bool = False

    def vectors(self) -> NDArray[np.float32]:
        """Draw the vectors, (rows, dim)."""
        rng = np.random.default_rng([self.rows, self.dim])
        return rng.standard_normal((self.rows, self.dim)).astype(np.float32)

    def queries(self, count: int) -> NDArray[np.float32]:
        """Draw queries, (count, dim), that are none of the vectors."""
        rng = np.random.default_rng([self.rows, self.dim, 1])
        return rng.standard_normal((count, self.dim)).astype(np.float32)

    def names(self) -> Any:
        """Return the ids, in the order of the vectors."""
        if self.ids == "integers":
            return np.arange(self.rows, dtype=np.int64)[::-1] * 7 + 3
        if self.ids == "strings":
            return [f"é{row}" if row % 3 else f"item {row}" for row in range(self.rows)]
        return None

    def build(self) -> leafscan.Index:
        """Build the index."""
        index = leafscan.build(
            self.vectors(),
            metric=self.metric,
            config=self.config,
            ids=self.names(),
            tags=self.tags() if self.tagged else None,
            seed=1,
            threads=1,
        )
        if not self.tuned:
            return index
        return leafscan.Index(replace(index._contents, tuning=made_up_tuning(index.config)))

    def tags(self) -> dict[str, list[Any]]:
        """Return the tags, in the order of the vectors."""
        return {
            "genre": [("Comedy", "Drama", "War")[row % 3] for row in range(self.rows)],
            "year": [1950 + row for row in range(self.rows)],
        }


def made_up_tuning(config: Config) -> Tuning:
    """Return a curve of two points, the second of them the plan's own."""
    points = tuple(
        OperatingPoint(params=params, recall=recall, low=recall - 0.05, high=recall + 0.02, latency_us=us)
        for params, recall, us in ((SearchParams(leaves=1), 0.7, 3.0), (config.search, 0.9, 7.5))
    )
    curve = RecallCurve(
        k=5, queries=80, given=False, confidence=0.95, points=points, nearness=(0.1, 0.4, 0.7)
    )
    trial = Trial(
        config=config, nbytes=9_000, build_seconds=0.01, points=points, chosen=True, verdict="chosen"
    )
    return Tuning(
        recall=0.85, point=points[1], curve=curve, trials=(trial,), seconds=0.02, notes=("Made up.",)
    )


_TREE = Tree(num_leaves=7)

FAMILIES: Mapping[str, Family] = {
    "exact": Family(metric="dot_product", config=Config()),
    "exact-bfloat16": Family(
        metric="cosine", config=Config(score=BruteForce(dtype="bfloat16")), ids="strings", rows=70, dim=5
    ),
    "exact-int8": Family(
        metric="squared_l2", config=Config(score=BruteForce(dtype="int8")), ids="integers", rows=65, dim=7
    ),
    "leaves": Family(metric="squared_l2", config=Config(tree=_TREE), ids="integers"),
    "codes": Family(
        metric="squared_l2", config=Config(score=AsymmetricHash(), reorder=Reorder()), ids="strings", dim=7
    ),
    "tree-codes": Family(
        metric="cosine",
        config=Config(
            tree=_TREE,
            score=AsymmetricHash(),
            reorder=Reorder(),
            search=SearchParams(leaves=3, candidates=20),
        ),
        ids="integers",
        rows=100,
        dim=8,
    ),
    "rows-dropped": Family(
        metric="dot_product", config=Config(tree=_TREE, score=AsymmetricHash(dimensions_per_block=3))
    ),
    "soar-projection": Family(
        metric="squared_l2",
        config=Config(
            tree=Tree(num_leaves=6, soar_lambda=1.5),
            score=AsymmetricHash(pca_dimensions=4),
            reorder=Reorder(),
            search=SearchParams(leaves=2, candidates=30),
        ),
        rows=90,
        dim=8,
    ),
    "soar-avq": Family(
        metric="dot_product",
        config=Config(
            tree=Tree(num_leaves=5, soar_lambda=1.0, avq_eta=3.0),
            score=AsymmetricHash(anisotropic_quantization_threshold=0.2),
            reorder=Reorder(dtype="int8", anisotropic_quantization_threshold=0.2),
            search=SearchParams(leaves=2, candidates=25),
        ),
        ids="strings",
    ),
    "two-stages": Family(
        metric="cosine",
        config=Config(
            tree=Tree(num_leaves=4, spherical=True),
            score=AsymmetricHash(),
            reorder=Reorder(dtype="bfloat16", first_dtype="int8"),
            search=SearchParams(leaves=2, candidates=40, refined=12),
        ),
        ids="integers",
        rows=75,
    ),
    "wide-codes": Family(
        metric="squared_l2",
        config=Config(
            tree=Tree(num_leaves=3),
            score=AsymmetricHash(lookup_bits=8, training_sample_size=256, training_iterations=2),
            reorder=Reorder(dtype="bfloat16"),
        ),
        rows=64,
        dim=4,
    ),
    "tagged": Family(metric="dot_product", config=Config(), ids="strings", rows=70, dim=4, tagged=True),
    "tuned": Family(
        metric="cosine",
        config=Config(
            tree=_TREE,
            score=AsymmetricHash(),
            reorder=Reorder(dtype="bfloat16"),
            search=SearchParams(leaves=4, candidates=20),
        ),
        rows=85,
        tuned=True,
    ),
    "upper-leaves": Family(
        metric="cosine",
        config=Config(
            tree=Tree(num_leaves=12, upper_leaves=4),
            score=AsymmetricHash(),
            reorder=Reorder(),
            search=SearchParams(leaves=4, candidates=30, upper_leaves=2),
        ),
        ids="strings",
        rows=96,
        dim=5,
    ),
}
