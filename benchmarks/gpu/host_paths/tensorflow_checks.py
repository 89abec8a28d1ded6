"""TensorFlow: ``tf.numpy_function``, which runs on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

import leafscan
import leafscan.tensorflow
from benchmarks.gpu.host_paths import keras_checks
from benchmarks.gpu.host_paths.checks import Checks, K, catalogue, draw, gradient, right, same

__all__ = ["main"]


def main(device: str) -> int:
    """Check; returns the process' status."""
    on_gpu = bool(tf.config.list_physical_devices("GPU")) and device != "cpu"
    if device == "gpu" and not on_gpu:
        print("tensorflow: FAILED: no GPU, which --device gpu asks for")
        return 1
    # Streaming's products are TensorFlow's, which would round them to 10 bits.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    place = "GPU:0" if on_gpu else "CPU:0"
    check = Checks("tensorflow", f"{place}, TensorFlow {tf.__version__}")
    with tf.device(place):
        _operation(check)
        keras_checks.check_layers(check, on_gpu)
    return check.end()


def _operation(check: Checks) -> None:
    rows, points = draw(400, 0), draw(33, 1)
    queries = tf.constant(points)
    search = leafscan.tensorflow.search
    for metric in ("dot_product", "cosine", "squared_l2"):
        index = catalogue(rows, metric)

        def eager(index: Any = index, metric: str = metric) -> None:
            found = search(index, queries, K)
            same(found.ids, found.scores, right(rows, points, metric=metric))

        def compiled(index: Any = index, metric: str = metric) -> None:
            found = tf.function(lambda queries: search(index, queries, K))(queries)
            same(found.ids, found.scores, right(rows, points, metric=metric))

        def derived(index: Any = index, metric: str = metric) -> None:
            with tf.GradientTape() as tape:
                tape.watch(queries)
                total = tf.reduce_sum(search(index, queries, K).scores)
            expected = gradient(rows, points, metric)
            np.testing.assert_allclose(tape.gradient(total, queries), expected, rtol=1e-3, atol=1e-4)

        check(f"eager, {metric}", eager)
        check(f"tf.function, {metric}", compiled)
        check(f"gradient, {metric}", derived)

    def swapped() -> None:
        slot = leafscan.Slot(catalogue(rows))
        program = tf.function(lambda queries: search(slot, queries, K))
        for other in (rows, rows[::-1].copy(), draw(50, 3)):
            slot.publish(catalogue(other))
            same(program(queries).ids, None, right(other, points))
        assert program.experimental_get_tracing_count() == 1, "it was traced again"

    check("another index under a tf.function, not traced again", swapped)
