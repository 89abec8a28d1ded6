import copy
import gc
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import leafscan
from leafscan import _engine
from leafscan.index.slots import slot_of


def build(n: int = 50, d: int = 6, *, seed: int = 0, metric: str = "dot_product", **options):
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return leafscan.build(vectors, metric=metric, **options)


#: Leaves, so that rows lie in another order than they were given in.
LEAVES = leafscan.Config(
    tree=leafscan.Tree(num_leaves=4), score=leafscan.BruteForce(), search=leafscan.SearchParams(leaves=4)
)
QUERIES = np.random.default_rng(9).standard_normal((7, 6)).astype(np.float32)


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_a_slot_answers_as_its_index(metric: str):
    index = build(metric=metric)
    slot = leafscan.Slot(index)
    ids, scores, vectors = _engine.search_slot(slot.number, QUERIES, 4, vectors=True)
    expected = index.search(QUERIES, k=4)
    np.testing.assert_array_equal(ids, expected.ids)
    np.testing.assert_array_equal(scores, expected.scores)
    assert vectors.shape == (7, 4, 6)
    assert _engine.search_slot(slot.number, QUERIES, 4)[2].shape == (7, 0, 6)


def test_publishing_replaces_the_index_whatever_its_size():
    slot = leafscan.Slot(build())
    other = build(3, seed=1)
    slot.publish(other)
    ids, scores, _ = _engine.search_slot(slot.number, QUERIES, 5)
    np.testing.assert_array_equal(ids[:, :3], other.search(QUERIES, k=3).ids)
    assert (ids[:, 3:] == -1).all()
    assert np.isneginf(scores[:, 3:]).all()


def test_an_index_tells_its_followers():
    index, other = build(), build(seed=1)
    slot, second = leafscan.Slot(index), leafscan.Slot(index)
    assert set(index._followers) == {slot, second}
    slot.publish(other)
    assert set(index._followers) == {second}
    best = index.search(QUERIES, k=4).ids
    index.delete([best[0, 0]])
    index.upsert([77], [100 * QUERIES[0]])
    found = _engine.search_slot(second.number, QUERIES, 4)[0]
    np.testing.assert_array_equal(found, index.search(QUERIES, k=4).ids)
    assert found[0, 0] == 77
    assert (found != best[0, 0]).all()
    index.rebalance()
    np.testing.assert_array_equal(_engine.search_slot(second.number, QUERIES, 4)[0], found)
    second.close()
    assert not index._followers


def test_a_slot_keeps_to_metric_dimensions_and_kind_of_ids():
    slot = leafscan.Slot(build())
    for other in (build(d=7), build(metric="cosine"), build(2, ids=["a", "b"])):
        with pytest.raises(ValueError, match="as what this slot served before"):
            slot.publish(other)
    with pytest.raises(TypeError, match=r"index must be a leafscan\.Index"):
        slot.publish("no index")
    assert _engine.search_slot(slot.number, QUERIES, 1)[0].shape == (7, 1)


def test_an_empty_slot_waits():
    slot = leafscan.Slot()
    assert slot.index is None
    with pytest.raises(ValueError, match="serves no index yet"):
        _ = slot.metric
    with pytest.raises(ValueError, match="serves no index yet"):
        _engine.search_slot(slot.number, QUERIES, 1)
    slot.publish(build())
    assert slot.metric == "dot_product"


def test_stale_slots_raise():
    slot = leafscan.Slot(build())
    number = slot.number
    slot.close()
    slot.close()
    for _ in range(2):
        with pytest.raises(ValueError, match=f"slot {number} is not open"):
            _engine.search_slot(number, QUERIES, 1)
    with pytest.raises(ValueError, match="is not open"):
        slot.publish(build())
    assert leafscan.Slot(build()).number != number


def test_a_collected_slot_closes_and_frees_its_index():
    index = build()
    slot, seen = leafscan.Slot(index), weakref.ref(index)
    number = slot.number
    del index
    assert seen() is not None
    del slot
    gc.collect()
    assert seen() is None
    with pytest.raises(ValueError, match="is not open"):
        _engine.search_slot(number, QUERIES, 1)


def test_an_index_has_one_slot_of_its_own_that_does_not_keep_it():
    index = build()
    slot = slot_of(index)
    assert slot_of(index) is slot
    assert slot_of(slot) is slot
    number, seen = slot.number, weakref.ref(index)
    del index, slot
    gc.collect()
    assert seen() is None
    with pytest.raises(ValueError, match="is not open"):
        _engine.search_slot(number, QUERIES, 1)
    with pytest.raises(TypeError, match=r"leafscan\.Index or a leafscan\.Slot"):
        slot_of(3)


def test_a_copy_is_another_slot_and_pickling_is_refused():
    slot = leafscan.Slot(build(), threads=1)
    for other in (copy.copy(slot), copy.deepcopy(slot)):
        assert other.number != slot.number
        assert other.index is slot.index
    with pytest.raises(TypeError, match="belongs to this process"):
        pickle.dumps(slot)


def test_another_process_refuses_the_number():
    slot = leafscan.Slot(build())
    code = (
        "import numpy as np, leafscan\n"
        "from leafscan import _engine\n"
        "mine = leafscan.Slot(leafscan.build(np.eye(6, dtype=np.float32), metric='dot_product'))\n"
        f"_engine.search_slot({slot.number}, np.eye(6, dtype=np.float32), 1)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "is not open" in done.stderr


def test_search_params_are_the_slots_own():
    config = leafscan.Config(tree=leafscan.Tree(num_leaves=10), score=leafscan.BruteForce())
    index = build(400, config=config)
    thorough = leafscan.Slot(index, params=leafscan.SearchParams(leaves=10))
    hasty = leafscan.Slot(index, params=leafscan.SearchParams(leaves=1))
    every = index.search(QUERIES, k=20, params=leafscan.SearchParams(leaves=10)).ids
    np.testing.assert_array_equal(_engine.search_slot(thorough.number, QUERIES, 20)[0], every)
    assert (_engine.search_slot(hasty.number, QUERIES, 20)[0] != every).any()
    with pytest.raises(ValueError, match="leaves"):
        leafscan.Slot(build(), params=leafscan.SearchParams(leaves=2))


def test_decode_gives_ids_back():
    integers = build(30, ids=np.arange(30)[::-1] + 2**40, config=LEAVES)
    slot = leafscan.Slot(integers)
    places = _engine.search_slot(slot.number, QUERIES, 4, positions=True)[0]
    expected = integers.search(QUERIES, k=4).ids
    np.testing.assert_array_equal(slot.decode(places), expected)
    np.testing.assert_array_equal(places, 29 - (expected - 2**40))
    strings = build(3, ids=["a", "b", "c"])
    slot = leafscan.Slot(strings)
    assert slot.id_kind == "strings"
    places = _engine.search_slot(slot.number, QUERIES, 4, positions=True)[0]
    np.testing.assert_array_equal(slot.decode(places), strings.search(QUERIES, k=4).ids)
    assert leafscan.Slot(build(3)).decode([[2, -1]]).tolist() == [[2, -1]]
    with pytest.raises(ValueError, match="vectors that are there, or -1; received 3"):
        slot.decode([3])
    with pytest.raises(TypeError, match="integers"):
        slot.decode([0.5])


@pytest.mark.parametrize("kind", ["positions", "integers", "strings"])
def test_positions_and_lists_know_what_came_and_went(kind: str):
    names = {"positions": None, "integers": np.arange(20) + 2**40, "strings": [f"n{i}" for i in range(20)]}
    index = build(20, ids=names[kind], config=LEAVES)
    slot = leafscan.Slot(index)
    ids = index.ids
    new = ["new", "newer"] if kind == "strings" else [500, 600]
    index.delete(ids[:5])
    index.upsert(new, 50 * QUERIES[:2])
    index.upsert([ids[7]], -30 * QUERIES[2:3])
    expected = index.search(QUERIES, k=18)
    places, scores, vectors = _engine.search_slot(slot.number, QUERIES, 18, positions=True, vectors=True)
    np.testing.assert_array_equal(slot.decode(places), expected.ids)
    np.testing.assert_array_equal(scores, expected.scores)
    np.testing.assert_array_equal(slot.encode(expected.ids), places)
    there = expected.ids[places >= 0]
    np.testing.assert_array_equal(vectors[places >= 0], index.vectors(there))
    deny = np.ascontiguousarray(places[:, :3])
    found = _engine.search_slot(slot.number, QUERIES, 4, positions=True, deny=deny)[0]
    np.testing.assert_array_equal(slot.decode(found), expected.ids[:, 3:7])
    allow = np.ascontiguousarray(places[:, 4:6])
    found = _engine.search_slot(slot.number, QUERIES, 2, positions=True, allow=allow)[0]
    np.testing.assert_array_equal(slot.decode(found), expected.ids[:, 4:6])
    gone = slot.encode(ids[:5])
    assert (gone == -1).all()


def test_an_id_that_there_is_no_room_for_raises():
    index = build()
    slot = leafscan.Slot()
    slot.largest_id = 2**31 - 1
    slot.publish(index)
    index.upsert([2**31], [100 * QUERIES[0]])
    with pytest.raises(ValueError, match="the id 2147483648 is beyond 2147483647"):
        _engine.search_slot(slot.number, QUERIES, 1)
    assert _engine.search_slot(slot.number, QUERIES, 1, positions=True)[0][0, 0] == 50


def test_lists_name_ids_or_positions():
    index = build(20, ids=np.arange(20) * 10 + 2**33)
    slot = leafscan.Slot(index)
    best = index.search(QUERIES, k=20).ids
    for deny in (best[:, :2], np.hstack([best[:, :2], np.full((7, 3), -1)])):
        found = _engine.search_slot(slot.number, QUERIES, 3, deny=np.ascontiguousarray(deny))[0]
        np.testing.assert_array_equal(found, best[:, 2:5])
    found = _engine.search_slot(slot.number, QUERIES, 3, allow=np.ascontiguousarray(best[:, 7:4:-1]))[0]
    np.testing.assert_array_equal(found, best[:, 5:8])
    places = (best - 2**33) // 10
    found = _engine.search_slot(
        slot.number, QUERIES, 3, positions=True, deny=np.ascontiguousarray(places[:, :2])
    )[0]
    np.testing.assert_array_equal(found, places[:, 2:5])
    with pytest.raises(ValueError, match="deny must have shape"):
        _engine.search_slot(slot.number, QUERIES, 3, deny=np.zeros((2, 1), np.int64))


def test_searches_and_publications_go_on_at_once():
    one, two = build(64), build(64, seed=1)
    slot = leafscan.Slot(one)
    answers = [index.search(QUERIES, k=3).ids for index in (one, two)]
    wrong, ends = [], threading.Event()

    def ask() -> None:
        while not ends.is_set():
            found = _engine.search_slot(slot.number, QUERIES, 3)[0]
            if not any(np.array_equal(found, answer) for answer in answers):
                wrong.append(found)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for turn in range(300):
        slot.publish(two if turn % 2 else one)
    ends.set()
    for asker in askers:
        asker.join()
    assert not wrong


@pytest.mark.parametrize("kind", ["integers", "strings"])
def test_a_position_is_never_anothers(kind: str):
    def name(number: int) -> int | str:
        return number if kind == "integers" else f"n{number}"

    index = build(20, ids=[name(i) for i in range(20)])
    slot = leafscan.Slot(index)
    index.upsert([name(50)], QUERIES[:1])
    (place,) = slot.encode([name(50)]).tolist()
    assert slot.decode([place]).tolist() == [name(50)]
    index.delete([name(50)])
    for number in range(60, 70):  # one of them takes the row of the one that went
        index.upsert([name(number)], QUERIES[:1])
        index.delete([name(number)])
    index.upsert([name(80)], QUERIES[:1])
    with pytest.raises(ValueError, match=f"received {place}"):
        slot.decode([place])
    assert slot.decode(slot.encode([name(80), name(3)])).tolist() == [name(80), name(3)]
