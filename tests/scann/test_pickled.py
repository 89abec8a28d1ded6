"""Pickled lists are read without unpickling; everything else is refused."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscan import FileFormatError
from leafscan.scann.pickled import read_list

VALUES = st.lists(st.text() | st.integers())


@settings(max_examples=100, deadline=None)
@given(VALUES, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_lists_of_strings_and_numbers_are_read(values: list[Any], protocol: int) -> None:
    # Twice the same objects, so that memos are used.
    assert read_list(pickle.dumps(values + values, protocol), "docids") == values + values


def test_long_lists_are_read_in_their_batches() -> None:
    names = [f"name {i}" for i in range(5_000)]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert read_list(pickle.dumps(names, protocol), "docids") == names


@pytest.mark.parametrize(
    "value",
    [
        print,
        [print],
        {"a": 1},
        ("a", "b"),
        [["a"]],
        ["a", None],
        [True],
        [2.5],
        [b"x"],
        np.arange(3),
        [np.int64(1)],
    ],
    ids=repr,
)
def test_everything_else_is_refused(value: Any) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(FileFormatError, match="more than a list of strings and whole numbers"):
            read_list(pickle.dumps(value, protocol), "docids")


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.builds(lambda v, n: pickle.dumps(v)[:n], VALUES, st.integers(0, 60)))
def test_damage_is_refused(data: bytes) -> None:
    try:
        found = read_list(data, "docids")
    except FileFormatError:
        return
    assert all(type(value) in (str, int) for value in found)
