"""The lengths that vectors may have, so that no product or distance leaves the range of 32-bit floats."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.scann.errors import ScannError

__all__ = ["MAX_LENGTH", "check_length", "check_lengths"]

#: Products of two vectors of this length are 1e30: sums of a hundred million of them are finite still.
MAX_LENGTH = 1e15

_MAX_SQUARE = np.float32(MAX_LENGTH**2)
_FLOAT32 = np.dtype(np.float32)


def check_lengths(vectors: NDArray[Any], name: str) -> None:
    """Check vectors, (n, d): beyond the range scores would be infinite, and ids those of whatever came first.

    Raises
    ------
    ScannError
        If one is longer than `MAX_LENGTH`; it is named. NaN and infinity are left to whoever reads them.

    Examples
    --------
    >>> check_lengths(np.array([[1.0, 2.0], [1e20, 0.0]]), "db")
    Traceback (most recent call last):
    leafscan.scann.errors.ScannError: db must hold rows of a length up to 1e+15, so that scores are finite ...
    """
    if not vectors.size or not _real(vectors):
        return
    bound = math.sqrt(vectors.shape[1]) * max(float(vectors.max()), -float(vectors.min()))
    if bound <= MAX_LENGTH:
        return
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    long = np.flatnonzero(np.isfinite(lengths) & (lengths > MAX_LENGTH))
    if len(long):
        raise _too_long(f"{name} must hold rows", f"row {long[0]} is of length {lengths[long[0]]:.3g}")


def check_length(vector: NDArray[Any], name: str) -> None:
    """Check one vector, (d,), as `check_lengths` does."""
    # Half a microsecond; to silence NumPy, which may warn before the error comes, would take as much again.
    if vector.dtype is _FLOAT32 and vector.dot(vector) <= _MAX_SQUARE:
        return
    if _real(vector):
        length = float(np.linalg.norm(vector.astype(np.float64)))
        if MAX_LENGTH < length < math.inf:
            raise _too_long(f"{name} must be", f"received one of length {length:.3g}")


def _real(vectors: NDArray[Any]) -> bool:
    # What holds anything else is refused by whoever reads it; JAX's bfloat16 is a type of its own to NumPy.
    return vectors.dtype.kind in "fiu" or vectors.dtype.name == "bfloat16"


def _too_long(begin: str, received: str) -> ScannError:
    return ScannError(
        f"{begin} of a length up to {MAX_LENGTH:g}, so that scores are finite 32-bit floats; {received}. "
        "Scale rows and queries alike."
    )
