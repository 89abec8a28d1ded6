"""What no exported program can carry is said on each backend when it is exported, not when it is loaded."""

import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from leafscan.keras import BruteForceRetrieval, ScannRetrieval, Streaming, export, load_exported
from leafscan.keras.exporting import refuse_export

Matrix = np.ndarray
BACKEND = keras.backend.backend()
SENTENCE = r"no exported program can carry a leafscan index(.|\n)*Export the query tower alone"
# What Keras writes on each backend; the others need packages that CI does not have.
FORMATS = {"jax": ["tf_saved_model"], "tensorflow": ["tf_saved_model"], "torch": ["torch"]}
if find_spec("keras.src.export.torch") is None:
    del FORMATS["torch"]  # Keras before 3.15
NAMES = {"tf_saved_model": "whole", "torch": "whole.pt2"}
with_saved_models = pytest.mark.skipif(
    BACKEND == "torch" or find_spec("tensorflow") is None, reason="SavedModels are written by TensorFlow"
)


def tower_of() -> keras.Model:
    return keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])


def model_of(layer) -> keras.Model:
    inputs = keras.Input((8,))
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize("format", FORMATS.get(BACKEND, []))
@pytest.mark.parametrize("kind", [ScannRetrieval, BruteForceRetrieval])
def test_exporting_the_whole_model_is_refused(
    kind, format: str, candidates: Matrix, queries: Matrix, tmp_path
):
    if format == "tf_saved_model":
        pytest.importorskip("tensorflow")
    model = model_of(kind(candidates, k=5, query_tower=tower_of()))
    expected = model.predict(queries, verbose=0)[1]
    with pytest.raises(Exception, match=SENTENCE):
        model.export(tmp_path / NAMES[format], format=format, verbose=False)
    assert not (tmp_path / NAMES[format]).exists()
    np.testing.assert_array_equal(model.predict(queries, batch_size=16, verbose=0)[1], expected)


@pytest.mark.parametrize("format", FORMATS.get(BACKEND, []))
def test_streaming_and_followed_variables_are_exported(
    format: str, candidates: Matrix, queries: Matrix, tmp_path
):
    if format == "tf_saved_model":
        pytest.importorskip("tensorflow")
    else:
        import torch

        if torch.__version__.startswith("2.8."):
            pytest.skip("PyTorch 2.8 exports no program with a constant that nothing uses")
    followed = BruteForceRetrieval(k=5)
    followed.candidate_embeddings = keras.Variable(candidates)
    for place, layer in enumerate((Streaming(candidates, k=5, block_size=64), followed)):
        model = model_of(layer)
        path = tmp_path / f"{place}_{NAMES[format]}"
        expected = model.predict(queries[:1], verbose=0)[1]
        model.export(path, format=format, verbose=False)
        if BACKEND == "jax":
            # Whether TensorFlow reads what JAX writes is a matter of their releases.
            assert (path / "saved_model.pb").exists()
            continue
        if format == "torch":
            found = torch.export.load(path).module()(torch.from_numpy(queries[:1]))
        else:
            import tensorflow as tf

            loaded = tf.saved_model.load(str(path))
            found = loaded.serve(queries[:1])
        np.testing.assert_array_equal(np.asarray(found[1]), expected)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's own ways to export")
def test_pytorch_refuses_its_own_exports(candidates: Matrix, queries: Matrix):
    import torch

    layer = ScannRetrieval(candidates, k=5)
    model, points = model_of(layer), torch.from_numpy(queries)
    with pytest.raises(Exception, match=SENTENCE):
        torch.export.export(model, (points,), strict=False)
    with pytest.raises(Exception, match=SENTENCE):
        torch.jit.trace(model, points, check_trace=False)


@pytest.mark.skipif("torch" not in FORMATS, reason="PyTorch cannot compile Keras before 3.15 as one graph")
@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's own way to compile")
def test_pytorch_compiles_a_layer(candidates: Matrix, queries: Matrix):
    import torch

    layer, points = ScannRetrieval(candidates, k=5), torch.from_numpy(queries)
    compiled = torch.compile(lambda queries: layer.call(queries)[1], fullgraph=True, backend="eager")
    np.testing.assert_array_equal(compiled(points).numpy(), layer(points)[1].numpy())


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch tells by itself")
def test_keras_is_recognised_whatever_it_exports_to():
    refuse_export("layer")
    caller = {"__name__": "keras.src.export.of_the_future", "refuse_export": refuse_export}
    exec("def export(): refuse_export('my_layer')", caller)
    with pytest.raises(NotImplementedError, match=f"my_layer: {SENTENCE}"):
        caller["export"]()


@with_saved_models
def test_a_tower_is_exported_as_a_saved_model(candidates: Matrix, queries: Matrix, tmp_path: Path):
    layer = ScannRetrieval(candidates, k=5, query_tower=tower_of())
    export(layer, tmp_path / "exported", format="tf_saved_model")
    found = load_exported(tmp_path / "exported")(queries)
    np.testing.assert_array_equal(found.ids, keras.ops.convert_to_numpy(layer(queries)[1]))


def test_what_a_tower_lacks_is_said_before_anything_is_written(
    candidates: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = tmp_path / "exported"
    with pytest.raises(TypeError, match=r"must be a keras.Model to be exported; received Dense"):
        export(ScannRetrieval(candidates, query_tower=keras.layers.Dense(8)), place)
    unbuilt = keras.Sequential([keras.layers.Dense(8)])
    with pytest.raises(ValueError, match="is not built"):
        export(ScannRetrieval(candidates, query_tower=unbuilt), place)
    monkeypatch.setattr(sys.modules["leafscan.keras.export"], "find_spec", lambda name: None)
    with pytest.raises(
        ModuleNotFoundError, match=r"needs tensorflow where Keras runs on .*which is not installed"
    ):
        export(ScannRetrieval(candidates, query_tower=tower_of()), place, format="tf_saved_model")
    assert not place.exists()
