"""The caller's names of the rows: integers that are not negative, or strings that are not empty."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import read_array

__all__ = ["StringIds", "as_ids", "first_repeated"]


class StringIds:
    """Strings side by side as UTF-8, so that a file holds and maps them as they are.

    Parameters
    ----------
    data
        uint8 (bytes,), the strings one after the other.
    offsets
        uint64 (n + 1,), where each begins and the last one ends.

    Examples
    --------
    >>> StringIds.from_strings(["a", "bc"]).take(np.array([[1, 0, -1]])).tolist()
    [['bc', 'a', '']]
    """

    __slots__ = ("_bytes", "data", "offsets")

    def __init__(self, data: NDArray[np.uint8], offsets: NDArray[np.uint64]) -> None:
        self.data = data
        self.offsets = offsets
        self._bytes = data.data

    @classmethod
    def from_strings(cls, strings: Sequence[str]) -> Self:
        """Encode ``strings``."""
        encoded = [string.encode() for string in strings]
        offsets = np.zeros(len(encoded) + 1, np.uint64)
        np.cumsum([len(string) for string in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """The bytes that they take."""
        return self.data.nbytes + self.offsets.nbytes

    def take(self, positions: NDArray[np.int64]) -> NDArray[np.str_]:
        """Return the strings at ``positions``, in their shape; "" where a position is negative."""
        flat = positions.reshape(-1)
        starts = self.offsets[flat].tolist()
        ends = self.offsets[flat + 1].tolist()
        data = self._bytes
        strings = [
            str(data[start:end], "utf-8") if position >= 0 else ""
            for position, start, end in zip(flat.tolist(), starts, ends, strict=True)
        ]
        return np.array(strings, dtype=np.str_).reshape(positions.shape)


def as_ids(ids: ArrayLike | Iterable[str], n: int) -> NDArray[np.int64] | StringIds:
    """Read the ids of ``n`` rows.

    Parameters
    ----------
    ids
        (n,) integers from 0 or strings that are not empty, each different.
    n
        How many rows there are.

    Returns
    -------
    NDArray[np.int64] or StringIds
        The ids, copied.

    Raises
    ------
    TypeError
        If they are neither integers nor strings.
    ValueError
        If there are not ``n`` of them, one is negative or empty, or two are the same.

    Examples
    --------
    >>> as_ids([7, 5], 2)
    array([7, 5])
    >>> as_ids([7, 7], 2)
    Traceback (most recent call last):
    ValueError: ids must be unique; 7 is there twice, at 0 and 1.
    """
    # NumPy would make strings of [1, "a"], and floats of what is too large for an integer: ask before.
    array = read_array(ids, "ids") if hasattr(ids, "__array__") or hasattr(ids, "__dlpack__") else None
    if array is None or array.dtype.kind in "OUT":
        if isinstance(ids, (str, bytes)) or not isinstance(ids, Iterable):
            raise TypeError(f"ids must be integers or strings, one for each row; received {ids!r:.80}.")
        values: list[Any] = list(ids) if array is None else _flat(array).tolist()
        if values and all(isinstance(value, str) for value in values):
            _check_length(len(values), n)
            return _strings(values)
        array = _integer_array(values)
    _check_length(len(_flat(array)), n)
    return _integers(array)


def first_repeated(ids: NDArray[Any]) -> tuple[int, int] | None:
    """Return two places that hold the same id, or None."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(repeated):
        return None
    return int(order[repeated[0]]), int(order[repeated[0] + 1])


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 1:
        raise ValueError(f"ids must have the shape (n,), one for each row; received the shape {array.shape}.")
    return array


def _check_length(received: int, n: int) -> None:
    if received != n:
        raise ValueError(f"ids must hold one id for each of the {n} rows; received {received}.")


def _integer_array(values: list[Any]) -> NDArray[Any]:
    for place, value in enumerate(values):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
            raise TypeError(
                "ids must be all integers or all strings; "
                f"received {value!r:.80} ({type(value).__name__}) at {place}."
            )
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        raise ValueError(f"ids must fit 64 bits with a sign; received {max(values, key=abs)}.") from None


def _integers(array: NDArray[Any]) -> NDArray[np.int64]:
    if array.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers or strings; received the dtype {array.dtype}.")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"ids must fit 64 bits with a sign; received {array.max()}.")
    integers = array.astype(np.int64)
    negative = np.flatnonzero(integers < 0)
    if len(negative):
        raise ValueError(
            "ids must not be negative, since -1 stands for none; "
            f"received {integers[negative[0]]} at {negative[0]}."
        )
    repeated = first_repeated(integers)
    if repeated is not None:
        raise ValueError(
            f"ids must be unique; {integers[repeated[0]]} is there twice, at {repeated[0]} and {repeated[1]}."
        )
    return integers


def _strings(values: list[str]) -> StringIds:
    seen: dict[str, int] = {}
    for place, value in enumerate(values):
        if not value:
            raise ValueError(f'ids must not be empty, since "" stands for none; the one at {place} is.')
        # NumPy's strings end before trailing NULs, so that "a" and "a\0" would come out as one.
        if "\0" in value:
            raise ValueError(f"ids must not hold NUL characters; received {value!r:.80} at {place}.")
        first = seen.setdefault(value, place)
        if first != place:
            raise ValueError(f"ids must be unique; {value!r:.80} is there twice, at {first} and {place}.")
    try:
        return StringIds.from_strings(values)
    except UnicodeEncodeError as error:
        raise ValueError(f"ids must be text that UTF-8 can hold; received {error.object!r:.80}.") from error
