import numpy as np
import pytest

from leafscan.recommend import Interactions, MovieLens, latest_items, next_items


def test_ratings_become_rows_of_the_tables(data: MovieLens):
    events = Interactions.of(data)
    assert Interactions.of(events) is events
    assert np.array_equal(data.movies["movie_id"][events.items], data.ratings["movie_id"])
    assert np.array_equal(data.users["user_id"][events.users], data.ratings["user_id"])
    assert (events.users.dtype, events.items.dtype) == (np.int32, np.int32)
    seen = events.seen()
    assert seen.sum() == len(events)
    assert seen[events.users, events.items].all()


def test_sets_of_other_tables_do_not_join(data: MovieLens):
    events = Interactions.of(data)
    other = Interactions(events.users, events.items, events.ratings, events.timestamps, 40, 61)
    with pytest.raises(ValueError, match=r"same \(40, 60\) users and items, received \(40, 61\)"):
        events.joined(other)


def test_histories_hold_what_came_before_the_latest_first(data: MovieLens):
    events = Interactions.of(data).in_order()
    examples = next_items(events, length=5)
    assert np.array_equal(examples.items, events.items)
    for row in range(0, len(events), 37):
        before = events.items[:row][events.users[:row] == events.users[row]][::-1][:5]
        padded = np.append(before, np.full(5 - len(before), events.num_items))
        assert examples.history[row].tolist() == padded.tolist()


def test_latest_items_are_what_the_next_event_would_see(data: MovieLens):
    events = Interactions.of(data).in_order()
    latest = latest_items(events, length=7)
    for user in (0, 13, 39):
        assert latest[user].tolist() == events.items[events.users == user][::-1][:7].tolist()
    none = latest_items(events.take(events.users != 3), length=2)
    assert none[3].tolist() == [60, 60]
    assert none[4].tolist() == latest[4, :2].tolist()


@pytest.mark.parametrize("make", [next_items, latest_items])
def test_a_history_has_at_least_one_item(data: MovieLens, make):
    with pytest.raises(ValueError, match="length must be at least 1, received 0"):
        make(Interactions.of(data), length=0)
