"""Docids and their keys."""

import numpy as np
import pytest

from leafscan.scann.docids import Docids, as_docids


def test_they_are_any_keys_of_a_dictionary_each_different() -> None:
    assert as_docids(["a", 3, ("b", 4), 2.5]) == ["a", 3, ("b", 4), 2.5]
    assert as_docids(np.array(["a", "b"])) == ["a", "b"]
    for wrong, told in (
        (["a", None], "must not hold None"),
        ([["a"]], "values that can be keys"),
        (["a", "a"], "Duplicates found in docids: 'a'"),
        ([float("nan")], "Duplicates"),
        ("ab", "must be a list"),
        ({"a", "b"}, "in the order of the rows, and a set has none"),
        (3, "must be a list"),
    ):
        with pytest.raises((TypeError, ValueError), match=told):
            as_docids(wrong)  # type: ignore[arg-type]


def test_keys_are_never_given_twice() -> None:
    docids = Docids(["a", "b"])
    for _ in range(3):
        keys = docids.keys_for(["c"])
        docids.add(["c"], keys)
        docids.remove(["c"])
    assert docids.keys_for(["a", "c"]).tolist() == [0, 5]


def test_the_last_takes_the_place_of_one_that_is_removed() -> None:
    docids = Docids(list("abcde"))
    docids.remove(["b", "a"])
    assert docids.listed() == ["d", "e", "c"]
    docids.remove(["c"])
    assert docids.listed() == ["d", "e"]


def test_a_search_keeps_the_names_of_what_is_removed_in_the_meantime() -> None:
    docids = Docids(["a", "b"])
    with docids.reading():
        docids.remove(["a"])
        assert docids.names(np.array([[0, 1], [1, -1]])) == [["a", "b"], ["b", None]]
        assert "a" not in docids
    with pytest.raises(KeyError):
        docids.names(np.array([0]))
