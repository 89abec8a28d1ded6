"""Measure retrieval layers in a compiled Keras model on the GPU: ``python -m benchmarks.gpu.keras_layers``.

leafscan's `BruteForceRetrieval` and `Streaming` beside KerasRS' layer, over the same candidates, each checked
against float64 before it is timed. Queries come from NumPy and answers go back to it, as Keras does it; the
last column is the model's function alone, with queries on the card.
"""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import keras_rs
import numpy as np

from benchmarks.gpu.measure import draw, truth
from benchmarks.gpu.peers import K
from benchmarks.gpu.timing import seconds_a_call
from leafscan.keras import BruteForceRetrieval, Streaming

#: How many queries are checked, and predicted in batches.
CHECKED, MANY = 128, 65_536


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32, 1_024, 4_096])
    parser.add_argument("--device", default="auto", choices=["auto", "host", "accelerator"])
    parser.add_argument("--updates", action="store_true", help="measure exclusions and updates alone")
    chosen = parser.parse_args()
    drawn = draw(chosen.candidates, chosen.dimensions, MANY)
    expected = truth(drawn[1][:CHECKED], drawn[0])
    rows, queries = (np.asarray(part) for part in drawn)
    ours = BruteForceRetrieval(rows, k=K, device=chosen.device)
    text = [
        f"{jax.devices()[0].device_kind}, JAX {jax.__version__}, Keras {keras.__version__}, KerasRS "
        f"{keras_rs.__version__}, {chosen.candidates:,} x {chosen.dimensions}, k = {K}; leafscan's candidates"
        f" on the {'accelerator' if ours.on_accelerator else 'host'}.",
        "",
    ]
    if not chosen.updates:
        text += _table(ours, rows, queries, expected, chosen.batches)
    text += ["", *_also(ours, queries, rows)]
    print("\n".join(text), flush=True)
    if chosen.out:
        chosen.out.write_text("\n".join(text) + "\n")


def _table(ours: Any, rows: Any, queries: Any, expected: Any, batches: list[int]) -> list[str]:
    """Measure each layer, a line each."""
    each = " | ".join(f"`predict_on_batch` of {batch:,}" for batch in batches)
    last = f"`predict`, batches of {batches[-1]:,} | the function, {batches[-1]:,}"
    lines = [
        f"| layer | recall@10 | {each} | {last} |",
        "|" + "---|" * (len(batches) + 4),
    ]
    layers = {
        "leafscan": ours,
        "leafscan, `Streaming`": Streaming(rows, k=K),
        "KerasRS": keras_rs.layers.BruteForceRetrieval(keras.ops.convert_to_tensor(rows), k=K),
    }
    for name, layer in layers.items():
        lines.append(_line(name, layer, queries, expected, batches))
        print(lines[-1], flush=True)
    return lines


def _line(name: str, layer: Any, queries: Any, expected: Any, batches: list[int]) -> str:
    inputs = keras.Input(queries.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    model.compile(jit_compile=True)
    found = model.predict(queries[:CHECKED], batch_size=CHECKED, verbose=0)[1]
    recall = float(np.mean([np.isin(want, got).mean() for want, got in zip(expected, found, strict=True)]))
    assert recall >= 0.999 or "leafscan" not in name, recall
    cells = [name, f"{recall:.4f}"]
    for batch in batches:
        cells.append(_rate(batch, _seconds(functools.partial(model.predict_on_batch, queries[:batch]))))
    last = batches[-1]
    whole = functools.partial(model.predict, queries, batch_size=last, verbose=0)
    cells.append(_rate(len(queries), _seconds(whole, rounds=3)))
    state = [
        [each.value for each in part] for part in (model.trainable_variables, model.non_trainable_variables)
    ]
    function = jax.jit(lambda state, points: model.stateless_call(*state, points)[0])
    there = jax.device_put(queries[:last])
    cells.append(_rate(last, seconds_a_call(lambda: function(state, there))))
    return "| " + " | ".join(cells) + " |"


def _also(layer: Any, queries: Any, rows: Any) -> list[str]:
    """Time exclusions and an update, and check the update."""
    dim = queries.shape[1]
    batch = min(1_024, len(queries))
    inputs, denied = keras.Input((dim,)), keras.Input((20,), dtype="int32")
    model = keras.Model([inputs, denied], layer(inputs, exclusions=denied))
    best = np.asarray(layer(queries[:batch], k=20)[1])
    found = model.predict_on_batch([queries[:batch], best])[1]
    assert not (found[:, :, None] == best[:, None, :]).any()
    seconds = _seconds(lambda: model.predict_on_batch([queries[:batch], best]))
    lines = [f"- `predict_on_batch` of {batch:,} with 20 exclusions a query: {_rate(batch, seconds)}."]
    model = keras.Model(inputs, layer(inputs))
    model.predict_on_batch(queries[:batch])
    begin = time.perf_counter()
    layer.index.upsert([7], [2 * queries[0]])
    assert model.predict_on_batch(queries[:batch])[1][0, 0] == 7
    lines.append(f"- One `upsert` and the next `predict_on_batch`: {time.perf_counter() - begin:.3f} s.")
    begin = time.perf_counter()
    layer.index.upsert([7], [3 * queries[0]])
    assert model.predict_on_batch(queries[:batch])[1][0, 0] == 7
    lines.append(f"- Another, once that was compiled: {time.perf_counter() - begin:.3f} s.")
    begin = time.perf_counter()
    layer.update_candidates(rows)
    lines.append(f"- `update_candidates` of all: {time.perf_counter() - begin:.2f} s.")
    return lines


def _seconds(call: Callable[[], Any], rounds: int = 5) -> float:
    """Time a call that waits for its answer: the median of so many rounds of at least 50 ms each."""
    call()
    begin = time.perf_counter()
    call()
    repeats = max(1, min(50, int(0.05 / max(time.perf_counter() - begin, 1e-5))))

    def a_round() -> float:
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - begin) / repeats

    return statistics.median(a_round() for _ in range(rounds))


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:,.0f} QPS ({1e3 * seconds:,.2f} ms)"


if __name__ == "__main__":
    main()
