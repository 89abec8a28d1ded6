"""Keras' layers on the backend of this process, with the search on the host and wherever they choose."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.host_paths.checks import DIM, Checks, K, draw, right, same

__all__ = ["check_layers"]


def check_layers(check: Checks, on_gpu: bool) -> None:
    """Check all layers; ``device="host"`` is the host path, "auto" what users get."""
    import keras

    from leafscan.keras import BruteForceRetrieval, ScannRetrieval, Streaming

    print(f"{check.framework}: Keras {keras.__version__} on {keras.backend.backend()}", flush=True)
    places = {"host": "on the host", "auto": "wherever it chooses"}
    for kind in (BruteForceRetrieval, ScannRetrieval):
        for device, told in places.items():
            _check(check, f"{kind.__name__} {told}", kind, {"device": device})
    _check(check, "Streaming", Streaming, {"capacity": 500})


def _model(layer: Any) -> Any:
    import keras

    inputs = keras.Input((DIM,))
    return keras.Model(inputs, layer(inputs))


def _check(check: Checks, name: str, kind: Any, options: dict[str, Any]) -> None:
    import keras

    rows, points = draw(400, 0), draw(33, 1)
    indexed = "device" in options

    def predicted() -> None:
        layer = kind(rows, k=K, **options)
        model = _model(layer)
        for batch in (8, 33):
            scores, ids = model.predict(points, batch_size=batch, verbose=0)
            same(ids, scores, right(rows, points))
        scores, ids = layer(keras.ops.convert_to_tensor(points))
        same(keras.ops.convert_to_numpy(ids), keras.ops.convert_to_numpy(scores), right(rows, points))

    def updated() -> None:
        layer = kind(rows[:100], k=K, **options)
        model = _model(layer)
        for other in (rows[:100], rows, rows[200:260]):
            layer.update_candidates(other)
            same(model.predict(points, batch_size=8, verbose=0)[1], None, right(other, points))

    def excluded() -> None:
        ranked = right(rows, points, 20)[0]
        inputs, denied = keras.Input((DIM,)), keras.Input((3,), dtype="int32")
        model = keras.Model([inputs, denied], kind(rows, k=K, **options)(inputs, exclusions=denied))
        seen = ranked[:, :3].astype(np.int32)
        found = model.predict([points, seen], batch_size=8, verbose=0)[1]
        same(found, None, (ranked[:, 3 : 3 + K], points))

    def trained() -> None:
        keras.utils.set_random_seed(0)
        tower = keras.Sequential([keras.Input((DIM,)), keras.layers.Dense(DIM)])
        inputs = keras.Input((DIM,))
        model = keras.Model(inputs, kind(rows, k=K, query_tower=tower, **options)(inputs)[0])
        model.compile("sgd", loss=lambda _, scores: -keras.ops.mean(scores))
        nothing = np.zeros((33, K), np.float32)
        before = model.evaluate(points, nothing, verbose=0)
        model.fit(points, nothing, epochs=2, batch_size=8, verbose=0)
        after = model.evaluate(points, nothing, verbose=0)
        assert after < before - 0.01, f"the loss went from {before} to {after}"

    def saved() -> None:
        model = _model(kind(rows, k=K, **options))
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder) / "model.keras")
            again = keras.saving.load_model(Path(folder) / "model.keras")
            same(again.predict(points, batch_size=8, verbose=0)[1], None, right(rows, points))

    def following() -> None:
        layer = kind(k=K, **options)
        layer.candidate_embeddings = keras.Variable(rows)
        model = _model(layer)
        for other in (rows, rows[::-1].copy()):
            layer.candidate_embeddings.assign(other)
            same(model.predict(points, batch_size=8, verbose=0)[1], None, right(other, points))

    check(f"{name}: predict in uneven batches, and eager", predicted)
    check(f"{name}: other candidates under a compiled model", updated)
    if indexed:
        check(f"{name}: exclusions", excluded)
    check(f"{name}: scores train a query tower", trained)
    check(f"{name}: saved and loaded", saved)
    check(f"{name}: follows a variable", following)
