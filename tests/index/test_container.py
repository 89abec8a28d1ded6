import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from leafscan import FileFormatError
from leafscan.index.container import ALIGNMENT, KEY, MAX_HEADER, PADDING, map_arrays, write_arrays

ARRAYS: dict[str, NDArray[Any]] = {
    "order": np.arange(5, dtype=np.uint32),
    "rows": np.arange(15, dtype=np.float32).reshape(5, 3),
    "leaf_offsets": np.array([0, 2, 5], np.uint64),
    "ids": np.arange(8, dtype=np.int64),
    "id_offsets": np.arange(3, dtype=np.uint64),
    "codes": np.arange(3, dtype=np.uint8),
    "halves": np.arange(6, dtype=np.uint16).reshape(2, 3),
    "levels": np.arange(-3, 4, dtype=np.int8),
    "codebooks": np.ones((2, 16, 2), np.float32),
    "terms": np.full((1, 32), -3, np.int16),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_arrays(
        tmp_path / "file", ARRAYS, '{"hello": "\\"wörld\\""}'.encode("ascii", "backslashreplace").decode()
    )
    return tmp_path / "file"


def parts(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def rewrite(path: Path, header: Any, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def test_arrays_come_back_mapped(path: Path) -> None:
    description, arrays = map_arrays(path)
    assert description.startswith('{"hello"')
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        assert not arrays[name].flags.writeable
        assert not arrays[name].flags.owndata
        assert type(arrays[name]) is np.ndarray


@pytest.mark.parametrize("blanks", range(0, 64, 3))
def test_sections_begin_at_multiples_of_64(tmp_path: Path, blanks: int) -> None:
    write_arrays(tmp_path / "file", ARRAYS, "x" * blanks)
    header, data = parts(tmp_path / "file")
    start = (tmp_path / "file").stat().st_size - len(data)
    assert start % ALIGNMENT == 0
    del header["__metadata__"]
    assert {name for name in header if not name.endswith(PADDING)} == set(ARRAYS)
    for name, entry in header.items():
        if not name.endswith(PADDING):
            assert entry["data_offsets"][0] % ALIGNMENT == 0
    _, arrays = map_arrays(tmp_path / "file")
    assert all(arrays[name].ctypes.data % ALIGNMENT == 0 for name in ARRAYS)


def test_the_library_reads_it(path: Path) -> None:
    loaded = load_file(path)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name], array)
    with safe_open(path, framework="np") as file:
        assert set(file.metadata()) == {KEY}


def test_equal_arrays_give_equal_files(tmp_path: Path) -> None:
    for turn in range(3):
        write_arrays(tmp_path / str(turn), dict(reversed(ARRAYS.items())) if turn else ARRAYS, "same")
    assert len({(tmp_path / str(turn)).read_bytes() for turn in range(3)}) == 1


def test_a_file_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        write_arrays(tmp_path / "none" / "file", ARRAYS, "")


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        map_arrays(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"short", "it has 5 bytes"),
        (b"PK\x03\x04" + bytes(100), "its header would have"),
        ((MAX_HEADER + 1).to_bytes(8, "little") + bytes(100), "its header would have 1048577 bytes"),
        ((2**64 - 1).to_bytes(8, "little") + bytes(100), "its header would have"),
        ((1).to_bytes(8, "little") + b"{", "its header would have 1 bytes"),
        ((99).to_bytes(8, "little") + b"{}", "should have 99 bytes and the file ends after 2"),
        ((4).to_bytes(8, "little") + b"\xff\xfe{}", "its header is not JSON"),
        ((2).to_bytes(8, "little") + b"[]", "its header is not a JSON object"),
        ((2).to_bytes(8, "little") + b"{}", 'it has no "leafscan" in its metadata'),
        ((20000).to_bytes(8, "little") + b"[" * 20000, "its header is not JSON"),
        ((15).to_bytes(8, "little") + b'{"a":1,"a":  2}', "a name is there twice"),
        ((18).to_bytes(8, "little") + b'{"__metadata__":3}', 'it has no "leafscan"'),
    ],
)
def test_foreign_files_are_told_apart(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FileFormatError, match=f"file is not a leafscan index: .*{sentence}"):
        map_arrays(tmp_path / "file")


def test_safetensors_of_others_are_foreign(tmp_path: Path) -> None:
    save_file({"weight": np.ones((3, 3), np.float32)}, tmp_path / "file", metadata={"format": "np"})
    with pytest.raises(FileFormatError, match="is not a leafscan index"):
        map_arrays(tmp_path / "file")


def change(name: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda header: header[name].update(values)


def swap_types(header: dict[str, Any]) -> None:
    header["rows"]["surprise"] = 1


@pytest.mark.parametrize(
    ("damage", "section", "sentence"),
    [
        (change("rows", dtype="F64"), "rows", "its dtype is 'F64'"),
        (change("rows", dtype=4), "rows", "its dtype is 4"),
        (change("rows", shape=[5, 4]), "rows", "does not take the bytes"),
        (change("rows", shape=[2**62, 2**62, 16]), "rows", "does not take the bytes"),
        (change("rows", shape=[-5, -3]), "rows", "its shape is"),
        (change("rows", shape=[5.0, 3]), "rows", "its shape is"),
        (change("rows", shape=[True, 15]), "rows", "its shape is"),
        (change("rows", shape=[]), "rows", "its shape is"),
        (change("rows", shape=[1, 5, 3, 1]), "rows", "its shape is"),
        (change("rows", shape="5"), "rows", "its shape is"),
        (change("rows", shape=[0, 3], data_offsets=[0, 0]), "rows", "does not take the bytes"),
        (change("rows", data_offsets=[0]), "rows", "its data_offsets are"),
        (change("rows", data_offsets=[-60, 0]), "rows", "its data_offsets are"),
        (change("rows", data_offsets=[60, 0]), "rows", "does not take the bytes"),
        (change("rows", data_offsets=[2**63, 2**63 + 60]), ".*", "it begins at"),
        (change("rows", data_offsets=[0, 60]), ".*", "it begins at"),
        (swap_types, "rows", "the header must give its dtype, shape and data_offsets, and nothing else"),
        (lambda header: header.update(extra=3), "extra", "the header must give"),
        (lambda header: header.pop("rows"), ".*", "it begins at"),
    ],
)
def test_damage_names_the_section(
    path: Path, damage: Callable[[dict[str, Any]], Any], section: str, sentence: str
) -> None:
    header, data = parts(path)
    damage(header)
    rewrite(path, header, data)
    with pytest.raises(FileFormatError, match=f"the section '{section}' is damaged: .*{sentence}"):
        map_arrays(path)


def test_sections_out_of_line_are_damage(path: Path) -> None:
    header, data = parts(path)
    text = json.dumps(header).encode()
    text += b" " * (8 - (8 + len(text)) % ALIGNMENT)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    with pytest.raises(FileFormatError, match="it does not begin at a multiple of 64 bytes"):
        map_arrays(path)


def test_no_sections_are_damage(path: Path) -> None:
    header, _ = parts(path)
    rewrite(path, {"__metadata__": header["__metadata__"]}, b"")
    with pytest.raises(FileFormatError, match="the file holds no sections"):
        map_arrays(path)


def test_a_file_cut_or_lengthened_is_damage(path: Path) -> None:
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            map_arrays(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(FileFormatError, match="the sections end at byte"):
        map_arrays(path)
