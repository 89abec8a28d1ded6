"""What a model must beat: popularity, and matrix factorisation from the implicit library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.extras import require
from leafscan.recommend.interactions import Interactions

__all__ = ["ALS", "BPR", "Popularity", "Scorer"]


class Scorer(Protocol):
    """Anything that learns from events and then scores every item for every user."""

    def scores(self, events: Interactions, *, seed: int) -> NDArray[np.floating]:
        """Learn from the events and score: shape (num_users, num_items), higher is better."""
        ...


@dataclass(frozen=True)
class Popularity:
    """Recommend to everyone what most users touched.

    Examples
    --------
    >>> from leafscan.recommend import Interactions, synthetic_movielens
    >>> Popularity().scores(Interactions.of(synthetic_movielens(users=3, movies=7)), seed=0).shape
    (3, 7)
    """

    def scores(self, events: Interactions, *, seed: int = 0) -> NDArray[np.floating]:
        """Count the events of each item.

        Parameters
        ----------
        events
            What to learn from.
        seed
            Not used.

        Returns
        -------
        ndarray of float64
            Shape (num_users, num_items); all rows are the same.
        """
        counts = np.bincount(events.items, minlength=events.num_items).astype(np.float64)
        return np.broadcast_to(counts, (events.num_users, events.num_items))


@dataclass(frozen=True)
class ALS:
    """Alternating least squares on implicit feedback (Hu, Koren and Volinsky 2008), by the implicit library.

    Attributes
    ----------
    factors, regularization, alpha, iterations
        As in ``implicit.cpu.als.AlternatingLeastSquares``. The defaults are what `leafscan.recommend.tuning`
        found best on the validation split of ML-100K.
    """

    factors: int = 32
    regularization: float = 1.0
    alpha: float = 1.0
    iterations: int = 15

    def scores(self, events: Interactions, *, seed: int = 0) -> NDArray[np.floating]:
        """Factorise and score.

        Parameters
        ----------
        events
            What to learn from; each counts alike, whatever its stars.
        seed
            Seeds the initial factors.

        Returns
        -------
        ndarray of float32
            Shape (num_users, num_items).

        Raises
        ------
        ModuleNotFoundError
            If implicit is not installed.
        """
        return _factorise(
            "AlternatingLeastSquares",
            "als",
            events,
            seed,
            factors=self.factors,
            regularization=self.regularization,
            alpha=self.alpha,
            iterations=self.iterations,
        )


@dataclass(frozen=True)
class BPR:
    """Bayesian personalised ranking (Rendle et al. 2009), by the implicit library.

    Attributes
    ----------
    factors, learning_rate, regularization, iterations
        As in ``implicit.cpu.bpr.BayesianPersonalizedRanking``. The defaults are what
        `leafscan.recommend.tuning` found best on the validation split of ML-100K.
    """

    factors: int = 32
    learning_rate: float = 0.005
    regularization: float = 0.01
    iterations: int = 200

    def scores(self, events: Interactions, *, seed: int = 0) -> NDArray[np.floating]:
        """Factorise and score.

        Parameters
        ----------
        events
            What to learn from.
        seed
            Seeds the initial factors and the sampling; one thread, so that a seed gives one result.

        Returns
        -------
        ndarray of float32
            Shape (num_users, num_items).

        Raises
        ------
        ModuleNotFoundError
            If implicit is not installed.
        """
        return _factorise(
            "BayesianPersonalizedRanking",
            "bpr",
            events,
            seed,
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
        )


def _factorise(
    kind: str, module: str, events: Interactions, seed: int, **settings: Any
) -> NDArray[np.floating]:
    purpose, install = f"The {module.upper()} baseline", "implicit"
    library = require(f"implicit.cpu.{module}", purpose=purpose, install=install)
    sparse = require("scipy.sparse", purpose=purpose, install=install)
    limits = require("threadpoolctl", purpose=purpose, install=install)
    shape = (events.num_users, events.num_items)
    matrix = sparse.csr_matrix((np.ones(len(events), np.float32), (events.users, events.items)), shape=shape)
    # implicit has threads of its own; a BLAS that spawns more beside them makes it slow, and it says so.
    with limits.threadpool_limits(1, user_api="blas"):
        model = getattr(library, kind)(random_state=seed, **settings)
        model.fit(matrix, show_progress=False)
    return np.asarray(model.user_factors @ model.item_factors.T)
