"""MovieLens-100K: found or fetched, checked, and read into tables. Needs no Keras."""

from leafscan.recommend.movielens.loading import load_movielens
from leafscan.recommend.movielens.synthetic import (
    synthetic_files,
    synthetic_movielens,
    write_synthetic_movielens,
)
from leafscan.recommend.movielens.tables import MovieLens
from leafscan.recommend.movielens.vocabulary import GENRES, OCCUPATIONS, genre_names

__all__ = [
    "GENRES",
    "OCCUPATIONS",
    "MovieLens",
    "genre_names",
    "load_movielens",
    "synthetic_files",
    "synthetic_movielens",
    "write_synthetic_movielens",
]
