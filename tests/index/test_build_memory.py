"""A build holds the input, the index and little else: at most 1.3 times the input plus the index.

Each build runs in a process of its own, whose peak is that of nothing else.
"""

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="this system does not tell a process's peak memory")

ROWS, DIM = 400_000, 96
INPUT = ROWS * DIM * 4
#: What a process takes for itself: threads, their buffers, pages that the allocator keeps.
SLACK = 16 * 2**20

CHILD = """
import pathlib, resource, sys
import numpy as np
import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Reorder, Tree

def peak():
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a child begins at its parent's on Linux
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024

rows, dim, metric = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
random = np.random.default_rng(0)
few = random.random((2_000, dim), dtype=np.float32)
leafscan.build(few, metric=metric, config=Config(tree=Tree(num_leaves=20), score=AsymmetricHash()))
vectors = random.random((rows, dim), dtype=np.float32)
vectors -= np.float32(0.5)
before = peak()
index = leafscan.build(vectors, metric=metric, config=eval(sys.argv[4]), threads=2)
after = peak()
size = sum(section.nbytes for section in index._contents.sections.values())
print(after - before, size)
"""


@pytest.mark.parametrize(
    ("metric", "config"),
    [
        ("cosine", "Config(tree=TREE, score=AsymmetricHash(), reorder=Reorder())"),
        ("dot_product", "Config(tree=Tree(num_leaves=600, training_iterations=2), score=AsymmetricHash())"),
        (
            "dot_product",
            "Config(tree=Tree(num_leaves=100, training_iterations=2, training_sample_size=300_000, avq_eta=4)"
            ",score=AsymmetricHash(), reorder=Reorder(dtype='int8'))",
        ),
        (
            "squared_l2",
            "Config(tree=Tree(num_leaves=100, training_iterations=2, soar_lambda=1.0),"
            "score=AsymmetricHash(pca_dimensions=48), reorder=Reorder(dtype='bfloat16'))",
        ),
        ("squared_l2", "Config(score=BruteForce())"),
    ],
    ids=["rows", "codes alone", "int8 from a sample", "second leaves", "no tree"],
)
def test_a_build_takes_little_more_than_input_and_index(metric: str, config: str) -> None:
    config = config.replace("TREE", "Tree(num_leaves=100, training_iterations=2)")
    command = [sys.executable, "-c", CHILD, str(ROWS), str(DIM), metric, config]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    taken, index = map(int, told.split())
    assert index > INPUT // 20
    assert taken < 0.3 * INPUT + index + SLACK
