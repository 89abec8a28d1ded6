"""What the writer does, and what must come of it: drawn from a seed, so that both sides know it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree

__all__ = ["DIM", "PLANS", "Model", "Operation", "begin", "draw"]

ROWS, DIM = 400, 16

#: Ids are drawn below this, so that upserts add as often as they replace.
UNIVERSE = 1_200

#: A deletion that would leave fewer becomes an upsert.
FEWEST = 100

#: Both answer exactly: the tree visits every leaf and scores every row again.
PLANS: Mapping[str, Config | None] = {
    "exact": None,
    "tree": Config(
        tree=Tree(num_leaves=10),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=10, candidates=2 * UNIVERSE),
    ),
}

Kind = Literal["upsert", "delete", "checkpoint"]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that the writer does."""

    kind: Kind
    ids: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    vectors: NDArray[np.float32] | None = None
    tags: Mapping[str, list[int | str]] | None = None


@dataclass
class Model:
    """What a catalogue must hold: id to vector and tag, in the order of `Index.ids`."""

    rows: dict[int, tuple[NDArray[np.float32], int]] = field(default_factory=dict)

    def apply(self, operation: Operation) -> "Model":
        """Return the model after an operation."""
        rows = dict(self.rows)
        for place, one in enumerate(operation.ids.tolist()):
            rows.pop(one, None)
            if operation.vectors is not None and operation.tags is not None:
                rows[one] = operation.vectors[place], int(operation.tags["number"][place])
        return Model(rows)

    def digest(self) -> str:
        """Return what tells two contents apart."""
        return digest(np.array(list(self.rows), np.int64), self.vectors())

    def vectors(self) -> NDArray[np.float32]:
        """Return the vectors, (n, DIM)."""
        return np.array([vector for vector, _ in self.rows.values()], np.float32)


def digest(ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> str:
    """Return what tells two contents apart."""
    return hashlib.sha256(ids.tobytes() + vectors.tobytes()).hexdigest()


def begin(plan: str, seed: int) -> tuple[leafscan.Index, Model]:
    """Build what the catalogue begins with."""
    vectors = np.random.default_rng([seed, 0]).standard_normal((ROWS, DIM)).astype(np.float32)
    tags: dict[str, list[int | str]] = {"number": [0] * ROWS, "parity": ["even"] * ROWS}
    ids = np.arange(ROWS)
    index = leafscan.build(
        vectors,
        metric="squared_l2",
        config=PLANS[plan],
        ids=ids,
        seed=seed,
        threads=1,
        progress=False,
        tags=tags,
    )
    return index, Model().apply(Operation(kind="upsert", ids=ids, vectors=vectors, tags=tags))


def draw(seed: int, number: int, live: list[int]) -> Operation:
    """Draw the ``number``-th deed of the writer, from 1, where the ids ``live`` are there, sorted."""
    rng = np.random.default_rng([seed, number])
    kind = rng.choice(["few", "many", "delete", "checkpoint"], p=[0.5, 0.08, 0.34, 0.08])
    if kind == "checkpoint":
        return Operation(kind="checkpoint")
    if kind == "delete":
        count = int(rng.integers(1, 40))
        if len(live) - count >= FEWEST:
            return Operation(kind="delete", ids=rng.choice(np.array(live), count, replace=False))
    count = int(rng.integers(100, 400) if kind == "many" else rng.integers(1, 12))
    return Operation(
        kind="upsert",
        ids=rng.choice(UNIVERSE, count, replace=False),
        vectors=rng.standard_normal((count, DIM)).astype(np.float32),
        tags={"number": [number] * count, "parity": ["odd" if number % 2 else "even"] * count},
    )
