"""The language of where, beside a predicate in plain Python."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscan.index.tags import Tags
from leafscan.index.tags.where import read_where

NAMES = ["genre", "year", "in stock", 'odd "; DROP TABLE tags; --']

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, bound: value > bound,
    "$gte": lambda value, bound: value >= bound,
    "$lt": lambda value, bound: value < bound,
    "$lte": lambda value, bound: value <= bound,
}


def values_of(row: Mapping[str, Any], tag: str) -> list[Any]:
    value = row[tag]
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def asked(row: Mapping[str, Any], tag: str, operator: str, operand: Any) -> bool:
    values = values_of(row, tag)
    if operator == "$eq":
        return operand in values
    if operator == "$in":
        return any(value in operand for value in values)
    if operator == "$ne":
        return operand not in values
    if operator == "$nin":
        return not any(value in operand for value in values)
    if operator == "$exists":
        return bool(values) == operand
    alike = [value for value in values if isinstance(value, str) == isinstance(operand, str)]
    return any(TESTS[operator](value, operand) for value in alike)


def predicate(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    for key, value in where.items():
        if key == "$and":
            found = all(predicate(row, part) for part in value)
        elif key == "$or":
            found = any(predicate(row, part) for part in value)
        elif key == "$not":
            found = not predicate(row, value)
        elif isinstance(value, dict):
            found = all(asked(row, key, operator, operand) for operator, operand in value.items())
        elif isinstance(value, list):
            found = asked(row, key, "$in", value)
        else:
            found = asked(row, key, "$eq", value)
        if not found:
            return False
    return True


texts = st.sampled_from(["", "a", "A", "ab", "b", "é", "\0", "a\0b", "1", "𝄞"])
wholes = st.sampled_from([-(2**63), -1, 0, 1, 2, 1990, 2**53, 2**53 + 1, 2**63 - 1])
reals = st.sampled_from([-np.inf, -0.5, -0.0, 1.0, 1990.0, 1990.5, float(2**53), 1e300, 5e-324, np.inf])
mixed = texts | wholes | reals
flags = st.booleans()


def rows_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values | st.lists(values, max_size=3)


rows = st.lists(
    st.fixed_dictionaries(
        dict(zip(NAMES, [rows_of(texts), rows_of(mixed), rows_of(flags), rows_of(mixed)], strict=True))
    ),
    min_size=1,
    max_size=12,
)
operands = mixed | flags
operators = st.dictionaries(
    st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), operands, max_size=3
).flatmap(
    lambda some: st.fixed_dictionaries(
        {key: st.just(value) for key, value in some.items()},
        optional={
            "$in": st.lists(operands, max_size=4),
            "$nin": st.lists(operands, max_size=4),
            "$exists": st.booleans(),
        },
    )
)
tag_wheres = st.dictionaries(
    st.sampled_from(NAMES),
    operands | st.lists(operands, max_size=4) | operators.filter(bool),
    min_size=1,
    max_size=3,
)
wheres = st.recursive(
    tag_wheres,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$not": inner, "$or": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"$not": inner}),
    ),
    max_leaves=6,
)


def stored(rows: list[dict[str, Any]]) -> Tags:
    return Tags.from_columns({name: [row[name] for row in rows] for name in NAMES}, len(rows))


@settings(max_examples=400, deadline=None)
@given(rows=rows, where=wheres)
def test_as_a_plain_predicate(rows: list[dict[str, Any]], where: dict[str, Any]) -> None:
    wanted = [predicate(row, where) for row in rows]
    tags = stored(rows)
    assert tags.matching(np.arange(len(rows)), where).tolist() == wanted
    # Of the rows that are asked about, whatever their handles.
    some = np.arange(0, len(rows), 2)
    assert tags.matching(some, where).tolist() == wanted[::2]
    again = Tags.from_bytes(tags.to_bytes(some))
    assert again.matching(np.arange(len(some)), where).tolist() == wanted[::2]


@settings(max_examples=100, deadline=None)
@given(rows=rows)
def test_what_was_given_comes_back(rows: list[dict[str, Any]]) -> None:
    back = stored(rows).get(np.arange(len(rows)))
    for name in NAMES:
        wanted = [None if row[name] == [] else row[name] for row in rows]
        assert back[name] == wanted
        assert [list(map(type, values_of(row, name))) for row in rows] == [
            list(map(type, values_of({name: value}, name))) for value in back[name]
        ]


def test_many_values_are_looked_for_at_once() -> None:
    tags = Tags.from_columns({"number": range(3000)}, 3000)
    found = tags.matching(np.arange(3000), {"number": list(range(0, 6000, 2))})
    np.testing.assert_array_equal(np.flatnonzero(found), np.arange(0, 3000, 2))
    assert not tags.matching(np.arange(3000), {"number": []}).any()
    assert tags.matching(np.arange(3000), {"number": {"$nin": []}}).all()


@pytest.mark.parametrize(
    ("where", "error", "sentence"),
    [
        ({}, ValueError, "asks for nothing; leave it out"),
        ("genre", TypeError, 'must be a mapping, as {"genre": "Comedy"}; received \'genre\''),
        ([], TypeError, "must be a mapping"),
        (
            {"yaer": 1},
            ValueError,
            "the tag 'yaer', which this index does not have; it has 'genre', 'year', 'in",
        ),
        ({1: 1}, TypeError, "names of tags as keys; received 1"),
        ({"$nor": []}, ValueError, r"no operator '\$nor' there; it has \$and, \$or and \$not"),
        ({"$gte": 1}, ValueError, r"no operator '\$gte' there; .* of a tag, as"),
        ({"year": {}}, ValueError, "asks nothing of the tag 'year'; it knows"),
        ({"year": {"gte": 1}}, ValueError, r"no operator 'gte' of a tag; it knows \$eq"),
        ({"year": {"$not": {"$gte": 1}}}, ValueError, r"no operator '\$not' of a tag"),
        ({"year": None}, TypeError, r"give {\"\$exists\": False}"),
        ({"year": {"$eq": [1]}}, TypeError, r"\$eq of the tag 'year' must be one value"),
        ({"year": {"$in": 1}}, TypeError, r"\$in of the tag 'year' must be a list of values; received 1"),
        ({"year": {"$in": [None]}}, TypeError, "must be a value"),
        ({"year": {"$gte": float("nan")}}, ValueError, "NaN, which nothing equals"),
        ({"year": {"$gte": 2**63}}, ValueError, "which 64 bits do not hold"),
        ({"year": {"$exists": 1}}, TypeError, "must be True or False; received 1"),
        ({"year": b"1990"}, TypeError, "must hold strings, integers, floats or booleans"),
        ({"$and": {"year": 1}}, TypeError, r"\$and must be a list of at least one mapping"),
        ({"$or": []}, TypeError, r"\$or must be a list of at least one mapping"),
        ({"$or": [1]}, TypeError, r"each part of \$or must be a mapping"),
        ({"$not": [1]}, TypeError, r"\$not must be a mapping"),
    ],
)
def test_what_is_not_in_the_language_gets_a_sentence(
    where: Any, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        read_where(where, NAMES)


def test_nesting_has_an_end() -> None:
    where: dict[str, Any] = {"year": 1}
    for _ in range(3000):
        where = {"$not": where}
    with pytest.raises(ValueError, match="nested more than"):
        read_where(where, NAMES)
