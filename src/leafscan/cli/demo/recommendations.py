"""The end of the demo: movies for one user, out of an index of the real ones."""

from __future__ import annotations

import leafscan
from leafscan.cli.demo.settings import K
from leafscan.cli.demo.towers import Towers
from leafscan.recommend import MovieLens, Progress, Recommendation, Recommender

__all__ = ["recommend_movies"]


def recommend_movies(
    data: MovieLens, towers: Towers, user_id: str, *, threads: int, progress: Progress
) -> Recommendation:
    """Index the movies and recommend.

    Parameters
    ----------
    data
        MovieLens.
    towers
        A quality model that was trained on all ratings.
    user_id
        For whom.
    threads
        How many the build may use.
    progress
        Where to show how far the build is.

    Returns
    -------
    Recommendation
        Ten new movies beside the ten that the user rated highest.
    """
    index = leafscan.build(towers.table, metric="dot_product", threads=threads, progress=progress)
    return Recommender(towers.model, index, data).recommend(user_id, k=K)
