"""Named arrays in one safetensors file, each at a multiple of 64 bytes so that it can be mapped and scanned.

safetensors packs arrays without a gap: wider types first, then by name. So each section that does not end on
a multiple of 64 bytes is followed by zeros of its own type, under its name and ``.padding``, which sorts next
to it; and the header is stretched by blanks at the end of our own entry, the one string of its metadata. (It
is one, since the library writes several in random order, and equal indexes shall give equal files.)
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscan.index.errors import FileFormatError

__all__ = ["ALIGNMENT", "TYPES", "map_arrays", "write_arrays"]

#: A cache line, and the width of the widest vector register.
ALIGNMENT = 64

#: The metadata entry that tells what the arrays are.
KEY = "leafscan"

#: Far more than our headers need; a larger length is damage, not a header.
MAX_HEADER = 1 << 20

PADDING = ".padding"

#: The types of sections in the order that safetensors gives them, widest first.
TYPES = {
    "U64": "<u8",
    "I64": "<i8",
    "F32": "<f4",
    "U32": "<u4",
    "U16": "<u2",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
}
_NAMES = {np.dtype(code): name for name, code in TYPES.items()}


class _Place(NamedTuple):
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], description: str) -> None:
    """Write ``arrays`` and what describes them to ``path``.

    Parameters
    ----------
    path
        The file, written anew.
    arrays
        C-ordered, of the types uint64, int64, float32, uint32, uint16, int16, int8 and uint8, none empty;
        names of small letters, digits and underscores.
    description
        ASCII text to which blanks may be appended.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # The library is needed here only: not importing it keeps `import leafscan` quick.
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    padded: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        padded[name] = array
        missing = -array.nbytes % ALIGNMENT
        if missing:
            padded[name + PADDING] = np.zeros(missing // array.itemsize, array.dtype)
    blanks = -(8 + len(_header(padded, description))) % ALIGNMENT
    try:
        save_file(padded, path, metadata={KEY: description + " " * blanks})
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def _header(arrays: Mapping[str, NDArray[Any]], description: str) -> str:
    """Return the header as safetensors writes it, before it fills up to 8 bytes."""
    order = list(TYPES)
    header: dict[str, Any] = {"__metadata__": {KEY: description}}
    end = 0
    for name, array in sorted(arrays.items(), key=lambda item: (order.index(_NAMES[item[1].dtype]), item[0])):
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    return json.dumps(header, separators=(",", ":"))


def map_arrays(path: Path) -> tuple[str, dict[str, NDArray[Any]]]:
    """Map the arrays of a file.

    Parameters
    ----------
    path
        A file that `write_arrays` wrote; whatever else it is, is told.

    Returns
    -------
    description : str
        What describes the arrays.
    arrays : dict of str to NDArray
        Read-only views of the mapped file, the padding among them.

    Raises
    ------
    FileFormatError
        If the header or a length, type or offset in it is wrong.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < 8:
            raise _foreign(path, "it is empty" if size == 0 else f"it has {size} bytes")
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= MAX_HEADER:
            raise _foreign(path, f"its header would have {length} bytes")
        start = 8 + length
        text = file.read(length)
        if len(text) < length:
            raise _foreign(path, f"its header should have {length} bytes and the file ends after {len(text)}")
        description, places = _parse(path, text)
        if not places:
            raise FileFormatError(f"{path}: the file holds no sections.")
        _check_places(path, places, start, size)
        # A plain array over the map: it keeps the map alive, and costs less to use than np.memmap itself.
        data = np.asarray(np.memmap(file, dtype=np.uint8, mode="r", shape=(size,)))
    return description, {
        name: data[start + place.begin : start + place.end].view(TYPES[place.dtype]).reshape(place.shape)
        for name, place in places.items()
    }


def _parse(path: Path, text: bytes) -> tuple[str, dict[str, _Place]]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise _foreign(path, f"its header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise _foreign(path, "its header is not a JSON object")
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get(KEY), str):
        raise _foreign(path, f'it has no "{KEY}" in its metadata')
    return metadata[KEY], {name: _place(path, name, entry) for name, entry in header.items()}


def _place(path: Path, name: str, entry: Any) -> _Place:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, name, "the header must give its dtype, shape and data_offsets, and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise _damaged(path, name, f"its dtype is {dtype!r:.20}, which no section has")
    if not _whole(shape) or not 1 <= len(shape) <= 3:
        raise _damaged(path, name, f"its shape is {shape!r:.80}")
    if not _whole(offsets) or len(offsets) != 2:
        raise _damaged(path, name, f"its data_offsets are {offsets!r:.80}")
    place = _Place(dtype, tuple(shape), *offsets)
    wanted = math.prod(shape) * np.dtype(TYPES[dtype]).itemsize
    if place.end - place.begin != wanted or wanted == 0:
        raise _damaged(
            path, name, f"{dtype} of the shape {shape} does not take the bytes {place.begin} to {place.end}"
        )
    return place


def _check_places(path: Path, places: Mapping[str, _Place], start: int, size: int) -> None:
    """Hold that the sections follow one another without a gap from the header to the end of the file."""
    end = 0
    for name, place in sorted(places.items(), key=lambda item: item[1].begin):
        if place.begin != end:
            raise _damaged(path, name, f"it begins at {place.begin}, where the one before it ends at {end}")
        if (start + place.begin) % ALIGNMENT and not name.endswith(PADDING):
            raise _damaged(path, name, f"it does not begin at a multiple of {ALIGNMENT} bytes")
        end = place.end
        if start + end > size:
            raise _damaged(path, name, f"it should end at byte {start + end} and the file ends at {size}")
    if start + end != size:
        raise FileFormatError(f"{path}: the sections end at byte {start + end} and the file at {size}.")


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(number) is int and number >= 0 for number in numbers)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _foreign(path: Path, why: str) -> FileFormatError:
    return FileFormatError(f"{path} is not a leafscan index: {why}.")


def _damaged(path: Path, name: str, why: str) -> FileFormatError:
    return FileFormatError(f"{path}: the section {name!r:.80} is damaged: {why}.")
