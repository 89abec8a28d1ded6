"""A child that was forked while other threads asked and wrote has whole tags."""

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
