"""What happens under an index that is mapped: docs/file-format.md promises what is held here."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan

pytestmark = pytest.mark.skipif(
    os.name != "posix", reason="elsewhere a mapped file can be neither cut nor replaced"
)

Matrix = NDArray[np.float32]

#: Loads an index, and searches it each time that it is told to.
ASKS = """
import sys
import numpy as np
import leafscan
index = leafscan.load(sys.argv[1], memory=sys.argv[2] == "memory")
queries = np.load(sys.argv[3])
print("ready", flush=True)
for line in sys.stdin:
    print(index.search(queries, k=3).ids.tolist(), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path, queries: Matrix) -> Path:
    np.save(tmp_path / "queries.npy", queries)
    vectors = np.random.default_rng(3).standard_normal((20_000, 24)).astype(np.float32)
    leafscan.build(vectors, metric="cosine", config=leafscan.Config()).save(tmp_path / "file.leafscan")
    return tmp_path / "file.leafscan"


@contextmanager
def another(path: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has loaded the file."""
    arguments = [sys.executable, "-c", ASKS, str(path), how, str(path.with_name("queries.npy"))]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def asked(process: subprocess.Popen[str]) -> str:
    """What it answers; "" if that is its end."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("search\n")
    process.stdin.flush()
    return process.stdout.readline()


@pytest.mark.parametrize("how", ["mapped", "memory"])
def test_a_file_replaced_by_save_answers_as_the_old_one(path: Path, queries: Matrix, how: str) -> None:
    expected = f"{leafscan.load(path, memory=True).search(queries, k=3).ids.tolist()}\n"
    with another(path, how) as process:
        leafscan.build(queries, metric="cosine").save(path)
        assert asked(process) == expected
        assert asked(process) == expected
    assert len(leafscan.load(path)) == len(queries)


def test_a_file_cut_under_its_map_ends_the_process_that_reads_on(path: Path, queries: Matrix) -> None:
    expected = f"{leafscan.load(path, memory=True).search(queries, k=3).ids.tolist()}\n"
    with another(path, "mapped") as process:
        os.truncate(path, 64)
        answer = asked(process)
        if answer:  # a system that keeps the pages
            assert answer == expected
        else:
            assert process.wait(10) == -signal.SIGBUS
    # Whoever comes after it is told.
    with pytest.raises(leafscan.FileFormatError):
        leafscan.load(path)


def test_a_file_cut_under_an_index_in_memory_does_nothing(path: Path, queries: Matrix) -> None:
    expected = f"{leafscan.load(path, memory=True).search(queries, k=3).ids.tolist()}\n"
    with another(path, "memory") as process:
        os.truncate(path, 64)
        assert asked(process) == expected
