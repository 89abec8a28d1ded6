"""What ends ScaNN's process or returns a wrong id in silence: here it is answered, or refused in a sentence.

Each test has the name of a trap of scann 1.4.2 and of what it does there.
"""

import copy
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import scann

Matrix = NDArray[np.float32]
Builder = Callable[..., scann.ScannBuilder]

KINDS = scann.ReorderType
NONE = scann.NO_INDEX


# --- the process dies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("measure", ["dot_product", "squared_l2"])
def test_nan_row_and_tree_aborts(builder: Builder, rows: Matrix, bad: float, measure: str) -> None:
    broken = rows.copy()
    broken[41, 3] = bad
    with pytest.raises(ValueError, match="41"):
        builder(measure, db=broken).tree(10, 5).score_ah(2).reorder(30).build()


def test_leaves_to_search_on_int8_brute_force_segfaults(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_brute_force(KINDS.INT8).build()
    plain = searcher.search(queries[0])
    np.testing.assert_array_equal(searcher.search(queries[0], leaves_to_search=3).index, plain.index)
    assert searcher.search_batched_parallel(queries, leaves_to_search=3).indices.shape == (12, 10)


@pytest.mark.parametrize("batch_size", [0, -1, None, 2.5])
def test_batch_size_of_0_is_a_floating_point_exception(
    builder: Builder, queries: Matrix, batch_size: Any
) -> None:
    searcher = builder().score_brute_force().build()
    with pytest.raises((ValueError, TypeError), match="batch_size"):
        searcher.search_batched_parallel(queries, batch_size=batch_size)


@pytest.mark.parametrize("threads", [0, -1, 10**9])
def test_set_num_threads_of_0_and_a_parallel_search_segfault(
    builder: Builder, queries: Matrix, threads: int
) -> None:
    searcher = builder().score_brute_force().build()
    with pytest.raises(ValueError, match="num_threads must be between 1 and"):
        searcher.set_num_threads(threads)
    assert searcher.search_batched_parallel(queries).indices.shape == (12, 10)


def test_parallel_search_on_one_processor_segfaults(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_brute_force().build()
    searcher.set_num_threads(1)
    assert searcher.search_batched_parallel(queries).indices.shape == (12, 10)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinity")
def test_parallel_search_of_a_process_with_one_processor_segfaults() -> None:
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from leafscan import scann
rows = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
searcher = scann.scann_ops_pybind.builder(rows, 3, "dot_product").score_brute_force().build()
print(searcher.search_batched_parallel(rows[:40]).indices.shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(40, 3)"


def test_k_of_2000_corrupts_the_heap(builder: Builder, queries: Matrix) -> None:
    searcher = builder(k=2000).tree(10, 5).score_ah(2).reorder(5).build()
    assert searcher.search_batched(queries, 2000).indices.shape == (12, 2000)
    with pytest.raises(ValueError, match="would be padded"):
        searcher.search_batched(queries, 2**31 - 1)
    assert len(searcher.search(queries[0], 2**31 - 1, 2**31 - 1, 2**31 - 1).index) == 800


# --- wrong in silence ------------------------------------------------------------------------------------


def test_nan_query_in_a_batch_gives_the_first_ids(builder: Builder, queries: Matrix) -> None:
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build()
    broken = queries.copy()
    broken[5, 0] = np.nan
    for search in (searcher.search_batched, searcher.search_batched_parallel):
        with pytest.raises(RuntimeError, match="5"):
            search(broken)
    with pytest.raises(ValueError, match="finite"):
        searcher.search(broken[5])


def test_padding_of_a_batch_looks_like_row_0(builder: Builder, queries: Matrix) -> None:
    searcher = builder().tree(40, 1).score_brute_force().build()
    indices, distances = searcher.search_batched(queries, 500)
    assert indices.shape == distances.shape == (12, 500)
    missing = np.isnan(distances)
    assert missing.any(axis=1).all()
    assert (indices[missing] == NONE).all()
    assert (indices[~missing] < 800).all()
    for query, ids, gone in zip(queries, indices, missing, strict=True):
        np.testing.assert_array_equal(searcher.search(query, 500).index, ids[~gone])


def test_padding_of_a_batch_looks_like_the_first_docid(
    builder: Builder, queries: Matrix, names: list[str]
) -> None:
    searcher = builder().tree(40, 1).score_brute_force().build(docids=names)
    docids, distances = searcher.search_batched(queries, 500)
    for told, scores in zip(docids, distances, strict=True):
        assert [docid is None for docid in told] == np.isnan(scores).tolist()
        assert None in told


@pytest.mark.usefixtures("protobuf")
def test_misspelled_raw_config_is_accepted(builder: Builder, rows: Matrix) -> None:
    text = builder().tree(10, 5).score_ah(2).create_config().replace("num_children", "num_childs")
    with pytest.raises(ValueError, match='no field named "num_childs"'):
        scann.scann_ops_pybind.create_searcher(rows, text)


def test_autopilot_drops_other_stanzas(builder: Builder) -> None:
    with pytest.raises(ValueError, match="autopilot plans all parts itself, but tree, score_ah"):
        builder().tree(10, 5).score_ah(2).autopilot().build()


def test_upper_tree_without_tree_is_ignored(builder: Builder) -> None:
    with pytest.raises(ValueError, match=r"call tree\(\.\.\.\), too"):
        builder().upper_tree(10, 5).score_ah(2).build()


def test_spherical_only_tags_rows_as_of_length_1(builder: Builder, rows: Matrix, queries: Matrix) -> None:
    # Rows of many lengths are not partitioned by direction; those of length 1 are.
    long = rows * np.random.default_rng(0).uniform(0.1, 9, (800, 1)).astype(np.float32)
    searcher = builder(db=long).tree(20, 10, spherical=True).score_ah(2).reorder(100).build()
    assert searcher.index.config.tree.spherical is False
    near = np.argsort(-(queries @ long.T), axis=1)[:, :10]
    found = searcher.search_batched(queries).indices
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, near, strict=True)]) > 0.9
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert builder(db=unit).tree(20, 10, spherical=True).score_ah(2).build().index.config.tree.spherical


def test_reorder_of_5_returns_5_of_10(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_ah(2).reorder(5).build()
    assert len(searcher.search(queries[0]).index) == 10
    assert len(searcher.search(queries[0], 10, 5).index) == 10
    assert not np.isnan(searcher.search_batched(queries, 10, 5).distances).any()


@pytest.mark.usefixtures("protobuf")
def test_tree_that_searches_0_leaves_returns_nothing(builder: Builder, rows: Matrix) -> None:
    with pytest.raises(ValueError, match="tree's num_leaves_to_search must be between 1"):
        builder().tree(10, 0)
    text = builder().tree(10, 5).score_ah(2).create_config()
    none = text.replace("max_spill_centers: 5", "max_spill_centers: 0")
    with pytest.raises(ValueError, match="max_spill_centers must be between 1"):
        scann.scann_ops_pybind.create_searcher(rows, none)
    with pytest.raises(ValueError, match="leaves_to_search must be a whole number from 1"):
        builder().tree(10, 5).score_ah(2).build().search(rows[0], leaves_to_search=0)


@pytest.mark.parametrize("quantize", list(KINDS))
def test_nan_row_in_a_brute_force_database_is_accepted(
    builder: Builder, rows: Matrix, quantize: scann.ReorderType
) -> None:
    broken = rows.copy()
    broken[7, 0] = np.nan
    with pytest.raises(ValueError, match="7"):
        builder(db=broken).score_brute_force(quantize).build()


def test_threshold_beyond_the_lengths_of_rows_has_no_sign(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_ah(2, anisotropic_quantization_threshold=100.0).reorder(100).build()
    exact = builder().score_brute_force().build().search_batched(queries).indices
    found = searcher.search_batched(queries).indices
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)]) > 0.8


@pytest.mark.parametrize("measure", ["dot_product", "squared_l2"])
@pytest.mark.parametrize(
    "configure",
    [
        lambda b: b.score_brute_force(),
        lambda b: b.score_brute_force(KINDS.INT8),
        lambda b: b.score_ah(2),
        lambda b: b.tree(10, 10).score_ah(2),
        lambda b: b.tree(10, 10).score_ah(2).reorder(800, KINDS.BFLOAT16),
    ],
)
def test_vectors_beyond_32_bit_floats_give_the_first_ids(
    builder: Builder, rows: Matrix, queries: Matrix, names: list[str], configure: Any, measure: str
) -> None:
    long = rows * np.float32(1e17)
    with pytest.raises(RuntimeError, match=r"vectors must hold numbers from -1e\+15 to 1e\+15"):
        configure(builder(measure, db=long)).build()
    searcher = configure(builder(measure)).build(docids=names)
    with pytest.raises(RuntimeError, match=r"vectors must hold numbers .* in row 1"):
        searcher.upsert(["x", "y"], np.stack([rows[0], long[0]]))
    with pytest.raises(RuntimeError, match=r"queries must hold numbers from -1e\+15 to 1e\+15"):
        searcher.search(queries[0] * np.float32(1e37))
    for search in (searcher.search_batched, searcher.search_batched_parallel):
        with pytest.raises(RuntimeError, match=r"queries must hold numbers .* in row 1"):
            search(np.stack([queries[0], queries[1] * np.float32(1e20)]))
    # What is just not too long is found as what is not.
    large = np.float32(1e14)
    scaled = configure(builder(measure, db=rows * large)).build(docids=names)
    found, distances = scaled.search_batched(queries * large)
    assert np.isfinite(distances).all()
    wanted = searcher.search_batched(queries).indices
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, wanted, strict=True)]) > 0.99


def test_soar_and_brute_force_sees_as_much_as_scann(builder: Builder, rows: Matrix, queries: Matrix) -> None:
    # ScaNN lists each row in two leaves; exact scores list it in one, so that twice as many are visited.
    spilled = builder().tree(40, 5, soar_lambda=1.5).score_brute_force().build()
    plain = builder().tree(40, 10).score_brute_force().build()
    np.testing.assert_array_equal(
        spilled.search_batched(queries).indices, plain.search_batched(queries).indices
    )
    np.testing.assert_array_equal(
        spilled.search_batched(queries, leaves_to_search=7).indices,
        plain.search_batched(queries, leaves_to_search=14).indices,
    )
    exact = builder().score_brute_force().build().search_batched(queries).indices
    np.testing.assert_array_equal(spilled.search_batched(queries, leaves_to_search=40).indices, exact)


def test_threshold_with_squared_l2_is_told_of(builder: Builder) -> None:
    with pytest.warns(UserWarning, match="is for dot products"):
        builder("squared_l2").score_ah(2, 0.2).reorder(30).build()


# --- the calls -------------------------------------------------------------------------------------------


def test_pca_to_8_dimensions_always_raises(builder: Builder, queries: Matrix) -> None:
    searcher = builder().tree(10, 10).pca(reduction_dim=8).score_ah(2).reorder(800).build()
    assert searcher.index.config.score.pca_dimensions == 8
    exact = builder().score_brute_force().build().search_batched(queries).indices
    np.testing.assert_array_equal(searcher.search_batched(queries).indices, exact)


def test_pca_and_a_squared_l2_tree_is_a_bare_check(builder: Builder, queries: Matrix) -> None:
    searcher = builder("squared_l2").tree(10, 10).pca(8, None).score_ah(2).reorder(100).build()
    assert searcher.search_batched(queries).indices.shape == (12, 10)


@pytest.mark.parametrize("measure", ["dot_product", "squared_l2"])
def test_pca_without_tree_is_a_bare_check(builder: Builder, queries: Matrix, measure: str) -> None:
    for begun in (builder(measure).pca(8, None), builder(measure).truncate(8)):
        searcher = begun.score_ah(2).reorder(100).build()
        assert searcher.index.config.score.pca_dimensions == 8
        assert searcher.search_batched(queries).indices.shape == (12, 10)


def test_empty_batch_is_told_to_have_wrong_dimensions(builder: Builder, names: list[str]) -> None:
    nobody = np.empty((0, 16), np.float32)
    plain = builder().score_brute_force().build()
    for search in (plain.search_batched, plain.search_batched_parallel):
        assert search(nobody).indices.shape == search(nobody).distances.shape == (0, 10)
    assert builder().score_brute_force().build(docids=names).search_batched(nobody).indices == []


def test_positional_arguments_zip(builder: Builder) -> None:
    with pytest.raises(TypeError, match="positional"):
        builder().score_brute_force(KINDS.INT8, 2, 3, 4)
    with pytest.raises(TypeError, match="multiple values"):
        builder().tree(10, 5, num_leaves=20)


@pytest.mark.parametrize("k", [0, -2, -(2**40), 2**40, 2.0, "3", True])
def test_numbers_of_neighbors_that_are_none(builder: Builder, queries: Matrix, k: Any) -> None:
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build()
    for position in range(3):
        arguments = [-1, -1, -1]
        arguments[position] = k
        with pytest.raises((ValueError, TypeError), match="must be a whole number from 1"):
            searcher.search(queries[0], *arguments)
        with pytest.raises((ValueError, TypeError), match="must be a whole number from 1"):
            searcher.search_batched(queries, *arguments)


def test_shapes_that_are_none(builder: Builder, queries: Matrix) -> None:
    searcher = builder().score_brute_force().build()
    for wrong in (queries, queries[0, :5], 3.0, np.empty(0), "query", [[1], [2, 3]], None):
        with pytest.raises((ValueError, TypeError)):
            searcher.search(wrong)
    for wrong in (queries[0], queries[:, :5], queries[None], 3.0, np.empty((0, 3)), None):
        with pytest.raises((ValueError, TypeError)):
            searcher.search_batched(wrong)


# --- docids and state ------------------------------------------------------------------------------------


def test_docids_list_of_the_caller_is_mutated(builder: Builder, names: list[str]) -> None:
    mine = list(names)
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build(docids=mine)
    searcher.upsert(["new"], np.ones(16))
    searcher.delete(["row 3"])
    assert mine == names
    searcher.docids.clear()
    assert searcher.size() == len(searcher.docids) == 800


def test_failed_upsert_leaves_docids_out_of_sync(builder: Builder, rows: Matrix, names: list[str]) -> None:
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build(docids=names)
    broken = np.full((2, 16), np.nan, np.float32)
    for docids, vectors in (
        (["x", "y"], broken),
        (["x", "row 3"], np.ones((2, 15))),
        (["x"], np.ones((2, 16))),
        (["x", "x"], np.ones((2, 16))),
        (["x", None], np.ones((2, 16))),
        (["x", ["y"]], np.ones((2, 16))),
        (["x"], "vectors"),
    ):
        with pytest.raises((ValueError, TypeError)):
            searcher.upsert(docids, vectors)
    with pytest.raises(ValueError, match="batch_size"):
        searcher.upsert(["x"], np.ones(16), batch_size=0)
    assert searcher.docids == names
    assert searcher.size() == 800
    assert searcher.search(rows[3], leaves_to_search=10).index[0] in names


def test_docids_in_a_set_name_rows_by_chance(builder: Builder, names: list[str]) -> None:
    with pytest.raises(TypeError, match="a set has none"):
        builder().score_brute_force().build(docids=set(names))


def test_rows_of_the_caller_change_after_the_build(builder: Builder, rows: Matrix, queries: Matrix) -> None:
    mine = rows.copy()
    searchers = [
        builder(db=mine).score_brute_force().build(),
        builder(db=mine).tree(10, 10).score_ah(2).reorder(100).build(),
    ]
    before = [searcher.search_batched(queries) for searcher in searchers]
    mine[:] = 0
    for searcher, (indices, distances) in zip(searchers, before, strict=True):
        np.testing.assert_array_equal(searcher.search_batched(queries).indices, indices)
        np.testing.assert_array_equal(searcher.search_batched(queries).distances, distances)


def test_upsert_of_nan_into_a_tree_segfaults(builder: Builder, names: list[str]) -> None:
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build(docids=names)
    with pytest.raises(ValueError, match="NaN or infinity in row 1"):
        searcher.upsert(["x", "y"], np.array([np.ones(16), np.full(16, np.nan)]))


def test_upsert_and_delete_on_a_soar_index_segfault(builder: Builder, rows: Matrix, names: list[str]) -> None:
    searcher = builder().tree(10, 10, soar_lambda=1.5).score_ah(2).reorder(100).build(docids=names)
    searcher.upsert("far", rows[3] * 9)
    searcher.upsert(["row 5", "farther"], np.stack([rows[3] * 8, rows[3] * 10]))
    assert searcher.search(rows[3], 3).index == ["farther", "far", "row 5"]
    searcher.delete(["farther", "row 5"])
    assert searcher.search(rows[3], 2).index[0] == "far"
    assert searcher.size() == 800


def test_duplicate_docid_in_one_upsert_makes_two_entries(builder: Builder, names: list[str]) -> None:
    searcher = builder().score_brute_force().build(docids=names)
    with pytest.raises(ValueError, match="Duplicates found in docids: 'x'"):
        searcher.upsert(["x", "x"], np.ones((2, 16)))
    assert searcher.size() == 800


def test_delete_without_docids_is_an_attribute_error(builder: Builder) -> None:
    searcher = builder().score_brute_force().build()
    with pytest.raises(ValueError, match="Cannot delete because docids have not been specified"):
        searcher.delete(["x"])
    with pytest.raises(ValueError, match="Cannot upsert because docids have not been specified"):
        searcher.upsert(["x"], np.ones(16))


def test_delete_of_some_that_are_not_there_deletes_the_others(builder: Builder, names: list[str]) -> None:
    searcher = builder().score_brute_force().build(docids=names)
    with pytest.raises(KeyError, match="Docid not found: 'x'"):
        searcher.delete(["row 1", "x"])
    with pytest.raises(ValueError, match="Duplicates"):
        searcher.delete(["row 1", "row 1"])
    assert searcher.docids == names
    assert searcher.size() == 800


def test_search_while_the_searcher_changes_is_unsafe(
    builder: Builder, rows: Matrix, names: list[str]
) -> None:
    # Every row is upserted under a name that tells which it is, so that a wrong one would show.
    searcher = builder("squared_l2").tree(10, 10).score_ah(2).reorder(100).build(docids=names)
    stop = threading.Event()
    wrong: list[Any] = []

    def search() -> None:
        while not stop.is_set():
            for place in range(0, 800, 97):
                for docid in searcher.search(rows[place], 1).index:
                    if docid is None or docid.split("/")[0] != f"row {place}":
                        wrong.append((place, docid))

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(60):
            place = 97 * (turn % 9)
            before = f"row {place}" if turn < 9 else f"row {place}/{turn - 9}"
            searcher.upsert([f"row {place}/{turn}"], rows[place])
            searcher.delete([before])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert searcher.size() == 800


# --- files -----------------------------------------------------------------------------------------------


def test_directory_that_was_moved_fails(
    builder: Builder, queries: Matrix, tmp_path: Path, names: list[str]
) -> None:
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build(docids=names)
    here = tmp_path / "here"
    here.mkdir()
    searcher.serialize(str(here))
    shutil.move(here, tmp_path / "there")
    again = scann.scann_ops_pybind.load_searcher(str(tmp_path / "there"))
    assert again.search_batched(queries).indices == searcher.search_batched(queries).indices


def test_relative_directory_is_looked_for_in_itself(
    builder: Builder, queries: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("idx")
    searcher = builder().score_ah(2).reorder(30).build()
    for relative in (False, True):
        searcher.serialize("idx", relative_path=relative)
        again = scann.scann_ops_pybind.load_searcher("idx")
        np.testing.assert_array_equal(
            again.search_batched(queries).indices, searcher.search_batched(queries).indices
        )


@pytest.mark.usefixtures("protobuf")
def test_pickle_is_executed_on_load(directories: Path, tmp_path: Path) -> None:
    folder = tmp_path / "searcher"
    shutil.copytree(directories / "scann" / "exact", folder)

    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "was executed"),)

    (folder / "scann_docids.pkl").write_bytes(pickle.dumps([Trap()]))
    with pytest.raises(ValueError, match="leafscan unpickles nothing"):
        scann.scann_ops_pybind.load_searcher(folder)
    assert not (tmp_path / "was executed").exists()


def test_stale_docids_stay(builder: Builder, rows: Matrix, tmp_path: Path, names: list[str]) -> None:
    builder().score_brute_force().build(docids=names).serialize(tmp_path)
    builder(db=rows[:9]).score_brute_force().build().serialize(tmp_path)
    again = scann.scann_ops_pybind.load_searcher(tmp_path)
    assert again.docids is None
    assert again.size() == 9
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("protobuf")
def test_load_rewrites_the_directory(directories: Path, tmp_path: Path) -> None:
    folder = tmp_path / "searcher"
    shutil.copytree(directories / "scann" / "tree-reordered", folder)
    (folder / "scann_assets.pbtxt").unlink()
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert scann.scann_ops_pybind.load_searcher(folder).size() == 160
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    with pytest.raises(ValueError, match=r"No scann_assets\.pbtxt found"):
        scann.scann_ops_pybind.load_searcher(folder, assets_backcompat_shim=False)


def test_write_that_breaks_off_leaves_parts_of_two(
    builder: Builder, rows: Matrix, tmp_path: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    builder().score_brute_force().build(docids=names).serialize(tmp_path)
    replace = os.replace
    for turn in range(9):
        # Each file is put in its place by a replacement; the process ends before the turn-th of them.
        placed: list[str] = []

        def break_off(source: Any, target: Any, placed: list[str] = placed, turn: int = turn) -> None:
            if len(placed) == turn:
                raise KeyboardInterrupt
            placed.append(Path(target).name)
            replace(source, target)

        monkeypatch.setattr(os, "replace", break_off)
        try:
            builder(db=rows[:9]).score_brute_force().build(docids=names[:9]).serialize(tmp_path)
            broke = False
        except KeyboardInterrupt:
            broke = True
        monkeypatch.undo()
        again = scann.scann_ops_pybind.load_searcher(tmp_path)
        assert again.size() == len(again.docids) == (800 if broke else 9)
        if not broke:
            assert placed[-1] == "leafscan-searcher.json"
            assert turn == len(placed) > 2
            return
    raise AssertionError("it was never written")


def test_no_version_is_written(builder: Builder, tmp_path: Path) -> None:
    builder().score_brute_force().build().serialize(tmp_path)
    manifest = tmp_path / "leafscan-searcher.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ValueError, match=r"it has the format 2, .* this one reads formats up to 1"):
        scann.scann_ops_pybind.load_searcher(tmp_path)


def test_damage_is_found_by_no_checksum(builder: Builder, tmp_path: Path, names: list[str]) -> None:
    builder().score_brute_force().build(docids=names).serialize(tmp_path)
    for file in list(tmp_path.iterdir()):
        whole = file.read_bytes()
        for damaged in (whole[:-1], whole[: len(whole) // 2], b"", whole[:100] + b"\0" + whole[101:]):
            file.write_bytes(damaged)
            with pytest.raises(ValueError, match=r"searcher|index|docids"):
                scann.scann_ops_pybind.load_searcher(tmp_path)
        file.write_bytes(whole)
    assert scann.scann_ops_pybind.load_searcher(tmp_path).size() == 800


# --- other -----------------------------------------------------------------------------------------------


def test_rebalance_of_compressed_only_indexes_is_impossible(builder: Builder, names: list[str]) -> None:
    searcher = builder().tree(10, 5).score_ah(2).build(docids=names)
    searcher.upsert(["x"], np.ones(16))
    for config in (None, builder().score_ah(2).create_config()):
        with pytest.raises(RuntimeError, match=r"configure reorder\(\.\.\.\)"):
            searcher.rebalance(config)
    assert searcher.size() == 801


def test_rebalance_is_a_full_retrain(
    builder: Builder, rows: Matrix, queries: Matrix, names: list[str]
) -> None:
    searcher = builder().tree(20, 20).score_ah(2).reorder(800).build(docids=names)
    before = searcher.search_batched(queries)
    assert searcher.rebalance() == 800
    after = searcher.search_batched(queries)
    assert after.indices == before.indices
    np.testing.assert_array_equal(after.distances, before.distances)
    # Another plan is trained in full when it is asked for.
    assert searcher.rebalance(builder().tree(30, 30).score_ah(2).reorder(800).create_config()) == 800
    assert searcher.index.config.tree.num_leaves == 30


def test_random_init_goes_by_a_hash_set_and_no_seed(builder: Builder, queries: Matrix) -> None:
    made = [
        builder().tree(20, 3, soar_lambda=1.5).score_ah(2).set_n_training_threads(threads).build()
        for threads in (1, 2, 1)
    ]
    first = made[0].search_batched(queries)
    for other in made[1:]:
        found = other.search_batched(queries)
        np.testing.assert_array_equal(found.indices, first.indices)
        np.testing.assert_array_equal(found.distances, first.distances)


def test_a_row_of_the_last_id_of_32_bits_is_no_padding() -> None:
    assert NONE.dtype == np.uint32
    assert int(NONE) == 2**32 - 1
    assert NONE.astype(np.int32) == -1


def test_searchers_are_not_pickled(builder: Builder, rows: Matrix) -> None:
    plain = builder().score_brute_force().build()
    tensors = scann.scann_ops.builder(rows, 3, "dot_product").score_brute_force().build()
    for searcher in (plain, tensors):
        for call in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"call serialize\(folder\)"):
                call(searcher)


@pytest.mark.usefixtures("protobuf")
def test_what_is_a_runtime_error_is_one_still(
    builder: Builder, rows: Matrix, names: list[str], tmp_path: Path
) -> None:
    searcher = builder().tree(10, 5).score_ah(2).reorder(30).build(docids=names)
    text = builder().tree(10, 5).score_ah(2).create_config()
    for call in (
        lambda: builder(k=0).score_brute_force().build(),
        lambda: builder(db=rows[:5]).tree(10, 5).score_ah(2).build(),
        lambda: scann.scann_ops_pybind.create_searcher(rows, "num_neighbors: 3"),
        lambda: scann.scann_ops_pybind.create_searcher(rows, text.replace("num_children", "nothing")),
        lambda: scann.scann_ops_pybind.create_searcher(rows * np.nan, text),
        lambda: searcher.search(rows[0], 0),
        lambda: searcher.search(rows[0, :3]),
        lambda: searcher.search_batched(rows[:, :3]),
        lambda: searcher.search(rows[0] * np.nan),
        lambda: searcher.upsert(["x"], rows[0, :3]),
        lambda: searcher.rebalance("nothing"),
        lambda: searcher.serialize(tmp_path / "nowhere"),
        lambda: scann.scann_ops_pybind.load_searcher(tmp_path),
    ):
        with pytest.raises(RuntimeError) as caught:
            call()
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, scann.ScannError)
        assert len(str(caught.value)) > 20


def test_positions_of_affinity_are_ignored_by_a_pool_of_its_own(builder: Builder) -> None:
    before = threading.active_count()
    for _ in range(3):
        builder().score_brute_force().build()
    assert threading.active_count() == before
