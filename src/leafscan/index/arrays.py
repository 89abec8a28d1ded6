"""What callers give as vectors, read as float32 rows."""

import contextlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FLOAT32", "as_queries", "as_vectors", "read_array"]

#: NumPy has one object for it, so that `is` tells a float32 array at once.
FLOAT32 = np.dtype(np.float32)

#: The engine numbers rows in 32 bits.
MAX_ROWS = 2**32 - 1

# DLPack's device types that a CPU can read: itself, and CUDA's and ROCm's pinned and managed host memory.
_CPU_DEVICES = frozenset({1, 3, 11, 13})

_FRAMEWORKS = {"jax": "leafscan.jax", "jaxlib": "leafscan.jax", "torch": "leafscan.torch"}


def as_vectors(vectors: ArrayLike) -> NDArray[np.float32]:
    """Read the rows of an index.

    Parameters
    ----------
    vectors
        (n, d), n and d at least 1: anything real that NumPy or DLPack can read on the CPU.

    Returns
    -------
    NDArray[np.float32]
        (n, d), C-ordered; the very memory it was given, where that is so already.

    Raises
    ------
    TypeError
        If it is no array of real numbers, or lies on another device.
    ValueError
        If it has the wrong rank or nothing in it. That every number is in the range is for the engine to see.

    Examples
    --------
    >>> as_vectors([[1, 2], [3, 4]]).dtype
    dtype('float32')
    >>> as_vectors([1.0, 2.0])
    Traceback (most recent call last):
    ValueError: vectors must have the shape (n, d), one row each; received (2,).
    """
    array = read_array(vectors, "vectors")
    if array.ndim != 2:
        raise ValueError(f"vectors must have the shape (n, d), one row each; received {array.shape}.")
    if array.size == 0:
        raise ValueError(f"vectors must hold at least one row of one number; received {array.shape}.")
    if array.shape[0] > MAX_ROWS:
        raise ValueError(f"vectors may hold at most {MAX_ROWS} rows; received {array.shape[0]}.")
    return _as_float32(array, "vectors")


def as_queries(queries: ArrayLike, dim: int) -> NDArray[np.float32]:
    """Read one query or a batch.

    Parameters
    ----------
    queries
        (d,) or (q, d), q from 0: anything real that NumPy or DLPack can read on the CPU.
    dim
        The d of the index.

    Returns
    -------
    NDArray[np.float32]
        The same shape, C-ordered.

    Raises
    ------
    TypeError
        If it is no array of real numbers, or lies on another device.
    ValueError
        If it has the wrong rank or number of dimensions.

    Examples
    --------
    >>> as_queries([1, 2, 3], 2)
    Traceback (most recent call last):
    ValueError: queries must have the shape (2,) or (q, 2), since the index has 2 dimensions; received (3,).
    """
    array = read_array(queries, "queries")
    if array.ndim not in (1, 2) or array.shape[-1] != dim:
        raise ValueError(
            f"queries must have the shape ({dim},) or (q, {dim}), since the index has {dim} dimensions; "
            f"received {array.shape}."
        )
    return _as_float32(array, "queries")


def read_array(values: Any, name: str) -> NDArray[Any]:
    """Read anything that NumPy or DLPack can read on the CPU, whatever it holds.

    Parameters
    ----------
    values
        An array, a tensor, or nested lists.
    name
        The argument, as the caller knows it.

    Returns
    -------
    NDArray
        The same memory where that can be.

    Raises
    ------
    TypeError
        If it lies on another device, has masked numbers, or cannot be read.
    ValueError
        If it is ragged.
    """
    if type(values) is np.ndarray:
        return values
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise TypeError(
            f"{name} has masked numbers, which would be read as if they were there; "
            f"fill them, as by numpy.ma.filled({name}, 0.0), or drop their rows."
        )
    if isinstance(values, np.ndarray):
        return np.asarray(values)
    device = _device(values)
    if device is not None:
        if device not in _CPU_DEVICES:
            raise TypeError(_elsewhere(values, name))
        with contextlib.suppress(Exception):  # A dtype that DLPack or NumPy lacks: NumPy shall say it.
            return np.from_dlpack(values)
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} cannot be read as one array: {error} Give rows of equal length.") from error
    except Exception as error:
        raise TypeError(
            f"{name} cannot be read as an array ({_kind(values)}: {error}); "
            "give a NumPy array, or a tensor on the CPU without a gradient."
        ) from error


def _as_float32(array: NDArray[Any], name: str) -> NDArray[np.float32]:
    if array.dtype != FLOAT32:
        # bfloat16 is a dtype of ml_dtypes, which NumPy knows only by name.
        if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
            raise TypeError(
                f"{name} must hold real numbers; received the dtype {array.dtype}. Convert them to float32."
            )
        # What overflows becomes infinite, and the engine names its row.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.ascontiguousarray(array, dtype=np.float32)
    return np.ascontiguousarray(array)


def _device(values: Any) -> int | None:
    """Return DLPack's device type, or None where the object tells none (an array over several devices)."""
    with contextlib.suppress(Exception):
        return int(values.__dlpack_device__()[0])
    return None


def _elsewhere(values: Any, name: str) -> str:
    module = _FRAMEWORKS.get(type(values).__module__.partition(".")[0])
    remedy = f", or search where it lies with {module}" if module else ""
    where = getattr(values, "device", "another device")
    return f"{name} lies on {where} ({_kind(values)}); copy it to the CPU first{remedy}."


def _kind(values: Any) -> str:
    return f"{type(values).__module__}.{type(values).__qualname__}"
