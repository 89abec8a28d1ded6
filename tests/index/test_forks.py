"""A child that was forked while other threads asked and wrote has a whole index, and no lock is taken."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, threading, warnings
import numpy as np
from leafscan.index.tags import Tags

warnings.simplefilter("ignore")
n = 20_000
stores = [Tags.from_columns({"number": np.arange(n) % 7}, n) for _ in range(2)]
done = threading.Event()

def ask(tags):
    while not done.is_set():
        tags.matching(np.arange(n), {"number": {"$gte": 3}})

def write(tags):
    handle = n
    while not done.is_set():
        tags.put(np.arange(handle, handle + 50), {"number": np.full(50, 3)})
        tags.remove(np.arange(handle, handle + 50))
        handle += 50

threads = [
    threading.Thread(target=work, args=(tags,), daemon=True) for work in (ask, write) for tags in stores
]
for thread in threads:
    thread.start()
for _ in range(25):
    child = os.fork()
    if child == 0:
        try:
            for tags in stores:
                assert tags.matching(np.arange(n), {"number": 3}).sum() == (np.arange(n) % 7 == 3).sum()
                tags.put([0], {"number": [3]})
                assert tags.get([0]) == {"number": [3]}
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
done.set()
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_finds_no_lock_taken_and_nothing_half_done() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=100)


LIVING = """
import os, signal, threading, warnings
import numpy as np
import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
points = rng.normal(size=(4_000, 8)).astype(np.float32)
plan = Config(
    tree=Tree(num_leaves=20), score=AsymmetricHash(), reorder=Reorder(),
    search=SearchParams(leaves=20, candidates=10_000),
)
tags = {"third": (np.arange(2_000) % 3).tolist()}
index = leafscan.build(points[:2_000], metric="squared_l2", config=plan, tags=tags)
kept = index.filter(where={"third": 0})
done = threading.Event()

def ask():
    while not done.is_set():
        index.search(points[:3], filter=kept, threads=2)
        index.search(points[:3], deny=[[1, 2]] * 3)
        index.vectors([0, 3]), 5 in index, index.tags([0])

def write():
    one = 10_000
    while not done.is_set():
        index.upsert(np.arange(one, one + 20), points[2_000:2_020], {"third": [0] * 20})
        index.delete(np.arange(one, one + 20))
        one += 20

def rebuild():
    while not done.is_set():
        index.rebalance(threads=1)

threads = [threading.Thread(target=work, daemon=True) for work in (ask, write, rebuild)]
for thread in threads:
    thread.start()
for time in range(12):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(60)
            count = len(index)
            assert count in (2_000, 2_020)
            assert len(index.ids) == count
            index.upsert([7, 99_999], points[3_000:3_002], {"third": [0, 0]})
            assert index.search(points[3_001], k=1, filter=kept).ids.tolist() == [99_999]
            assert index.search(points[3_000], k=1, deny=[99_999]).ids.tolist() == [7]
            index.delete([8])
            assert len(index) == count and 8 not in index
            before = len(index._waiting or ())
            index.upsert([8], points[8:9])
            assert len(index._waiting or ()) == before
            index.rebalance(threads=1)
            assert index.search(points[3_001], k=1, filter=kept).ids.tolist() == [99_999]
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, time
assert 99_999 not in index
done.set()
for thread in threads:
    thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_searches_and_updates_its_own_copy() -> None:
    subprocess.run([sys.executable, "-c", LIVING], check=True, timeout=200)
