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
        ("a", "b"),
        ("a",),
        (),
        np.arange(300),
        np.arange(5, dtype=">i4"),
        np.array(["a", "bé", ""]),
        [np.int64(5), np.uint8(7), np.str_("é"), "x", 2**70],
    ],
    ids=repr,
)
def test_tuples_and_numpys_strings_and_numbers_are_read(value: Any) -> None:
    # ScaNN pickles whatever sequence it was given, by Python's default protocol.
    listed = value.tolist() if isinstance(value, np.ndarray) else list(value)
    found = read_list(pickle.dumps(value, 4), "docids")
    assert found == listed
    assert all(type(each) in (str, int) for each in found)


@pytest.mark.parametrize(
    "value",
    [
        print,
        [print],
        {"a": 1},
        [["a"]],
        [("a",)],
        ["a", None],
        [True],
        [2.5],
        [b"x"],
        np.arange(6).reshape(2, 3),
        np.array([0.5]),
        np.array(["a", None]),
        np.array([(1, 2)], dtype="i4,i4"),
        [np.arange(3)],
        [np.float64(1)],
        [np.dtype("i8")],
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


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([np.arange(3), np.array(["a", "b"]), [np.int64(3)]]), st.data())
def test_damage_of_numpys_pickles_is_refused(value: Any, data: st.DataObject) -> None:
    whole = bytearray(pickle.dumps(value, 4))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_list(bytes(whole), "docids")
    except FileFormatError:
        return
    assert all(type(each) in (str, int) for each in found)
