"""Where leafscan.tensorflow may be imported first."""

import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

TRACED = """
import numpy as np, tensorflow as tf, leafscan
index = leafscan.build(np.eye(4, dtype="float32"), metric="dot_product")

@tf.function
def best(queries):
    from leafscan.tensorflow import search
    return search(index, queries, k=2).ids

print(best(tf.constant([[0.0, 3, 2, 1]])).numpy().tolist())
from leafscan.tensorflow import search
other = leafscan.build(np.eye(4, dtype="float32"), metric="dot_product")
print(search(other, tf.constant([[0.0, 3, 2, 1]]), k=2).ids.numpy().tolist())
"""


def test_inside_a_function_that_is_being_traced():
    done = subprocess.run(
        [sys.executable, "-c", TRACED], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split("\n")[:2] == ["[[1, 2]]", "[[1, 2]]"]
