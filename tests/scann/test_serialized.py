"""A searcher goes to a folder and back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import FileFormatError, scann
from leafscan.scann.scann_ops_pybind import load_searcher
from leafscan.scann.serialized import MANIFEST

Matrix = NDArray[np.float32]
Builder = Callable[..., scann.ScannBuilder]


@pytest.mark.parametrize("docids", [None, "strings", "numbers", "numpy"])
def test_what_was_written_is_read(
    builder: Builder, queries: Matrix, names: list[str], tmp_path: Path, docids: str | None
) -> None:
    given: Any = {None: None, "strings": names, "numbers": list(range(5, 805)), "numpy": np.arange(800)}[
        docids
    ]
    searcher = builder("squared_l2", 7).tree(20, 5).score_ah(2).reorder(50).build(docids=given)
    searcher.serialize(tmp_path)
    again = load_searcher(tmp_path)
    for found, wanted in zip(again.search_batched(queries), searcher.search_batched(queries), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert again.config() == searcher.config()
    assert again.docids == searcher.docids
    assert again.size() == 800


def test_a_searcher_of_no_rows_is_read(tmp_path: Path) -> None:
    db = np.empty((0, 5), np.float32)
    scann.scann_ops_pybind.builder(db, 3, "dot_product").score_brute_force().build(docids=[]).serialize(
        tmp_path
    )
    again = load_searcher(str(tmp_path))
    assert again.size() == 0
    assert again.docids == []
    assert again.search(np.ones(5)).index == []
    again.upsert(["a"], np.ones(5))
    assert again.search(np.ones(5)).index == ["a"]


def test_docids_that_would_need_pickle_are_refused(builder: Builder, tmp_path: Path) -> None:
    searcher = builder().score_brute_force().build(docids=[("row", i) for i in range(800)])
    with pytest.raises(TypeError, match="docids must be strings or whole numbers to be serialized"):
        searcher.serialize(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_must_be_there(builder: Builder, tmp_path: Path) -> None:
    searcher = builder().score_brute_force().build()
    with pytest.raises(RuntimeError, match="artifacts_dir must be a folder that is there"):
        searcher.serialize(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is not a directory"):
        load_searcher(tmp_path / "nowhere")
    with pytest.raises(RuntimeError, match="holds no searcher"):
        load_searcher(tmp_path)


def changed(told: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**told, **fields}


@pytest.mark.parametrize(
    "change",
    [
        lambda told: changed(told, format=2),
        lambda told: changed(told, format="1"),
        lambda told: changed(told, rows=799),
        lambda told: changed(told, dimensions=15),
        lambda told: changed(told, index=None),
        lambda told: changed(told, index="../" * 21 + "x"),
        lambda told: changed(told, docids=told["index"]),
        lambda told: changed(told, settings={}),
        lambda told: changed(told, settings=[1]),
        lambda told: changed(told, extra=1),
        lambda told: [told],
    ],
)
def test_manifests_that_say_something_else_are_refused(
    builder: Builder, tmp_path: Path, names: list[str], change: Any
) -> None:
    builder().score_brute_force().build(docids=names).serialize(tmp_path)
    told = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(change(told)))
    with pytest.raises(FileFormatError, match=r"leafscan-searcher\.json"):
        load_searcher(tmp_path)


def test_a_failed_write_leaves_what_was_there(
    builder: Builder, rows: Matrix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder().score_brute_force().build().serialize(tmp_path)

    def fail(*_: Any, **__: Any) -> str:
        raise OSError("the disk is full")

    monkeypatch.setattr("leafscan.scann.serialized.json.dumps", fail)
    with pytest.raises(OSError, match="full"):
        builder(db=rows[:5]).score_brute_force().build().serialize(tmp_path)
    monkeypatch.undo()
    assert load_searcher(tmp_path).size() == 800
