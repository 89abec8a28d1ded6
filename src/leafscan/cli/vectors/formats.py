"""Which format a file has, by its first bytes, and what can be asked of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from leafscan.cli.failing import CommandError, needs
from leafscan.cli.vectors.numpy_files import NpyFile, NpzFile
from leafscan.cli.vectors.safetensors_file import SafetensorsFile
from leafscan.index.progress import Progress

__all__ = ["Store", "open_store"]


class Store(Protocol):
    """A file that holds named arrays or columns."""

    @property
    def noun(self) -> str:
        """What it calls that which has a name: "array" or "column"."""

    @property
    def shapes(self) -> Mapping[str, str]:
        """Each name, and in a few words what it stands for."""

    @property
    def candidates(self) -> Sequence[str]:
        """The names of what may be vectors."""

    def vectors(self, name: str, progress: Progress | None) -> NDArray[Any]:
        """Return one of the candidates as (n, d) numbers."""

    def ids(self, name: str) -> NDArray[Any] | Sequence[str]:
        """Return one of the others as integers or strings."""


def open_store(path: Path) -> Store:
    """Tell the format of a file by its first bytes, and open it.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Store
        What is inside; vectors are read when they are asked for.

    Raises
    ------
    CommandError
        If it is of no format that is known here, damaged, or in need of a library that is not installed.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(16)
    if begin.startswith(b"\x93NUMPY"):
        return NpyFile(path)
    if begin.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return NpzFile(path)
    if begin.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        with needs(f"Reading {path}", "arrow"):
            from leafscan.cli.vectors.arrow_files import open_arrow

            return open_arrow(path, parquet=begin.startswith(b"PAR1"))
    if begin[8:9] == b"{":
        return SafetensorsFile(path)
    raise CommandError(
        f"{path} is none of the files that vectors are read from: .npy, .npz, Parquet, Arrow and safetensors."
    )
