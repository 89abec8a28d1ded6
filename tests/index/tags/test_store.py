"""The store: all or nothing, from many threads, carried and removed by handle."""

import threading
from typing import Any

import numpy as np
import pytest

from leafscan.index.tags import Tags
from leafscan.index.tags.schema import MAX_TAGS

COLUMNS: dict[str, Any] = {
    "genre": ["Comedy", ["Crime", "Drama"], None, "Drama"],
    "year": np.array([1994, 1995, 1996, 1997], np.int32),
    "price": np.array([0.5, 1.5, 2.5, 3.5], np.float32),
    "in stock": np.array([True, False, True, False]),
}


@pytest.fixture
def tags() -> Tags:
    return Tags.from_columns(COLUMNS, 4)


def everything(tags: Tags, n: int = 40) -> dict[str, list[Any]]:
    return tags.get(np.arange(n))


def test_names_come_in_the_order_given(tags: Tags) -> None:
    assert tags.names == ["genre", "year", "price", "in stock"]


def test_values_come_back_as_they_were_given(tags: Tags) -> None:
    assert tags.get([3, 1, 1, 9]) == {
        "genre": ["Drama", ["Crime", "Drama"], ["Crime", "Drama"], None],
        "year": [1997, 1995, 1995, None],
        "price": [3.5, 1.5, 1.5, None],
        "in stock": [False, False, False, None],
    }
    assert type(tags.get([0])["in stock"][0]) is bool
    assert tags.get([]) == {"genre": [], "year": [], "price": [], "in stock": []}


def test_many_rows_are_read_at_once() -> None:
    n = 30_000
    tags = Tags.from_columns({"number": np.arange(n), "half": [None, 0.5] * (n // 2)}, n)
    for asked in (np.arange(n), np.arange(n)[::-1], np.arange(5, 700)):
        back = tags.get(asked)
        assert back["number"] == asked.tolist()
        assert back["half"] == [[None, 0.5][row % 2] for row in asked.tolist()]


def test_put_adds_rows_and_tags(tags: Tags) -> None:
    tags.put([7, 5], {"year": [2001, None], "mood": [["calm"], "wild"]})
    assert tags.names == ["genre", "year", "price", "in stock", "mood"]
    back = tags.get([5, 7])
    assert back["year"] == [None, 2001]
    assert back["mood"] == ["wild", ["calm"]]
    assert back["genre"] == [None, None]
    assert tags.matching([0, 5, 7], {"mood": "calm"}).tolist() == [False, False, True]


def test_put_replaces_what_it_names_and_leaves_the_rest(tags: Tags) -> None:
    tags.put([1], {"genre": ["Comedy"], "year": [None]})
    assert tags.get([1]) == {"genre": ["Comedy"], "year": [None], "price": [1.5], "in stock": [False]}


def test_a_range_over_lists_that_came_later(tags: Tags) -> None:
    # 1990 is below, 2005 above: no value is within, yet one holds for each operator.
    assert not tags.matching([0, 9], {"year": {"$gte": 2000, "$lt": 2001}}).any()
    tags.put([9], {"year": [[1990, 2005]]})
    assert tags.matching([0, 9], {"year": {"$gte": 2000, "$lt": 2001}}).tolist() == [False, True]


def test_carried_tags_are_those_of_the_old_row(tags: Tags) -> None:
    tags.carry([1, 0, 2], [8, 9, 10])
    new, old = tags.get([8, 9, 10]), tags.get([1, 0, 2])
    assert new == old
    tags.remove([1, 0, 2, 77])
    assert tags.get([8, 9, 10]) == old
    assert everything(tags, 3) == {name: [None] * 3 for name in tags.names}
    handles = [3, 8, 9, 10]
    assert tags.matching(handles, {"genre": "Drama"}).tolist() == [True, True, False, False]
    assert tags.matching(handles, {"genre": {"$exists": False}}).tolist() == [False, False, False, True]


def test_nothing_of_a_write_that_fails_stays(tags: Tags, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(tags)
    for columns, error in [
        ({"new": [1], "in stock": [5]}, ValueError),
        ({"new": [1], "genre": ["a", "b"]}, ValueError),
        ({"new": [1], "year": [object()]}, TypeError),
        ({"new": [True], "year": [True]}, ValueError),
    ]:
        with pytest.raises(error):
            tags.put([20], columns)
        assert tags.names == ["genre", "year", "price", "in stock"]
        assert everything(tags) == before

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leafscan.index.tags.schema.create_index", stop)
    with pytest.raises(KeyboardInterrupt):
        tags.put([20], {"year": [3], "new": [1]})
    monkeypatch.undo()
    assert everything(tags) == before
    tags.put([20], {"year": [3], "new": [1]})
    assert tags.get([20])["new"] == [1]


def test_booleans_and_others_do_not_mix_over_time(tags: Tags) -> None:
    with pytest.raises(ValueError, match="'in stock' holds booleans so far, and others were given"):
        tags.put([9], {"in stock": [1]})
    with pytest.raises(ValueError, match="'year' holds no booleans so far, and booleans were given"):
        tags.put([9], {"year": [True]})
    # Where there was no value yet, the first decides.
    tags.put([9], {"empty": [None]})
    tags.put([10], {"empty": [True]})
    assert tags.get([9, 10])["empty"] == [None, True]


def test_bytes_hold_the_rows_asked_for_renumbered(tags: Tags) -> None:
    tags.put([11, 12], {"mood": ["calm", "wild"]})
    handles = [1, 3, 11, 12]
    again = Tags.from_bytes(tags.to_bytes(handles))
    assert again.names == tags.names
    assert again.get(range(4)) == tags.get(handles)
    assert again.matching(np.arange(4), {"mood": {"$exists": True}}).tolist() == [False, False, True, True]
    # Both may be written to.
    again.put([4], {"year": [7]})
    tags.put([13], {"year": [8]})
    assert again.get([4, 13])["year"] == [7, None]
    assert tags.get([4, 13])["year"] == [None, 8]


def test_equal_tags_give_equal_bytes(tags: Tags) -> None:
    other = Tags.from_columns(COLUMNS, 4)
    assert other.to_bytes(range(4)) == tags.to_bytes(range(4))
    # Whatever happened to them on the way.
    other.put([4, 5], {"genre": ["x" * 3000, "y"]})
    other.remove([4, 5])
    assert other.to_bytes(range(4)) == tags.to_bytes(range(4))
    assert b"xxx" not in other.to_bytes(range(4))


def test_a_section_that_was_not_changed_is_given_back(tags: Tags) -> None:
    section = tags.to_section(range(4))
    again = Tags.from_section(section)
    assert again.to_section(range(4)) is section
    assert again.matching(range(4), {"year": 1995}).tolist() == [False, True, False, False]
    assert again.to_section(range(4)) is section
    assert again.nbytes == section.nbytes == tags.nbytes
    assert len(again.to_section([0, 2])) > 0
    again.put([4], {"year": [7]})
    assert Tags.from_section(again.to_section(range(5))).get([4])["year"] == [7]


def test_there_may_be_no_tags_and_many() -> None:
    none = Tags.from_columns({}, 3)
    assert none.names == []
    assert none.get([0, 1]) == {}
    with pytest.raises(ValueError, match="'year', which this index does not have; it has none"):
        none.matching(range(3), {"year": 1})
    many = Tags.from_columns({f"tag {number}": [number] for number in range(MAX_TAGS)}, 1)
    assert many.matching([0], {f"tag {MAX_TAGS - 1}": MAX_TAGS - 1}).all()
    assert Tags.from_bytes(many.to_bytes([0])).get([0]) == many.get([0])
    with pytest.raises(ValueError, match="at most 1000 tags; 'more' is one more"):
        many.put([1], {"more": [1]})


@pytest.mark.parametrize(
    ("columns", "error", "sentence"),
    [
        ([1, 2], TypeError, "tags must be a mapping of names to columns"),
        ({1: [1, 2]}, TypeError, "names of tags must be strings; received 1"),
        ({"": [1, 2]}, ValueError, "must not be empty"),
        ({"$eq": [1, 2]}, ValueError, r'must not be empty or begin with "\$"'),
        ({"\ud800": [1, 2]}, ValueError, "name of a tag must be text that UTF-8 can hold"),
        ({"year": [1]}, ValueError, "tag 'year' must hold one value for each of the 2 rows; received 1"),
        ({"year": 3}, TypeError, "tag 'year' must be a list or an array of values"),
        ({"year": "ab"}, TypeError, "tag 'year' must be a list or an array of values"),
        ({"year": {1, 2}}, TypeError, "tag 'year' must be a list or an array of values"),
        ({"year": np.array(3)}, TypeError, "not one for all"),
        ({"year": [1, b"a"]}, TypeError, r"received b'a' \(bytes\)"),
        ({"year": [1, {"a": 1}]}, TypeError, "several of them in a list, or None"),
        ({"year": [[1], [[2]]]}, TypeError, r"received \[2\]"),
        ({"year": [[1], [None]]}, TypeError, "received None"),
        ({"year": [1, 2**63]}, ValueError, "9223372036854775808, which 64 bits do not hold"),
        ({"year": [[1], [-(2**63) - 1]]}, ValueError, "which 64 bits do not hold"),
        ({"year": np.array([1, 2**64 - 1], np.uint64)}, ValueError, "which 64 bits do not hold"),
        ({"year": [1, float("nan")]}, ValueError, "holds NaN, which nothing equals; give None"),
        ({"year": np.array([1, np.nan])}, ValueError, "holds NaN"),
        ({"year": [True, 1]}, ValueError, "holds booleans and 1"),
        ({"year": [[True], ["a"]]}, ValueError, "holds booleans and 'a'"),
        ({"year": ["a", "\ud800"]}, ValueError, "must be text that UTF-8 can hold"),
        ({"year": np.array(["2020-01-01", "2021-01-01"], "M8[D]")}, TypeError, "strings, integers, floats"),
        ({"year": np.zeros((2, 2, 2))}, TypeError, "strings, integers, floats"),
    ],
)
def test_what_cannot_be_a_tag_gets_a_sentence(columns: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Tags.from_columns(columns, 2)


def test_columns_of_every_kind() -> None:
    tags = Tags.from_columns(
        {
            "objects": np.array(["a", None, 3], object),
            "texts": np.array(["a", "bc", "d"]),
            "matrix": np.array([[1, 2], [3, 4], [5, 6]]),
            "sets": [{"b", "a"}, frozenset({2, "x"}), set()],
            "arrays": [np.array([1.5]), np.array(["a", "b"]), np.float32(2)],
            "scalars": [np.int8(3), np.str_("x"), np.float64(1)],
            "flags": [np.bool_(True), [np.bool_(False)], None],
            "lazy": (value for value in "abc"),
            "range": range(3),
        },
        3,
    )
    assert tags.get(range(3)) == {
        "objects": ["a", None, 3],
        "texts": ["a", "bc", "d"],
        "matrix": [[1, 2], [3, 4], [5, 6]],
        "sets": [["a", "b"], [2, "x"], None],
        "arrays": [[1.5], ["a", "b"], 2.0],
        "scalars": [3, "x", 1.0],
        "flags": [True, [False], None],
        "lazy": ["a", "b", "c"],
        "range": [0, 1, 2],
    }


def test_threads_ask_while_one_writes() -> None:
    # Of each pair of rows one is always there, and both carry the same number.
    n = 400
    tags = Tags.from_columns({"number": np.arange(n) % 10}, n)
    wrong: list[str] = []
    done = threading.Event()

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while not done.is_set():
            number = int(rng.integers(10))
            found = tags.matching(np.arange(2 * n), {"number": number})
            if int(found.sum()) != n // 10:
                wrong.append(f"{number}: {found.sum()}")
            if not set(tags.get(np.flatnonzero(found))["number"]) <= {number, None}:
                wrong.append("values")

    askers = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for asker in askers:
        asker.start()
    live = np.arange(n)
    for _ in range(30):
        other = np.where(live < n, live + n, live - n)
        # One transaction, as an update of the index makes it.
        with tags._writing():
            pass
        replaced = tags.get(live)["number"]
        with tags._lock:
            tags.put(other, {"number": replaced})
            tags.remove(live)
        live = other
    done.set()
    for asker in askers:
        asker.join()
    assert not wrong
