"""Checks of single numbers, with the sentences that tell what is wrong."""

import math
import operator
from typing import Any, SupportsFloat, SupportsIndex

__all__ = ["real_number", "whole_number"]


def whole_number(value: SupportsIndex, name: str, *, low: int, high: int | None = None) -> int:
    """Check a count.

    Parameters
    ----------
    value
        Any integer, NumPy's included; a bool is not one.
    name
        The argument, as the caller knows it.
    low, high
        The range, both ends included; ``high=None`` leaves it open.

    Returns
    -------
    int
        The same number as a plain ``int``.

    Raises
    ------
    TypeError
        If ``value`` is not an integer.
    ValueError
        If it is out of range.

    Examples
    --------
    >>> whole_number(0, "k", low=1)
    Traceback (most recent call last):
    ValueError: k must be at least 1; received 0.
    """
    wanted = f"at least {low}" if high is None else f"between {low} and {high}"
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    # NumPy's bool refuses operator.index by itself; Python's is an int.
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, {wanted}; received {_told(value)}.")
    if number < low or (high is not None and number > high):
        raise ValueError(f"{name} must be {wanted}; received {number}.")
    return number


def real_number(value: SupportsFloat, name: str, *, low: float | None) -> float:
    """Check a finite number of at least ``low``.

    Parameters
    ----------
    value
        An ``int``, a ``float`` or a NumPy scalar of either kind.
    name
        The argument, as the caller knows it.
    low
        The least that is allowed; None allows any.

    Returns
    -------
    float
        The same number as a plain ``float``.

    Raises
    ------
    TypeError
        If ``value`` is not a number.
    ValueError
        If it is NaN, infinite or below ``low``.

    Examples
    --------
    >>> real_number(1, "threshold", low=0)
    1.0
    """
    least = "" if low is None else f" at least {low}"
    if isinstance(value, (bool, str, bytes)) or not isinstance(value, (int, SupportsFloat)):
        raise TypeError(f"{name} must be a number{least and ','}{least}; received {_told(value)}.")
    try:
        number = float(value)
    except OverflowError:  # an integer beyond every float
        number = math.inf
    if not math.isfinite(number) or (low is not None and number < low):
        raise ValueError(f"{name} must be finite{least and ' and'}{least}; received {number}.")
    return number


def _told(value: Any) -> str:
    return f"{value!r:.80} ({type(value).__name__})"
