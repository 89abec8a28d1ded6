"""The indexes that are worked on: their plans, sizes and ids."""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from soak.mix.history import History
from soak.mix.model import GENRES, Metric, Places, Version, kept

__all__ = ["ALWAYS", "DIM", "FEWEST", "MOST", "PLANS", "UNIVERSE", "Plan", "Subject", "draw_vectors"]

#: The ids that there may be, those that are always there, and how many there are at least and at most.
UNIVERSE, ALWAYS, FEWEST, MOST = 2_000, 100, 500, 1_600
DIM = 16


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an index is built with.

    Parameters
    ----------
    exact
        Whether its own parameters find the best of all.
    few
        Parameters that do not, where it has any.
    """

    metric: Metric
    config: Config
    strings: bool = False
    exact: bool = True
    few: SearchParams | None = None
    catalogue: bool = False


_EVERY = SearchParams(leaves=20, candidates=100_000)
_FEW = SearchParams(leaves=2, candidates=40)

PLANS: Mapping[str, Plan] = {
    "exact": Plan(metric="squared_l2", config=Config()),
    "every leaf": Plan(
        metric="cosine",
        config=Config(
            tree=Tree(num_leaves=20, soar_lambda=1.0),
            score=AsymmetricHash(),
            reorder=Reorder(),
            search=_EVERY,
        ),
        strings=True,
        few=_FEW,
    ),
    "few leaves": Plan(
        metric="dot_product",
        config=Config(
            tree=Tree(num_leaves=20, soar_lambda=1.0, upper_leaves=5),
            score=AsymmetricHash(pca_dimensions=12),
            reorder=Reorder(dtype="bfloat16", first_dtype="int8"),
            search=SearchParams(leaves=3, candidates=60, refined=30, upper_leaves=3),
        ),
        strings=True,
        exact=False,
    ),
    "catalogue": Plan(
        metric="squared_l2",
        config=Config(tree=Tree(num_leaves=20), score=AsymmetricHash(), reorder=Reorder(), search=_EVERY),
        few=_FEW,
        catalogue=True,
    ),
}


def draw_vectors(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Draw (count, DIM) vectors that lie in clusters, none of which is 0."""
    centres = np.random.default_rng(7).standard_normal((12, DIM))
    drawn = centres[rng.integers(12, size=count)] + 0.5 * rng.standard_normal((count, DIM))
    return drawn.astype(np.float32)


class Subject:
    """An index and its history.

    Parameters
    ----------
    name
        One of `PLANS`.
    seed
        Of what it begins with.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.plan = name, PLANS[name]
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        self._names: list[Any] = [
            (f"é{place}" if place % 3 else f"item {place}") if self.plan.strings else 7 * place + 3
            for place in range(UNIVERSE)
        ]
        self._place = {one: place for place, one in enumerate(self._names)}
        self._as_array = np.array(self._names)
        rng = np.random.default_rng([seed, list(PLANS).index(name)])
        places = rng.permutation(UNIVERSE)[: (FEWEST + MOST) // 2]
        places = np.unique(np.concatenate([np.arange(ALWAYS), places])).astype(np.intp)
        vectors = draw_vectors(rng, len(places))
        genre = rng.integers(-1, len(GENRES), len(places)).astype(np.int8)
        year = rng.integers(1950, 2020, len(places)).astype(np.int16)
        version = Version.empty(UNIVERSE, DIM).upserted(places, self.kept(vectors), genre, year)
        self.history = History(version)
        self.index = leafscan.build(
            vectors,
            metric=self.plan.metric,
            config=self.plan.config,
            ids=self.ids(places),
            tags=version.tags(places),
            seed=seed,
            threads=1,
            progress=False,
        )
        self.catalogue: leafscan.Catalogue | None = None
        if self.plan.catalogue:
            self.index = self.catalogue = leafscan.open(self.folder / "catalogue", self.index)

    def kept(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return vectors as the index keeps them."""
        return kept(self.plan.metric, self.plan.config.row_dtype or "float32", vectors)

    def ids(self, places: Places) -> NDArray[Any]:
        """Return the ids of places."""
        return self._as_array[places]

    def places(self, ids: Iterable[Any]) -> Places:
        """Return the places of ids; -1 for none, -2 for one that never was."""
        place = self._place
        return np.array([-1 if one in (-1, "") else place.get(one, -2) for one in ids], np.intp)

    def close(self) -> None:
        """Let go of its files."""
        if self.catalogue is not None:
            self.catalogue.close()
        self._folder.cleanup()
