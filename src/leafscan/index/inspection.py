"""What is inside an index file, told without loading it."""

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from leafscan.index.config import Config
from leafscan.index.files import described

__all__ = ["FileSection", "FileSummary", "inspect"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSection:
    """One array of an index file.

    Parameters
    ----------
    name
        What it is called; docs/file-format.md says what each holds.
    dtype
        NumPy's name of its type. Rows in bfloat16 are uint16, by their bits.
    shape
        Its shape.
    nbytes
        The bytes that it takes, without what fills it up to a multiple of 64.
    sha256
        Of its bytes, in hexadecimal.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSummary:
    """What an index file says of itself.

    Parameters
    ----------
    path
        The file, as it was given.
    nbytes
        Its size.
    format
        The version of the file format.
    library
        The version of leafscan that wrote it.
    metric
        "dot_product", "cosine" or "squared_l2".
    rows, dim
        How many vectors of how many dimensions it holds.
    ids
        "positions", "integers" or "strings".
    seed
        The seed of the build.
    config
        The plan.
    sections
        The arrays, by name.
    """

    path: str
    nbytes: int
    format: int
    library: str
    metric: str
    rows: int
    dim: int
    ids: str
    seed: int
    config: Config
    sections: tuple[FileSection, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as a dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "config": self.config.to_dict()}


def inspect(path: str | os.PathLike[str]) -> FileSummary:
    """Tell what is inside an index file.

    The header is read and checked, and that each section is where it says. What the sections hold is not
    looked at: `leafscan.load` checks all that a search relies on, and `leafscan.verify` every byte.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    FileSummary
        Version, metric, sizes, plan and sections.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not an index of leafscan's, is damaged, or comes from a newer version.

    Examples
    --------
    >>> import leafscan, numpy as np, os, tempfile
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="cosine")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index.save(os.path.join(folder, "four.leafscan"))
    ...     inside = leafscan.inspect(os.path.join(folder, "four.leafscan"))
    >>> inside.format, inside.metric, inside.rows, inside.dim
    (1, 'cosine', 4, 4)
    >>> [(section.name, section.dtype, section.shape) for section in inside.sections]
    [('leaf_offsets', 'uint64', (2,)), ('order', 'uint32', (4,)), ('rows', 'float32', (4, 4))]
    """
    description, nbytes = described(path)
    sections = tuple(
        FileSection(
            name=name,
            dtype=entry["dtype"],
            shape=tuple(entry["shape"]),
            nbytes=int(np.prod(entry["shape"])) * np.dtype(entry["dtype"]).itemsize,
            sha256=entry["sha256"],
        )
        for name, entry in description["sections"].items()
    )
    said = {name: description[name] for name in ("format", "library", "metric", "rows", "dim", "ids", "seed")}
    return FileSummary(
        path=os.fspath(path),
        nbytes=nbytes,
        config=Config.from_dict(description["config"]),
        sections=sections,
        **said,
    )
