"""NumPy's own files: one array, which is mapped, or several in a ZIP archive."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.failing import CommandError
from leafscan.index.progress import Progress

__all__ = ["NpyFile", "NpzFile", "as_id_list", "described", "is_vectors"]


def is_vectors(dtype: np.dtype[Any], shape: Sequence[int]) -> bool:
    """Return whether an array may be vectors: real numbers in rows."""
    return len(shape) == 2 and dtype.kind in "fiu" and min(shape) > 0


def described(dtype: np.dtype[Any] | str, shape: Sequence[int]) -> str:
    """Tell type and shape.

    Examples
    --------
    >>> described(np.dtype(np.float32), (1000, 3))
    'float32, 1,000 x 3'
    """
    size = " x ".join(f"{length:,}" for length in shape) if shape else "one value"
    return f"{dtype}, {size}"


def as_id_list(array: NDArray[Any], where: str) -> NDArray[Any] | Sequence[str]:
    """Return an array as ids.

    Raises
    ------
    CommandError
        If it is not (n,) integers or strings.
    """
    if array.ndim == 1 and array.dtype.kind in "iuU":
        return array
    if array.ndim == 1 and array.dtype.kind == "S":
        try:
            return [one.decode() for one in array.tolist()]
        except UnicodeDecodeError as error:
            raise CommandError(f"The ids in {where} are bytes that are not UTF-8.") from error
    raise CommandError(
        f"The ids in {where} must be integers or strings, one a vector; received "
        f"{described(array.dtype, array.shape)}."
    )


class NpyFile:
    """One array without a name, mapped."""

    noun = "array"

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise CommandError(f"{path} cannot be read as a .npy file: {error}.") from error
        self.shapes = {"": described(self._array.dtype, self._array.shape)}
        self.candidates = [""] if is_vectors(self._array.dtype, self._array.shape) else []

    def vectors(self, name: str, progress: Progress | None) -> NDArray[Any]:
        """Return the array."""
        return self._array

    def ids(self, name: str) -> NDArray[Any] | Sequence[str]:
        """Return the array as ids."""
        return as_id_list(np.array(self._array), str(self._path))


class NpzFile:
    """Arrays by name; only what is asked for is unpacked."""

    noun = "array"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shapes: dict[str, str] = {}
        self.candidates: list[str] = []
        self._members: dict[str, str] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    if member.endswith(".npy"):
                        self._look(archive, member)
        except (zipfile.BadZipFile, ValueError, EOFError) as error:
            raise CommandError(f"{path} cannot be read as a .npz file: {error}.") from error

    def _look(self, archive: zipfile.ZipFile, member: str) -> None:
        name = member.removesuffix(".npy")
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else _header_2_0
            shape, _, dtype = read(file)
        self.shapes[name] = described(dtype, shape)
        self._members[name] = member
        if is_vectors(dtype, shape):
            self.candidates.append(name)

    def vectors(self, name: str, progress: Progress | None) -> NDArray[Any]:
        """Unpack one array."""
        if progress is not None:
            progress(f"Reading {self._path.name}", 0, 0)
        return self._array(name)

    def ids(self, name: str) -> NDArray[Any] | Sequence[str]:
        """Unpack one array of ids."""
        return as_id_list(self._array(name), f"{name!r} of {self._path}")

    def _array(self, name: str) -> NDArray[Any]:
        try:
            with np.load(self._path, allow_pickle=False) as arrays:
                array: NDArray[Any] = arrays[name]
        except (zipfile.BadZipFile, ValueError, EOFError) as error:
            raise CommandError(f"{name!r} of {self._path} cannot be read: {error}.") from error
        return array


def _header_2_0(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    return np.lib.format.read_array_header_2_0(file)
