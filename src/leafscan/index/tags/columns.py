"""What callers give as tags, read as columns of plain values."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.arrays import read_array

__all__ = ["SINGLE", "Column", "Value", "plain", "read_columns"]

Value = str | int | float

#: The place of a value that is not in a list.
SINGLE = -1

_PLAIN = {str, int, float, bool, type(None)}
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of one tag.

    Parameters
    ----------
    at
        The row of each value, ascending; a row may have several values, or none.
    places
        The place of each value in the list that its row has, `SINGLE` where it has no list; None where no row
        has.
    values
        The values; booleans as they are.
    booleans
        Whether they are booleans; None where there are no values.
    """

    at: Sequence[int]
    places: Sequence[int] | None
    values: Sequence[Value]
    booleans: bool | None


def read_columns(tags: Mapping[str, Any], n: int) -> dict[str, Column]:
    """Read the tags of ``n`` rows.

    Parameters
    ----------
    tags
        By name, (n,) values in the order of the rows: strings, integers of 64 bits, floats or booleans; None
        where a row has none, a list, tuple, set or array where it has several. NumPy's arrays and scalars
        count as what they hold.
    n
        How many rows.

    Returns
    -------
    dict of str to Column
        In the order of the names given.

    Raises
    ------
    TypeError
        If ``tags`` or a column is of another kind, or a value is.
    ValueError
        If a column has another length, or holds NaN, an integer beyond 64 bits, or booleans beside others.

    Examples
    --------
    >>> column = read_columns({"genre": ["a", None, ["b", "c"]]}, 3)["genre"]
    >>> column.at, column.places, column.values
    ([0, 2, 2], [-1, 0, 1], ['a', 'b', 'c'])
    """
    if not isinstance(tags, Mapping):
        raise TypeError(
            'tags must be a mapping of names to columns, as {"year": [1995, 1994]}; '
            f"received {tags!r:.80} ({type(tags).__name__})."
        )
    columns = {}
    for name, values in tags.items():
        _check_name(name)
        columns[name] = _read_column(values, f"the tag {name!r:.80}", n)
    return columns


def plain(value: Any, name: str) -> Value | bool:
    """Return one value as Python has it, or raise naming it.

    Examples
    --------
    >>> plain(np.float32(0.5), "the tag 'price'")
    0.5
    >>> plain(float("nan"), "the tag 'price'")
    Traceback (most recent call last):
    ValueError: the tag 'price' holds NaN, which nothing equals; give None where a row has no value.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = str(value)
        _check_text([text], name)
        return text
    if isinstance(value, int):
        whole = int(value)
        _check_whole([whole], name)
        return whole
    if isinstance(value, float):
        real = float(value)
        _check_real([real], name)
        return real
    raise TypeError(
        f"{name} must hold strings, integers, floats or booleans, several of them in a list, or None; "
        f"received {value!r:.80} ({type(value).__name__})."
    )


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the names of tags must be strings; received {name!r:.80} ({type(name).__name__}).")
    if not name or name.startswith("$"):
        raise ValueError(
            f'the names of tags must not be empty or begin with "$", as operators do; received {name!r:.80}.'
        )
    _check_text([name], "the name of a tag")


def _read_column(values: Any, name: str, n: int) -> Column:
    items = _listed(values, name)
    if len(items) != n:
        raise ValueError(f"{name} must hold one value for each of the {n} rows; received {len(items)}.")
    kinds = set(map(type, items))
    if kinds <= _PLAIN:
        if type(None) not in kinds:
            return Column(range(n), None, items, _check_values(items, kinds, name))
        at = [row for row, value in enumerate(items) if value is not None]
        some = [value for value in items if value is not None]
        return Column(at, None, some, _check_values(some, kinds - {type(None)}, name))
    return _read_lists(items, name)


def _read_lists(items: list[Any], name: str) -> Column:
    at: list[int] = []
    places: list[int] = []
    values: list[Any] = []
    for row, item in enumerate(items):
        if isinstance(item, (list, tuple, set, frozenset, np.ndarray)):
            several = [plain(value, name) for value in _several(item, name)]
            at += [row] * len(several)
            places += range(len(several))
            values += several
        elif item is not None:
            at.append(row)
            places.append(SINGLE)
            values.append(plain(item, name))
    lists = any(place != SINGLE for place in places)
    return Column(at, places if lists else None, values, _check_values(values, set(map(type, values)), name))


def _several(item: Any, name: str) -> Iterable[Any]:
    if isinstance(item, np.ndarray) and item.ndim != 1:
        raise ValueError(
            f"{name} holds an array of the shape {item.shape}, where a list of values should be."
        )
    if isinstance(item, (set, frozenset)):
        # Their own order changes from run to run.
        return sorted(item, key=lambda value: (isinstance(value, str), value))
    values: Iterable[Any] = item
    return values


def _listed(values: Any, name: str) -> list[Any]:
    if isinstance(values, (list, tuple)):
        return list(values)
    if hasattr(values, "__array__") or hasattr(values, "__dlpack__"):
        array: NDArray[Any] = read_array(values, name)
        if array.ndim == 0:
            raise TypeError(
                f"{name} must hold one value for each row, not one for all; received {values!r:.80}."
            )
        listed: list[Any] = array.tolist()
        return listed
    if isinstance(values, (str, bytes, Mapping, set, frozenset)) or not isinstance(values, Iterable):
        raise TypeError(
            f"{name} must be a list or an array of values, one for each row; "
            f"received {values!r:.80} ({type(values).__name__})."
        )
    return list(values)


def _check_values(values: Sequence[Any], kinds: set[type], name: str) -> bool | None:
    if not kinds:
        return None
    if bool in kinds:
        if len(kinds) > 1:
            other = next(value for value in values if type(value) is not bool)
            raise ValueError(f"{name} holds booleans and {other!r:.80}; give all as booleans, or none.")
        return True
    several = len(kinds) > 1
    if int in kinds:
        _check_whole([value for value in values if type(value) is int] if several else values, name)
    if float in kinds:
        _check_real([value for value in values if type(value) is float] if several else values, name)
    if str in kinds:
        _check_text([value for value in values if type(value) is str] if several else values, name)
    return False


def _check_whole(values: Sequence[int], name: str) -> None:
    for value in (min(values), max(values)):
        if not -_LARGEST - 1 <= value <= _LARGEST:
            raise ValueError(
                f"{name} holds {value!r:.80}, which 64 bits do not hold; give a float, or a string."
            )


def _check_real(values: Sequence[float], name: str) -> None:
    if any(map(math.isnan, values)):
        raise ValueError(f"{name} holds NaN, which nothing equals; give None where a row has no value.")


def _check_text(values: Sequence[str], name: str) -> None:
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        wrong = next(value for value in values if not _encodes(value))
        raise ValueError(f"{name} must be text that UTF-8 can hold; received {wrong!r:.80}.") from None


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
