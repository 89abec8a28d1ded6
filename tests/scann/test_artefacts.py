"""Folders that scann 1.4.2 and scann-core 0.2.1 serialised are read, docids included."""

import contextlib
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscan import FileFormatError
from leafscan.scann.scann_ops_pybind import load_searcher

pytestmark = pytest.mark.usefixtures("protobuf")

DIRECTORIES = Path(__file__).parent / "directories"
#: Whose rows are others than those of all the rest.
APART = {"codes-256", "empty", "updated"}
CASES = sorted(
    f"{place.parent.name}/{place.name}"
    for place in DIRECTORIES.glob("*/*")
    if place.is_dir() and place.name not in APART
)
LEAVES = 4


@pytest.mark.parametrize("case", CASES)
def test_they_answer_as_the_library_that_wrote_them(case: str) -> None:
    library, name = case.split("/")
    expected = np.load(DIRECTORIES / library / "expected.npz")
    searcher = load_searcher(DIRECTORIES / case)
    assert searcher.size() == 160
    leaves = LEAVES if searcher.index.config.tree else None
    found, distances = searcher.search_batched(expected["queries"], leaves_to_search=leaves)
    theirs = expected[f"{name} ids"]
    same = np.mean([len(set(map(str, a)) & set(map(str, b))) / 5 for a, b in zip(found, theirs, strict=True)])
    # Of codes alone ScaNN's scores are those of 8-bit tables, leafscan's those of the decoded rows.
    exact = name in (
        "exact",
        "exact-bfloat16",
        "tree-exact",
        "tree-exact-int8",
        "tree-exact-bfloat16",
        "autopilot",
        "relative",
    )
    assert same >= (1.0 if exact else 0.8)
    if exact:
        np.testing.assert_allclose(distances, expected[f"{name} distances"], rtol=1e-4, atol=1e-4)
    rows, queries = expected["rows"].astype(np.float64), expected["queries"].astype(np.float64)
    scores = -queries @ rows.T
    if searcher.index.metric == "squared_l2":
        scores = np.square(queries[:, None] - rows).sum(axis=2)
    near = np.argsort(scores, axis=1)[:, :5]
    names = searcher.docids or list(range(160))

    def recall(ids: Any) -> float:
        return float(
            np.mean(
                [
                    len(set(map(str, a)) & {str(names[i]) for i in b}) / 5
                    for a, b in zip(ids, near, strict=True)
                ]
            )
        )

    # Scores of decoded rows are ScaNN's without the rounding of its tables.
    assert recall(found) >= recall(theirs) - 0.05


def test_docids_come_along() -> None:
    assert load_searcher(DIRECTORIES / "scann" / "exact").docids == [f"row {i}" for i in range(160)]
    assert load_searcher(DIRECTORIES / "scann" / "tree-exact").docids == [3 * i for i in range(160)]
    assert load_searcher(DIRECTORIES / "scann" / "codes").docids is None


def test_docids_of_numpy_and_tuples_come_along() -> None:
    names = [f"row {i}" for i in range(160)]
    assert load_searcher(DIRECTORIES / "scann" / "tree-codes-uneven").docids == names  # a tuple
    assert load_searcher(DIRECTORIES / "scann" / "codes-residual").docids == names  # an array
    numbers = load_searcher(DIRECTORIES / "scann" / "relative").docids  # a list of NumPy's integers
    assert numbers == [3 * i for i in range(160)]
    assert {type(number) for number in numbers} == {int}


def test_a_folder_of_no_rows_is_read() -> None:
    searcher = load_searcher(DIRECTORIES / "scann" / "empty")
    assert searcher.size() == 0
    assert searcher.docids == []
    searcher.upsert(["a"], np.ones(8))
    assert searcher.search(np.ones(8)).index == ["a"]


def test_what_was_updated_before_is_read() -> None:
    expected = np.load(DIRECTORIES / "scann" / "expected.npz")
    searcher = load_searcher(DIRECTORIES / "scann" / "updated")
    assert searcher.size() == 159
    assert {"new", "newer", "row 5"} <= set(searcher.docids)
    assert not {"row 3", "row 17", "row 159"} & set(searcher.docids)
    rows = expected["rows"]
    assert searcher.search(rows[9], 1, leaves_to_search=LEAVES).index == ["newer"]
    assert searcher.search(rows[7], 1, leaves_to_search=LEAVES).index == ["row 5"]
    found = searcher.search_batched(expected["queries"], leaves_to_search=LEAVES).indices
    theirs = expected["updated ids"]
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found, theirs, strict=True)]) >= 0.9


def test_codes_of_a_byte_are_read() -> None:
    expected = np.load(DIRECTORIES / "scann" / "expected.npz")
    searcher = load_searcher(DIRECTORIES / "scann" / "codes-256")
    assert searcher.size() == 320
    found = searcher.search_batched(expected["queries"]).indices
    theirs = expected["codes-256 ids"]
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found, theirs, strict=True)]) >= 0.9


def test_they_are_written_anew_as_leafscans(tmp_path: Path) -> None:
    theirs = load_searcher(DIRECTORIES / "scann" / "soar-codes")
    theirs.serialize(tmp_path)
    again = load_searcher(tmp_path)
    queries = np.load(DIRECTORIES / "scann" / "expected.npz")["queries"]
    np.testing.assert_array_equal(
        again.search_batched(queries).indices, theirs.search_batched(queries).indices
    )


@pytest.fixture
def copied(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path / "searcher"
    shutil.copytree(DIRECTORIES / "scann" / request.param, folder)
    return folder


@pytest.mark.parametrize(
    "copied", ["soar-codes", "tree-codes-pca", "tree-reordered", "exact-int8"], indirect=True
)
def test_a_file_that_is_cut_short_or_missing_is_named(copied: Path) -> None:
    for file in sorted(copied.iterdir()):
        whole = file.read_bytes()
        optional = file.name in ("scann_assets.pbtxt", "scann_docids.pkl", "dp_norms.npy")
        for damaged in (whole[: len(whole) // 2], b"", b"\xff" * len(whole)):
            file.write_bytes(damaged)
            # Cut where a field ends a proto is one still, and not every file is needed for the rows: what is
            # loaded then is whole in itself.
            with contextlib.suppress(ValueError):
                assert load_searcher(copied).size() == 160
        file.unlink()
        if not optional:
            with pytest.raises(ValueError, match=f"{file.name}|searcher|missing"):
                load_searcher(copied)
        file.write_bytes(whole)


@pytest.mark.parametrize("copied", ["tree-codes"], indirect=True)
def test_values_that_would_lead_astray_are_refused(copied: Path) -> None:
    def put(name: str, change: Any) -> None:
        array = np.load(copied / name)
        np.save(copied / name, change(array))

    cases: list[tuple[str, Any, str]] = [
        ("hashed_dataset.npy", lambda a: a + 16, "names a codeword that there is not"),
        ("hashed_dataset.npy", lambda a: a[:, :3], "blocks"),
        ("hashed_dataset.npy", lambda a: a.astype(np.int32), "must hold uint8"),
        ("hashed_dataset.npy", lambda a: a.ravel(), "in 2 dimensions"),
        ("hashed_dataset.npy", lambda a: a[:0], "must hold uint8"),
        ("datapoint_to_token.npy", lambda a: a + 4, "a leaf that is not between 0 and 3"),
        ("datapoint_to_token.npy", lambda a: -a - 1, "a leaf that is not between 0 and 3"),
        ("datapoint_to_token.npy", lambda a: a[:100], "there are 100 leaves for 160 rows"),
    ]
    for name, change, told in cases:
        whole = (copied / name).read_bytes()
        put(name, change)
        with pytest.raises(FileFormatError, match=told):
            load_searcher(copied)
        (copied / name).write_bytes(whole)
    (copied / "scann_docids.pkl").write_bytes(pickle.dumps(["a", "b"]))
    with pytest.raises(FileFormatError, match="it holds 2 docids, but there are 160 rows"):
        load_searcher(copied)
    (copied / "scann_docids.pkl").write_bytes(pickle.dumps(["a"] * 160))
    with pytest.raises(FileFormatError, match="Duplicates"):
        load_searcher(copied)


@pytest.mark.parametrize("copied", ["tree-reordered"], indirect=True)
def test_assets_lead_to_no_other_file(copied: Path) -> None:
    assets = copied / "scann_assets.pbtxt"
    text = assets.read_text()
    for wrong, told in (
        (text.replace("/elsewhere/dataset.npy", "/etc/passwd"), "the asset DATASET_NPY must be dataset.npy"),
        (text.replace("DATASET_NPY", "DATASETS"), "Asset"),
        (text.replace("asset_type", "kind"), 'no field named "kind"'),
    ):
        assets.write_text(wrong)
        with pytest.raises(FileFormatError, match=told):
            load_searcher(copied)
    assets.write_text(text)
    np.save(copied / "dataset.npy", np.array([[{}] * 8] * 160), allow_pickle=True)
    with pytest.raises(FileFormatError, match="it is no array that NumPy reads"):
        load_searcher(copied)
    np.save(copied / "dataset.npy", np.full((160, 8), np.nan, np.float32))
    with pytest.raises(FileFormatError, match="NaN"):
        load_searcher(copied)
