"""The names behind MovieLens' class labels: genres, occupations and age groups.

The numbering is that of TensorFlow Datasets' ``movielens/100k-ratings`` (version 0.1.1): genres and
occupations are numbered in alphabetical order over the names of all MovieLens releases, which is why ``IMAX``
or ``farmer`` exist here though no movie and no user of ML-100K has them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AGE_GROUPS",
    "FLAGGED_GENRES",
    "GENRES",
    "OCCUPATIONS",
    "age_group",
    "genre_label",
    "genre_names",
    "occupation_label",
]

#: The 21 genres, in the order of their class labels.
GENRES: tuple[str, ...] = (
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "IMAX",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "Unknown",
    "War",
    "Western",
    "(no genres listed)",
)

#: The 19 genres that ML-100K flags, as it spells them, in the order of u.item's columns 5 to 23.
FLAGGED_GENRES: tuple[str, ...] = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)

#: The 22 occupations, in the order of their class labels.
OCCUPATIONS: tuple[str, ...] = (
    "academic/educator",
    "artist",
    "clerical/admin",
    "customer service",
    "doctor/health care",
    "entertainment",
    "executive/managerial",
    "farmer",
    "homemaker",
    "lawyer",
    "librarian",
    "other/not specified",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "student",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)

#: The first age of every age group, in years; the first group is everyone below 18.
AGE_GROUPS: tuple[int, ...] = (1, 18, 25, 35, 45, 50, 56)

# What ML-100K calls an occupation, where that differs from the name which all releases share.
_OCCUPATION_OF_TEXT = {
    "administrator": "clerical/admin",
    "doctor": "doctor/health care",
    "educator": "academic/educator",
    "engineer": "technician/engineer",
    "executive": "executive/managerial",
    "healthcare": "doctor/health care",
    "marketing": "sales/marketing",
    "none": "other/not specified",
    "other": "other/not specified",
    "salesman": "sales/marketing",
    "technician": "technician/engineer",
}
_GENRE_LABELS = {name: label for label, name in enumerate(GENRES)}
_OCCUPATION_LABELS = {name: label for label, name in enumerate(OCCUPATIONS)}


def genre_names(labels: Iterable[int]) -> list[str]:
    """Name genres.

    Parameters
    ----------
    labels
        Class labels, each in 0..20, as in the tables' ``movie_genres``.

    Returns
    -------
    list of str
        The names, in the order of the labels.

    Raises
    ------
    ValueError
        If a label is out of range.

    Examples
    --------
    >>> genre_names([2, 3, 4])
    ['Animation', 'Children', 'Comedy']
    """
    names = []
    for label in labels:
        if not 0 <= label < len(GENRES):
            raise ValueError(f"labels must lie in 0..{len(GENRES) - 1}, received {label}; they index GENRES.")
        names.append(GENRES[label])
    return names


def genre_label(name: str) -> int:
    """Find a genre's class label, by MovieLens' own spelling or by TFDS'.

    Parameters
    ----------
    name
        A genre; ``Children's`` is the same as ``Children``, ``unknown`` the same as ``Unknown``.

    Returns
    -------
    int
        The class label, in 0..20.

    Raises
    ------
    ValueError
        If there is no such genre.

    Examples
    --------
    >>> genre_label("Children's"), genre_label("unknown")
    (3, 17)
    """
    canonical = {"Children's": "Children", "unknown": "Unknown"}.get(name, name)
    if canonical not in _GENRE_LABELS:
        raise ValueError(f"{name!r} is no genre of MovieLens; it must be one of {', '.join(GENRES)}.")
    return _GENRE_LABELS[canonical]


def occupation_label(text: str) -> int:
    """Find the class label of an occupation as ML-100K writes it.

    Parameters
    ----------
    text
        An occupation, for example ``"doctor"`` or ``"technician"``.

    Returns
    -------
    int
        The class label, in 0..21.

    Raises
    ------
    ValueError
        If there is no such occupation.

    Examples
    --------
    >>> occupation_label("doctor"), OCCUPATIONS[occupation_label("none")]
    (4, 'other/not specified')
    """
    canonical = _OCCUPATION_OF_TEXT.get(text, text)
    if canonical not in _OCCUPATION_LABELS:
        raise ValueError(f"{text!r} is no occupation of MovieLens; it must be one of ML-100K's 21.")
    return _OCCUPATION_LABELS[canonical]


def age_group(ages: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.float32]:
    """Round ages down to the first age of their group.

    Parameters
    ----------
    ages
        Ages in years, of any shape.

    Returns
    -------
    ndarray of float32
        One of 1, 18, 25, 35, 45, 50, 56 for each age.

    Examples
    --------
    >>> age_group(np.array([7, 18, 24, 73]))
    array([ 1., 18., 18., 56.], dtype=float32)
    """
    groups = np.array(AGE_GROUPS, np.float32)
    return groups[np.maximum(np.searchsorted(groups, ages, side="right") - 1, 0)]
