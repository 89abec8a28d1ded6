import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscan import _engine
from leafscan.index.threads import MAX_THREADS, VARIABLE, check_threads, default_threads


def test_default_is_all_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_threads() == _engine.available_threads() >= 1


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_variable_counts_for_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert default_threads() == _engine.available_threads()


def test_the_variable_replaces_the_default_and_the_argument_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " 3 ")
    assert check_threads(None) == 3
    assert check_threads(5) == 5


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "1" * 400, str(MAX_THREADS + 1)])
def test_a_bad_variable_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match="LEAFSCAN_NUM_THREADS must be a whole number between 1 and"):
        default_threads()


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (10**9, ValueError), (True, TypeError), ("2", TypeError)]
)
def test_a_bad_argument_gets_a_sentence(threads: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^threads must be"):
        check_threads(threads)


def test_numpy_integers_are_integers() -> None:
    assert check_threads(np.int64(2)) == 2


# What follows is about whole processes, so each test has one of its own.

MAKE = """
import os
import numpy as np
import leafscan
from leafscan.index.threads import default_threads

def extra_threads():
    return len(os.listdir("/proc/self/task")) - before

rows = np.random.default_rng(0).standard_normal((4000, 16)).astype(np.float32)
config = leafscan.Config(
    tree=leafscan.Tree(num_leaves=50), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
)
index = leafscan.build(rows, metric="dot_product", config=config, threads=1)
queries = rows[:500]
"""

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="this system tells no affinity"
)
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system lists no threads")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run(code: str, *before: str) -> str:
    """Run a script in a process of its own, which sees this one's packages, and return what it prints."""
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = subprocess.run(
        [*before, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment | {"PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_proc
def test_a_search_starts_no_more_threads_than_it_was_given() -> None:
    code = """
before = len(os.listdir("/proc/self/task"))
seen = []
for threads in (1, 2, 4, 3):
    index.search(queries, threads=threads)
    seen.append(extra_threads())
index.search(queries[0])
print(seen, extra_threads())
"""
    # The caller works too, and threads that are there are kept.
    assert run(MAKE + code) == "[0, 1, 3, 3] 3"


@needs_affinity
def test_affinity_is_honoured_and_one_core_is_enough() -> None:
    code = """
some = index.search(queries, threads=2)
default = default_threads()
more = index.search(queries, threads=4)
assert (some.ids == more.ids).all() and (some.scores == more.scores).all()
leafscan.build(rows, metric="squared_l2", config=config, threads=3)
print(default)
"""
    narrow = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    assert run(narrow + MAKE + code) == "1"


@functools.cache
def _own_mounts() -> bool:
    """Return whether a process may mount what nobody else sees."""
    try:
        done = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.parametrize(
    ("files", "allowed"),
    [
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "110000 100000"}, 2),
        ({"cpu.max": "max 100000"}, None),
    ],
)
def test_the_quota_of_a_control_group_is_honoured(files: dict[str, str], allowed: int | None) -> None:
    if not _own_mounts():
        pytest.skip("mounting a control group of one's own needs root on Linux")
    lines = ["mount -t tmpfs none /sys/fs/cgroup", "mkdir /sys/fs/cgroup/cpu"]
    lines += [f"echo '{text}' > /sys/fs/cgroup/{name}" for name, text in files.items()]
    script = " && ".join([*lines, 'exec "$0" "$@"'])
    code = "from leafscan.index.threads import default_threads; print(default_threads())"
    cores = len(os.sched_getaffinity(0))
    expected = cores if allowed is None else min(cores, allowed)
    assert run(code, "unshare", "-m", "sh", "-c", script) == str(expected)


@needs_fork
def test_a_forked_child_searches_though_its_parent_has_used_threads() -> None:
    code = """
import signal, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks beside threads
right = index.search(queries, threads=3)
child = os.fork()
if child == 0:
    signal.alarm(20)
    found = index.search(queries, threads=3)
    built = leafscan.build(rows, metric="dot_product", config=config, threads=3).search(queries, threads=2)
    same = (found.ids == right.ids).all() and (built.scores == right.scores).all()
    # It has helpers of its own, where that can be told.
    helped = not os.path.exists("/proc/self/task") or len(os.listdir("/proc/self/task")) == 3
    os._exit(0 if same and helped else 1)
print(os.waitpid(child, 0)[1], (index.search(queries, threads=3).ids == right.ids).all())
"""
    assert run(MAKE + code) == "0 True"
