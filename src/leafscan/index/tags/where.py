"""The language of ``where``: read into conditions, with a sentence for whatever is not in it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leafscan.index.tags.columns import Value, plain

__all__ = ["All", "AnyOf", "Bounds", "Condition", "Equal", "Exists", "Not", "read_where"]


@dataclass(frozen=True, slots=True)
class Equal:
    """One of the row's values of the tag is one of these."""

    tag: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """One of the row's values of the tag is of the kind of the bounds and within them.

    ``low`` and ``high`` are (operator, value), ``>`` or ``>=`` and ``<`` or ``<=``; one may be None.
    """

    tag: str
    low: tuple[str, Value] | None
    high: tuple[str, Value] | None


@dataclass(frozen=True, slots=True)
class Exists:
    """The row has a value of the tag."""

    tag: str


@dataclass(frozen=True, slots=True)
class Not:
    """The condition does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the conditions holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the conditions holds at least."""

    parts: tuple["Condition", ...]


Condition = Equal | Bounds | Exists | Not | All | AnyOf

#: What is deeper than this was not written by hand.
MAX_DEPTH = 64

_LOW = {"$gt": ">", "$gte": ">="}
_HIGH = {"$lt": "<", "$lte": "<="}
_OPERATORS = ("$eq", "$ne", "$in", "$nin", *_LOW, *_HIGH, "$exists")
_LISTS = (list, tuple, set, frozenset, np.ndarray)


def read_where(where: Any, names: Collection[str]) -> Condition:
    """Read what rows are to be found.

    Parameters
    ----------
    where
        A mapping. Of tags to what they are to be:

        - a value, ``{"genre": "Comedy"}``: as ``$eq``;
        - a list, tuple, set or array, ``{"genre": ["Comedy", "Drama"]}``: as ``$in``;
        - a mapping of operators, ``{"year": {"$gte": 1990, "$lt": 2000}}``, all of which are to hold:
          ``$eq`` and ``$ne`` a value, ``$in`` and ``$nin`` any of a list, ``$gt``, ``$gte``, ``$lt`` and
          ``$lte`` by order, ``$exists`` whether there is a value.

        And of ``"$and"`` and ``"$or"`` to lists of such mappings, and ``"$not"`` to one. Of several keys all
        are to hold.

        Numbers compare with numbers by value (booleans count as 0 and 1), strings with strings by code
        points; a number is never equal to, below or above a string. Where a row has several values of a tag,
        it is enough that one of them is as asked, for each operator by itself. A row without a value of the
        tag is not equal to, below or above anything. ``$ne``, ``$nin`` and ``$not`` hold exactly where
        ``$eq``, ``$in`` and what is negated do not: also where a row has no such tag.
    names
        The tags that there are.

    Returns
    -------
    Condition
        What `leafscan.index.tags.matching` answers.

    Raises
    ------
    TypeError
        If a part is of the wrong kind.
    ValueError
        If there is no such tag or operator, or nothing is asked for.

    Examples
    --------
    >>> read_where({"year": {"$gte": 1990, "$lt": 2000}}, ["year"])
    Bounds(tag='year', low=('>=', 1990), high=('<', 2000))
    >>> read_where({"yaer": 1990}, ["genre", "year"])
    Traceback (most recent call last):
    ValueError: where asks for the tag 'yaer', which this index does not have; it has 'genre', 'year'.
    """
    return _Reader(names).mapping(where, "where", 0)


class _Reader:
    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def mapping(self, where: Any, name: str, depth: int) -> Condition:
        if not isinstance(where, Mapping):
            raise TypeError(f'{name} must be a mapping, as {{"genre": "Comedy"}}; received {_told(where)}.')
        if not where:
            raise ValueError(f"{name} asks for nothing; leave it out to allow every row.")
        if depth > MAX_DEPTH:
            raise ValueError(f"where must not be nested more than {MAX_DEPTH} times.")
        return _all([self._entry(key, value, depth) for key, value in where.items()])

    def _entry(self, key: Any, value: Any, depth: int) -> Condition:
        if key in ("$and", "$or"):
            if not isinstance(value, (list, tuple)) or not value:
                raise TypeError(f"{key} must be a list of at least one mapping; received {_told(value)}.")
            parts = tuple(self.mapping(part, f"each part of {key}", depth + 1) for part in value)
            return All(parts) if key == "$and" else AnyOf(parts)
        if key == "$not":
            return Not(self.mapping(value, "$not", depth + 1))
        if not isinstance(key, str):
            raise TypeError(f"where must have names of tags as keys; received {_told(key)}.")
        if key.startswith("$"):
            raise ValueError(
                f"where knows no operator {key!r:.80} there; it has $and, $or and $not, "
                f'and of a tag, as {{"year": {{"$gte": 1990}}}}, {", ".join(_OPERATORS)}.'
            )
        if key not in self._names:
            there = ", ".join(map(repr, self._names)) or "none"
            raise ValueError(
                f"where asks for the tag {key!r:.80}, which this index does not have; it has {there:.2000}."
            )
        return self._tag(key, value)

    def _tag(self, tag: str, value: Any) -> Condition:
        if isinstance(value, Mapping):
            if not value:
                raise ValueError(
                    f"where asks nothing of the tag {tag!r:.80}; it knows {', '.join(_OPERATORS)}."
                )
            parts = [_operator(tag, operator, operand) for operator, operand in value.items()]
            return _all(_joined(parts))
        if isinstance(value, _LISTS):
            return _operator(tag, "$in", value)
        return _operator(tag, "$eq", value)


def _operator(tag: str, operator: Any, operand: Any) -> Condition:
    name = f"where's {operator} of the tag {tag!r:.80}"
    if operator in ("$eq", "$ne"):
        equal = Equal(tag, (_value(operand, name),))
        return equal if operator == "$eq" else Not(equal)
    if operator in ("$in", "$nin"):
        if not isinstance(operand, _LISTS):
            raise TypeError(f"{name} must be a list of values; received {_told(operand)}.")
        values = operand.reshape(-1) if isinstance(operand, np.ndarray) else operand
        among = Equal(tag, tuple(_value(value, name) for value in values))
        return among if operator == "$in" else Not(among)
    if operator in _LOW:
        return Bounds(tag, (_LOW[operator], _value(operand, name)), None)
    if operator in _HIGH:
        return Bounds(tag, None, (_HIGH[operator], _value(operand, name)))
    if operator == "$exists":
        if not isinstance(operand, (bool, np.bool_)):
            raise TypeError(f"{name} must be True or False; received {_told(operand)}.")
        return Exists(tag) if operand else Not(Exists(tag))
    raise ValueError(f"where knows no operator {operator!r:.80} of a tag; it knows {', '.join(_OPERATORS)}.")


def _value(operand: Any, name: str) -> Value:
    if operand is None:
        raise TypeError(f'{name} must be a value; for rows without one give {{"$exists": False}}.')
    if isinstance(operand, (*_LISTS, Mapping)):
        raise TypeError(f"{name} must be one value; received {_told(operand)}.")
    return plain(operand, name)


def _joined(parts: list[Condition]) -> list[Condition]:
    """Join a lower and an upper bound of one kind, which are mostly a range."""
    lows = [part for part in parts if isinstance(part, Bounds) and part.low]
    highs = [part for part in parts if isinstance(part, Bounds) and part.high]
    if len(lows) != 1 or len(highs) != 1:
        return parts
    (low,), (high,) = lows, highs
    assert low.low is not None
    assert high.high is not None
    if isinstance(low.low[1], str) != isinstance(high.high[1], str):
        return parts
    others = [part for part in parts if part not in (low, high)]
    return [*others, Bounds(low.tag, low.low, high.high)]


def _all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _told(value: Any) -> str:
    return f"{value!r:.80} ({type(value).__name__})"
