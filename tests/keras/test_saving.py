"""Models that carry their candidates, and what is exported beside a query tower."""

import json
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import leafscan
from leafscan.keras import BruteForceRetrieval, ScannRetrieval, Streaming, export, load_exported

Matrix = np.ndarray


def model_of(layer, dim: int = 8) -> keras.Model:
    inputs = keras.Input((dim,))
    return keras.Model(inputs, layer(inputs))


def ids_of(model, queries: Matrix) -> Matrix:
    return np.asarray(model.predict(queries, batch_size=16, verbose=0)[1])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ScannRetrieval, {"num_leaves": 10, "num_leaves_to_search": 4, "metric": "cosine"}),
        (ScannRetrieval, {"config": leafscan.Config(score=leafscan.BruteForce(dtype="int8")), "threads": 1}),
        (BruteForceRetrieval, {"return_scores": False, "seed": 3, "positions": True}),
        (Streaming, {"metric": "squared_l2", "block_size": 32, "capacity": 400}),
    ],
)
def test_a_configuration_makes_the_same_layer(kind, options, candidates: Matrix, queries: Matrix):
    layer = kind(candidates, k=4, name="candidates", **options)
    config = json.loads(json.dumps(layer.get_config()))
    again = kind.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    again.update_candidates(candidates)
    for mine, theirs in zip(
        keras.tree.flatten(again(queries)), keras.tree.flatten(layer(queries)), strict=True
    ):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(mine), keras.ops.convert_to_numpy(theirs))
    assert again.return_scores is layer.return_scores


@pytest.mark.parametrize("kind", [ScannRetrieval, BruteForceRetrieval, Streaming])
def test_a_saved_model_holds_its_candidates(kind, candidates: Matrix, queries: Matrix, tmp_path: Path):
    model = model_of(kind(candidates, np.arange(300) + 50, k=5))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for mine, theirs in zip(
        again.predict(queries, batch_size=16, verbose=0), model.predict(queries, verbose=0), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    if kind is not Streaming:
        with zipfile.ZipFile(tmp_path / "model.keras") as archive:
            assert any(name.endswith("candidates.leafscan") for name in archive.namelist())
        again.layers[-1].update_candidates(candidates[:40], np.arange(40))
        assert ids_of(again, queries).max() < 40


def test_a_saved_model_of_300_mib_loads(tmp_path: Path):
    # Above Keras' guard of an archive's members, 256 MiB; its folder of assets is gone once it has loaded.
    rows = np.random.default_rng(3).standard_normal((620_000, 128), np.float32)
    queries = rows[::40_000]
    model = model_of(BruteForceRetrieval(rows, k=2), 128)
    expected = model.predict(queries, verbose=0)
    assert expected[1][:, 0].tolist() == list(range(0, 620_000, 40_000))
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert max(each.file_size for each in archive.infolist()) > 300 * 2**20
    del model, rows
    again = keras.saving.load_model(tmp_path / "model.keras")
    (tmp_path / "model.keras").unlink()
    for mine, theirs in zip(again.predict(queries, verbose=0), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_strings_towers_and_models_without_candidates_are_saved(
    candidates: Matrix, queries: Matrix, tmp_path: Path
):
    names = [f"movie {place}" for place in range(300)]
    tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)])
    layer = ScannRetrieval(candidates, names, k=5, query_tower=tower)
    model = model_of(layer)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    expected = layer.decode(ids_of(model, queries))
    np.testing.assert_array_equal(again.layers[-1].decode(ids_of(again, queries)), expected)
    model_of(ScannRetrieval(k=5)).save(tmp_path / "empty.keras")
    empty = keras.saving.load_model(tmp_path / "empty.keras")
    empty.layers[-1].update_candidates(candidates)
    assert ids_of(empty, queries).shape == (37, 5)


def test_weights_alone_do_not_hold_the_index_and_say_so(candidates: Matrix, queries: Matrix, tmp_path: Path):
    model = model_of(ScannRetrieval(candidates, k=5))
    with pytest.warns(UserWarning, match="save_weights does not save the candidates"):
        model.save_weights(tmp_path / "model.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.save(tmp_path / "model.keras")
    other = model_of(ScannRetrieval(candidates[:60], k=5))
    other.load_weights(tmp_path / "model.weights.h5")
    assert len(other.layers[-1].index) == 60


@pytest.mark.parametrize("with_tower", [False, True])
def test_an_export_is_a_tower_and_an_index_beside_it(
    with_tower: bool, candidates: Matrix, queries: Matrix, tmp_path: Path
):
    names = [f"movie {place}" for place in range(300)]
    tower = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8)]) if with_tower else None
    layer = ScannRetrieval(candidates, names, k=5, query_tower=tower)
    export(layer, tmp_path / "exported")
    retrieve = load_exported(tmp_path / "exported")
    scores, ids = layer(queries)
    found = retrieve(queries)
    np.testing.assert_array_equal(found.ids, layer.decode(ids))
    np.testing.assert_allclose(found.scores, keras.ops.convert_to_numpy(scores), rtol=1e-5)
    assert retrieve(queries, k=2).ids.shape == (37, 2)
    f = retrieve.index.filter(deny=["movie 3"])
    assert "movie 3" not in retrieve(queries, k=300, filter=f).ids
    with pytest.raises(ValueError, match="format must be"):
        export(layer, tmp_path / "other", format="pickle")
    with pytest.raises(ValueError, match="has no candidates to export"):
        export(ScannRetrieval(), tmp_path / "other")
    with pytest.raises(TypeError, match=r"retrieval layer of leafscan\.keras"):
        export(keras.layers.Dense(3), tmp_path / "other")


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("first", [0, 50])
def test_a_loaded_table_knows_whether_it_had_ids(
    told: bool,
    first: int,
    candidates: Matrix,
    queries: Matrix,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    if not told:  # as files of before 25 November 2026
        build_config = Streaming.get_build_config
        without = {"had_ids"}
        monkeypatch.setattr(
            Streaming,
            "get_build_config",
            lambda self: {name: each for name, each in build_config(self).items() if name not in without},
        )
    ids = np.arange(300) + first if first else None
    model_of(Streaming(candidates, ids, k=5)).save(tmp_path / "model.keras")
    layer = keras.saving.load_model(tmp_path / "model.keras").layers[-1]
    layer.update_candidates(candidates[::-1])
    assert np.asarray(keras.ops.convert_to_numpy(layer(queries)[1])).min() >= first
    if first:
        layer.update_candidates(candidates[:40], np.arange(40))
    else:
        layer.update_candidates(candidates[:40])
        with pytest.raises(ValueError, match="previous candidates did not have candidate IDs"):
            layer.update_candidates(candidates[:40], np.arange(40))
