"""Checks of what ScaNN's calls take: counts, and reals that may be NaN, which stands for "off"."""

import math
from typing import Any, SupportsFloat, SupportsIndex

from leafscan.index.numbers import real_number, whole_number

__all__ = ["MAX_COUNT", "count", "fraction", "threshold"]

#: ScaNN's protos count in 32 bits with a sign.
MAX_COUNT = 2**31 - 1


def count(value: SupportsIndex, name: str, *, low: int = 1) -> int:
    """Check a whole number of at least ``low`` that fits ScaNN's protos.

    Raises
    ------
    TypeError, ValueError
        If it is none, or out of range.

    Examples
    --------
    >>> count(0, "tree's num_leaves")
    Traceback (most recent call last):
    ValueError: tree's num_leaves must be between 1 and 2147483647; received 0.
    """
    return whole_number(value, name, low=low, high=MAX_COUNT)


def threshold(value: SupportsFloat, name: str, *, low: float = 0.0) -> float:
    """Check a number of at least ``low``, or NaN.

    Raises
    ------
    TypeError, ValueError
        If it is none, infinite, or too small.

    Examples
    --------
    >>> threshold(float("nan"), "T"), threshold(1, "T")
    (nan, 1.0)
    """
    if isinstance(value, SupportsFloat) and not isinstance(value, str) and math.isnan(_as_float(value)):
        return math.nan
    return real_number(value, name, low=low)


def fraction(value: Any, name: str) -> float:
    """Check a share above 0 and at most 1.

    Examples
    --------
    >>> fraction(1.5, "pca's pca_significance_threshold")
    Traceback (most recent call last):
    ValueError: pca's pca_significance_threshold must be above 0 and at most 1; received 1.5.
    """
    share = real_number(value, name, low=0)
    if not 0 < share <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1; received {share}.")
    return share


def _as_float(value: SupportsFloat) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0  # real_number says what is wrong with it
