"""Tensors of a safetensors file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from leafscan.cli.failing import CommandError
from leafscan.cli.vectors.numpy_files import as_id_list, described
from leafscan.index.progress import Progress

__all__ = ["SafetensorsFile"]

#: What NumPy can hold, and bfloat16, which is read by its bits.
_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
}


class SafetensorsFile:
    """Tensors by name."""

    noun = "array"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shapes: dict[str, str] = {}
        self.candidates: list[str] = []
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 (it is no mapping)
                    tensor = file.get_slice(name)
                    kind, shape = tensor.get_dtype(), tensor.get_shape()
                    self.shapes[name] = described(_TYPES.get(kind, kind), shape)
                    if kind in _TYPES and len(shape) == 2 and min(shape) > 0:
                        self.candidates.append(name)
        except SafetensorError as error:
            raise CommandError(f"{path} cannot be read as a safetensors file: {error}.") from error

    def vectors(self, name: str, progress: Progress | None) -> NDArray[Any]:
        """Map one tensor."""
        return self._tensor(name)

    def ids(self, name: str) -> NDArray[Any] | Sequence[str]:
        """Read one tensor of ids."""
        return as_id_list(np.array(self._tensor(name)), f"{name!r} of {self._path}")

    def _tensor(self, name: str) -> NDArray[Any]:
        # safe_open has checked the header; it would copy the tensor, and has no bfloat16 for NumPy.
        with self._path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            entry = json.loads(file.read(length))[name]
        begin = 8 + length + entry["data_offsets"][0]
        shape, kind = tuple(entry["shape"]), entry["dtype"]
        if kind not in _TYPES:
            raise CommandError(f"{name!r} of {self._path} holds {kind}, which is not read here.")
        stored = np.dtype("uint16" if kind == "BF16" else _TYPES[kind]).newbyteorder("<")
        if 0 in shape:
            return np.empty(shape, stored)
        tensor = np.memmap(self._path, dtype=stored, mode="r", offset=begin, shape=shape)
        if kind != "BF16":
            return tensor
        bits = tensor.astype(np.uint32)
        bits <<= 16
        return bits.view(np.float32)
