import numpy as np
import pytest

from leafscan.recommend import Interactions, MovieLens, leave_last_out, shuffle_split


def events(users: list[int], items: list[int], times: list[int]) -> Interactions:
    return Interactions(
        np.array(users, np.int32),
        np.array(items, np.int32),
        np.ones(len(users), np.float32),
        np.array(times, np.int64),
        max(users) + 1,
        10,
    )


def test_shuffle_split_has_the_tutorials_sizes_and_no_overlap():
    split = shuffle_split(100_000)
    assert (len(split.train), len(split.test)) == (80_000, 20_000)
    assert np.array_equal(np.sort(np.concatenate([split.train, split.test])), np.arange(100_000))
    assert not np.array_equal(split.train, np.sort(split.train))


def test_shuffle_split_is_seeded(data: MovieLens):
    assert np.array_equal(shuffle_split(data, seed=1).train, shuffle_split(len(data), seed=1).train)
    assert not np.array_equal(shuffle_split(data, seed=1).train, shuffle_split(data, seed=2).train)


def test_shuffle_split_takes_sizes():
    split = shuffle_split(10, train=3, test=2)
    assert (len(split.train), len(split.test)) == (3, 2)


@pytest.mark.parametrize(("train", "test"), [(8, 3), (0, 1), (10, None), (5, -1)])
def test_shuffle_split_refuses_sizes(train: int, test: int | None):
    with pytest.raises(ValueError, match=f"10 ratings, received train={train}"):
        shuffle_split(10, train=train, test=test)


def test_leave_last_out_goes_by_time():
    split = leave_last_out(events([1, 0, 1, 0, 0, 1, 0], [1, 2, 3, 4, 5, 6, 7], [30, 5, 10, 50, 20, 20, 1]))
    assert split.test.items.tolist() == [4, 1]
    assert split.validation.items.tolist() == [5, 6]
    assert split.train.items.tolist() == [7, 2, 3]
    assert split.refit.items.tolist() == [7, 2, 5, 3, 6]
    assert (split.test.num_users, split.test.num_items) == (2, 10)


def test_ties_go_by_row():
    split = leave_last_out(events([0, 0, 0, 0], [9, 3, 7, 1], [5, 5, 5, 5]))
    assert (split.train.items.tolist(), split.validation.items.tolist(), split.test.items.tolist()) == (
        [9, 3],
        [7],
        [1],
    )


def test_short_histories():
    split = leave_last_out(events([0, 1, 1], [1, 2, 3], [1, 1, 2]))
    assert split.train.items.tolist() == [1, 2]
    assert len(split.validation) == 0
    assert split.test.items.tolist() == [3]


def test_every_event_is_used_once(data: MovieLens):
    split = leave_last_out(data)
    together = [np.stack([part.users, part.items]) for part in (split.train, split.validation, split.test)]
    assert np.concatenate(together, axis=1).shape[1] == len(data)
    assert len(np.unique(np.concatenate(together, axis=1), axis=1).T) == len(data)
    for user in range(len(data.users["user_id"])):
        last = split.test.timestamps[split.test.users == user][0]
        assert (split.refit.timestamps[split.refit.users == user] <= last).all()
