from typing import Any

import numpy as np
import pytest

from leafscan.index.ids import StringIds, as_ids, first_repeated


@pytest.mark.parametrize(
    "ids",
    [
        [3, 0, 2**63 - 1],
        (3, 0, 2**63 - 1),
        np.array([3, 0, 2**63 - 1], np.uint64),
        np.array([3, 0, 2**63 - 1], object),
        {3: "a", 0: "b", 2**63 - 1: "c"}.keys(),
    ],
)
def test_integers_become_int64(ids: Any) -> None:
    read = as_ids(ids, 3)
    assert isinstance(read, np.ndarray)
    assert read.dtype == np.int64
    assert read.tolist() == [3, 0, 2**63 - 1]


def test_tensors_of_integers_are_integers() -> None:
    read = as_ids(pytest.importorskip("torch").tensor([3, 0]), 2)
    assert isinstance(read, np.ndarray)
    assert read.tolist() == [3, 0]


def test_narrow_integers_are_widened_and_copied() -> None:
    given = np.array([1, 2], np.int64)
    read = as_ids(given, 2)
    assert isinstance(read, np.ndarray)
    assert not np.shares_memory(read, given)
    narrow = as_ids(np.array([1, 2], np.int8), 2)
    assert isinstance(narrow, np.ndarray)
    assert narrow.dtype == np.int64


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda ids: np.array(ids, object), iter])
def test_strings_are_kept_as_they_are(kind: Any) -> None:
    strings = ["a", "žluťoučký", "日本", " b "]
    read = as_ids(kind(strings), 4)
    assert isinstance(read, StringIds)
    assert len(read) == 4
    assert read.take(np.arange(4)).tolist() == strings
    assert read.take(np.array([[2, -1], [-1, 0]])).tolist() == [["日本", ""], ["", "a"]]
    assert read.nbytes == sum(len(s.encode()) for s in strings) + 5 * 8


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 1 has no such type")
def test_numpys_variable_strings_are_strings() -> None:
    read = as_ids(np.array(["a", "bc"], np.dtypes.StringDType()), 2)
    assert isinstance(read, StringIds)
    assert read.take(np.arange(2)).tolist() == ["a", "bc"]


def test_taking_none_gives_an_empty_array_of_strings() -> None:
    taken = StringIds.from_strings(["a"]).take(np.zeros((0, 10), np.int64))
    assert taken.shape == (0, 10)
    assert taken.dtype.kind == "U"


@pytest.mark.parametrize(
    ("ids", "error", "sentence"),
    [
        ([1], ValueError, "one id for each of the 2 rows; received 1"),
        (["a"], ValueError, "one id for each of the 2 rows; received 1"),
        ([], ValueError, "received 0"),
        (
            np.zeros((2, 1), np.int64),
            ValueError,
            r"shape \(n,\), one for each row; received the shape \(2, 1\)",
        ),
        (np.array([["a", "b"]]), ValueError, r"received the shape \(1, 2\)"),
        ([1, -1], ValueError, "not be negative, since -1 stands for none; received -1 at 1"),
        ([5, 5], ValueError, "be unique; 5 is there twice, at 0 and 1"),
        (["a", "a"], ValueError, "be unique; 'a' is there twice, at 0 and 1"),
        (["a", ""], ValueError, 'not be empty, since "" stands for none; the one at 1 is'),
        (["a", "b\0"], ValueError, "not hold NUL"),
        (["a", "\ud800"], ValueError, "text that UTF-8 can hold"),
        ([1, "a"], TypeError, r"all integers or all strings; received 'a' \(str\) at 1"),
        ([1, 2.0], TypeError, r"all integers or all strings; received 2.0 \(float\) at 1"),
        ([True, False], TypeError, r"received True \(bool\) at 0"),
        (np.array([True, False]), TypeError, "be integers or strings; received the dtype bool"),
        (np.array([1.0, 2.0]), TypeError, "received the dtype float64"),
        (np.array([b"a", b"b"]), TypeError, "received the dtype |S1"),
        ([1, 2**63], ValueError, "fit 64 bits with a sign; received 9223372036854775808"),
        (
            np.array([1, 2**63], np.uint64),
            ValueError,
            "fit 64 bits with a sign; received 9223372036854775808",
        ),
        ("ab", TypeError, "one for each row; received 'ab'"),
        (7, TypeError, "one for each row; received 7"),
    ],
)
def test_bad_ids_get_a_sentence(ids: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=f"^ids must .*?{sentence}"):
        as_ids(ids, 2)


def test_first_repeated() -> None:
    assert first_repeated(np.array([4, 2, 4, 2])) == (1, 3)
    assert first_repeated(np.array(["a", "b"])) is None
