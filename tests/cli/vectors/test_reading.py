"""Every format gives the vectors and ids that went into it, or one sentence."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from leafscan.cli.failing import CommandError
from leafscan.cli.vectors import read_vectors

VECTORS = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32)
NAMES = [f"id {i}" for i in range(300)]
NUMBERS = np.arange(300, dtype=np.int64) * 3


def test_npy_is_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", VECTORS)
    read = read_vectors(tmp_path / "some.npy")
    assert isinstance(read.rows, np.memmap)
    assert np.array_equal(read.rows, VECTORS)
    assert read.ids is None
    assert read.name == ""


def test_npz_takes_the_array_that_can_be_vectors(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", names=np.array(NAMES), embedding=VECTORS, numbers=NUMBERS)
    read = read_vectors(tmp_path / "some.npz", ids="names")
    assert read.name == "embedding"
    assert np.array_equal(read.rows, VECTORS)
    assert np.array_equal(read.ids, NAMES)
    np.savez_compressed(tmp_path / "packed.npz", embedding=VECTORS)
    assert np.array_equal(read_vectors(tmp_path / "packed.npz").rows, VECTORS)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_safetensors(tmp_path: Path, dtype: str) -> None:
    vectors = (VECTORS * 20).astype(dtype)
    save_file({"embedding": vectors, "numbers": NUMBERS}, tmp_path / "some.safetensors")
    read = read_vectors(tmp_path / "some.safetensors", ids="numbers")
    assert read.rows.dtype == dtype
    assert np.array_equal(read.rows, vectors)
    assert np.array_equal(read.ids, NUMBERS)


def test_safetensors_of_bfloat16(tmp_path: Path) -> None:
    bits = (VECTORS.view(np.uint32) >> 16).astype(np.uint16)
    save_file({"embedding": bits}, tmp_path / "some.safetensors")
    path = tmp_path / "some.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"dtype":"U16"', b'"dtype":"BF16"').replace(b"} ", b"}", 1))
    rows = read_vectors(path).rows
    assert rows.dtype == np.float32
    assert np.abs(rows - VECTORS).max() < 0.02 * np.abs(VECTORS).max()
    assert np.array_equal(rows.view(np.uint32) >> 16, bits)


@pytest.mark.parametrize("ending", ["parquet", "feather", "arrow", "arrows"])
@pytest.mark.parametrize("kind", ["fixed", "lists", "large", "tensors", "halves"])
def test_columns(tmp_path: Path, ending: str, kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 7)
    column = {
        "fixed": fixed,
        "lists": pa.array(VECTORS.tolist(), pa.list_(pa.float32())),
        "large": pa.array(VECTORS.tolist(), pa.large_list(pa.float64())),
        "tensors": pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), [7]), fixed),
        "halves": pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.astype(np.float16).ravel()), 7),
    }[kind]
    table = pa.table({"name": pa.array(NAMES).dictionary_encode(), "number": NUMBERS, "embedding": column})
    path = tmp_path / f"some.{ending}"
    if ending == "parquet":
        from pyarrow import parquet

        parquet.write_table(table, path, row_group_size=128)
    elif ending == "feather":
        from pyarrow import feather

        feather.write_feather(table, path, chunksize=128)
    else:
        opened = pa.ipc.new_file if ending == "arrow" else pa.ipc.new_stream
        with opened(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=128)
    steps: list[tuple[str, int, int]] = []
    read = read_vectors(path, ids="name", progress=lambda *step: steps.append(step))
    assert read.name == "embedding"
    assert np.array_equal(read.rows, VECTORS.astype(np.float16) if kind == "halves" else VECTORS)
    assert list(read.ids or ()) == NAMES
    assert steps[-1] == (f"Reading some.{ending}", 300, 300)
    assert np.array_equal(read_vectors(path, ids="number").ids, NUMBERS)


def test_ids_of_another_file(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", VECTORS)
    np.save(tmp_path / "ids.npy", NUMBERS)
    (tmp_path / "ids.txt").write_text("\n".join(NAMES) + "\n")
    (tmp_path / "numbers.txt").write_text("\n".join(map(str, NUMBERS)))
    assert np.array_equal(read_vectors(tmp_path / "some.npy", ids=str(tmp_path / "ids.npy")).ids, NUMBERS)
    assert read_vectors(tmp_path / "some.npy", ids=str(tmp_path / "ids.txt")).ids == NAMES
    read = read_vectors(tmp_path / "some.npy", ids=str(tmp_path / "numbers.txt"))
    assert np.array_equal(read.ids, NUMBERS)


def _refused(path: Path, words: str, **how: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_vectors(path, **how)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_clear_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, users=VECTORS, items=VECTORS[:5], years=np.arange(3))
    _refused(path, "several arrays that may be vectors: 'users' (float32, 300 x 7), 'items' (float32, 5 x 7)")
    _refused(path, "has no array 'user'; it has 'users' (float32, 300 x 7), 'items'", key="user")
    _refused(path, "'years' of", key="years")
    _refused(path, "has 3 ids, and there are 300 vectors", key="users", ids="years")
    _refused(path, "must be integers or strings", key="users", ids="items")
    _refused(path, "has no such array, and there is no such file", key="users", ids="nowhere")
    assert len(read_vectors(path, key="items").rows) == 5
    np.savez(path, years=np.arange(3))
    _refused(path, "holds no vectors, which are real numbers in rows; it has 'years' (int64, 3)")
    np.savez(path)
    _refused(path, "it is empty")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"words\n",
        b"PK\x03\x04 damaged",
        b"\x93NUMPY damaged",
        b"PAR1 damaged",
        b"ARROW1 damaged",
        b"\xff\xff\xff\xff damaged",
        (40).to_bytes(8, "little") + b'{"a": damaged',
    ],
)
def test_what_is_foreign_or_damaged_gets_a_sentence(tmp_path: Path, content: bytes) -> None:
    if content.startswith((b"PAR1", b"ARROW1", b"\xff")):
        pytest.importorskip("pyarrow")
    (tmp_path / "some").write_bytes(content)
    with pytest.raises(CommandError, match="some"):
        read_vectors(tmp_path / "some")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "some.npy", np.array([[{}, {}]], dtype=object))
    with pytest.raises(CommandError, match=r"cannot be read as a \.npy file"):
        read_vectors(tmp_path / "some.npy")
    np.savez(tmp_path / "some.npz", ids=np.array(["x", None], dtype=object), vectors=VECTORS[:2])
    with pytest.raises(CommandError, match="cannot be read"):
        read_vectors(tmp_path / "some.npz", ids="ids")


def test_columns_that_are_no_vectors_are_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "some.parquet"
    for rows, words in (
        ([[1.0, 2.0], [1.0]], "has 1 numbers in row 1 and 2 in the first"),
        ([[1.0, 2.0], None], "has no vector in row 1"),
        ([[1.0, 2.0], [1.0, None]], "has a null in the vector of row 1"),
    ):
        parquet.write_table(pa.table({"v": pa.array(rows, pa.list_(pa.float32()))}), path)
        _refused(path, words)
    parquet.write_table(pa.table({"v": [[1.0]], "id": pa.array([None], pa.string()), "t": [1.5]}), path)
    _refused(path, "has no value in 1 rows", ids="id")
    _refused(path, "is double; ids must be integers or strings", ids="t")


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.delitem(sys.modules, "leafscan.cli.vectors.arrow_files", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "some.parquet").write_bytes(b"PAR1")
    _refused(
        tmp_path / "some.parquet", 'needs pyarrow, which is not installed; pip install "leafscan[arrow]"'
    )
