import numpy as np

from benchmarks.memory import peak_memory, start_peak_memory


def test_the_mark_rises_with_what_is_held():
    before = start_peak_memory()
    held = np.ones(8 * 2**20)
    assert peak_memory() >= before + 0.9 * held.nbytes / 2**20
