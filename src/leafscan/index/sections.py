"""What the engine takes on trust about its sections, checked where they come from a file.

The engine reads rows and codes of any value safely; what it uses as an index, a length or an offset is held
here to what it must be.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.contents import Contents
from leafscan.index.errors import FileFormatError
from leafscan.index.ids import StringIds

__all__ = ["check_contents"]

#: Points in a group of codes, and what the number of its blocks is a multiple of, by the bits of a code.
GROUP = 32
BLOCK_MULTIPLE = {4: 4, 8: 2}

#: The bytes of a block of such a group.
BLOCK_BYTES = {4: 16, 8: 32}

_DTYPES = {
    "order": np.uint32,
    "row_scales": np.float32,
    "first_row_scales": np.float32,
    "leaf_offsets": np.uint64,
    "centroids": np.float32,
    "routing_centroids": np.float32,
    "leaf_scales": np.float32,
    "leaf_biases": np.float32,
    "upper_centroids": np.float32,
    "upper_scales": np.float32,
    "upper_biases": np.float32,
    "upper_offsets": np.uint64,
    "stop_scales": np.float32,
    "center": np.float32,
    "projection": np.float32,
    "codebooks": np.float32,
    "codes": np.uint8,
    "terms": np.int16,
    "term_scale": np.float32,
    "live": np.uint32,
    "spill_offsets": np.uint64,
    "spill_rows": np.uint32,
    "spill_codes": np.uint8,
    "spill_terms": np.int16,
    "spill_live": np.uint32,
}

#: How many numbers say when a query has read enough leaves.
STOP_SCALES = 3

#: What stands for many rows, and mostly becomes integers when the index is opened.
_NUMBERS = (
    "row_scales",
    "first_row_scales",
    "center",
    "stop_scales",
    "centroids",
    "routing_centroids",
    "leaf_scales",
    "leaf_biases",
    "upper_centroids",
    "upper_scales",
    "upper_biases",
    "projection",
    "codebooks",
    "term_scale",
)


_ROW_DTYPES = {"float32": np.float32, "bfloat16": np.uint16, "int8": np.int8}


def check_contents(contents: Contents, n: int) -> None:
    """Hold the sections and ids of an index to its plan and to one another.

    Parameters
    ----------
    contents
        The index.
    n
        How many rows it should have.

    Raises
    ------
    FileFormatError
        Naming the first section that is missing, superfluous or wrong.
    """
    sections, config = contents.sections, contents.config
    _check_names(sections, config, l2=contents.metric == "squared_l2")
    _check_shape(sections, "order", (n,))
    leaves = 1 if config.tree is None else config.tree.num_leaves
    _check_offsets(sections, "leaf_offsets", n, leaves)
    _check_order(sections["order"], n)
    leaf_sizes: NDArray[np.int64] = np.diff(sections["leaf_offsets"]).astype(np.int64)
    for prefix in ("", "first_"):
        if f"{prefix}rows" in sections:
            _check_shape(sections, f"{prefix}rows", (n, contents.dim))
        if f"{prefix}row_scales" in sections:
            _check_shape(sections, f"{prefix}row_scales", (contents.dim,))
    for name in ("centroids", "routing_centroids"):
        if name in sections:
            _check_shape(sections, name, (len(leaf_sizes), contents.dim))
    if "stop_scales" in sections:
        _check_shape(sections, "stop_scales", (STOP_SCALES,))
        if (sections["stop_scales"] < 0).any():
            raise _wrong("stop_scales", "it holds a negative number")
    if "center" in sections:
        _check_shape(sections, "center", (contents.dim,))
    if "leaf_scales" in sections:
        _check_shape(sections, "leaf_scales", (len(leaf_sizes),))
        _check_shape(sections, "leaf_biases", (len(leaf_sizes),))
    if "upper_centroids" in sections:
        _check_upper(sections, contents.dim, len(leaf_sizes), config)
    if isinstance(config.score, AsymmetricHash):
        width = config.score.dimensions_per_block
        seen = config.score.pca_dimensions or contents.dim
        bits = config.score.lookup_bits
        blocks = -(-seen // width)
        padded = -(-blocks // BLOCK_MULTIPLE[bits]) * BLOCK_MULTIPLE[bits]
        group = (padded, BLOCK_BYTES[bits])
        if "projection" in sections:
            _check_shape(sections, "projection", (seen, contents.dim))
        _check_shape(sections, "codebooks", (blocks, 2**bits, width))
        _check_codes(sections, "", leaf_sizes, group)
    if "spill_offsets" in sections:
        _check_offsets(sections, "spill_offsets", n, len(leaf_sizes))
        spill_sizes: NDArray[np.int64] = np.diff(sections["spill_offsets"]).astype(np.int64)
        _check_codes(sections, "spill_", spill_sizes, group)
        _check_shape(sections, "spill_rows", (len(sections["spill_live"]), GROUP))
        if sections["spill_rows"].max() >= n:
            raise _wrong("spill_rows", f"each value must be below {n}")
    if "term_scale" in sections:
        _check_shape(sections, "term_scale", (1,))
    for name in _NUMBERS:
        if name in sections and not np.isfinite(sections[name]).all():
            raise _wrong(name, "it holds NaN or infinity")
    _check_ids(contents, n)


def _check_names(sections: Mapping[str, NDArray[Any]], config: Config, *, l2: bool) -> None:
    wanted = ["order", "leaf_offsets"]
    codes = config.score if isinstance(config.score, AsymmetricHash) else None
    first = None if config.reorder is None else config.reorder.first_dtype
    rows = {"": config.row_dtype, "first_": first}
    for prefix, dtype in rows.items():
        if dtype is not None:
            wanted.append(f"{prefix}rows")
        if dtype == "int8":
            wanted.append(f"{prefix}row_scales")
    if config.tree is not None:
        wanted.append("centroids")
        if not l2:
            wanted += ["leaf_scales", "leaf_biases"]
        if config.tree.upper_leaves is not None:
            wanted += ["upper_centroids", "upper_offsets"]
            if not l2:
                wanted += ["upper_scales", "upper_biases"]
        if config.tree.avq_eta is not None and config.tree.avq_eta > 1:
            wanted.append("routing_centroids")
    if l2 and (codes or config.tree is not None):
        wanted.append("center")
    if codes:
        if codes.pca_dimensions is not None:
            wanted.append("projection")
        spills = config.tree is not None and config.tree.soar_lambda is not None
        wanted += ["codebooks", "term_scale"] if l2 else ["codebooks"]
        for prefix in ("", "spill_") if spills else ("",):
            wanted += [f"{prefix}codes", f"{prefix}live"]
            if l2:
                wanted.append(f"{prefix}terms")
        if spills:
            wanted += ["spill_offsets", "spill_rows"]
    for name in wanted:
        if name not in sections:
            raise _wrong(name, "it is missing")
    if codes and config.tree is not None:
        wanted.append("stop_scales")  # which files of older versions lack
    for name, section in sections.items():
        if name not in wanted:
            raise _wrong(name, "the plan of the index has no such section")
        kept = rows[name.removesuffix("rows")] if name in ("rows", "first_rows") else None
        kind = _ROW_DTYPES[kept] if kept else _DTYPES[name]
        if section.dtype != kind:
            raise _wrong(name, f"it must hold {np.dtype(kind)} and holds {section.dtype}")


def _check_shape(sections: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> None:
    if sections[name].shape != shape:
        raise _wrong(name, f"its shape must be {shape} and is {sections[name].shape}")


def _check_offsets(sections: Mapping[str, NDArray[Any]], name: str, n: int, leaves: int) -> None:
    _check_shape(sections, name, (leaves + 1,))
    offsets = sections[name]
    if offsets[0] != 0 or offsets[-1] != n or (offsets[1:] < offsets[:-1]).any():
        raise _wrong(name, f"its values must rise from 0 to {n}")


def _check_upper(sections: Mapping[str, NDArray[Any]], dim: int, leaves: int, config: Config) -> None:
    upper = (config.tree.upper_leaves if config.tree is not None else None) or 0
    _check_shape(sections, "upper_centroids", (upper, dim))
    _check_offsets(sections, "upper_offsets", leaves, upper)
    if "upper_scales" in sections:
        _check_shape(sections, "upper_scales", (upper,))
        _check_shape(sections, "upper_biases", (upper,))


def _check_codes(
    sections: Mapping[str, NDArray[Any]], prefix: str, leaf_sizes: NDArray[np.int64], group: tuple[int, int]
) -> None:
    groups = int((-(-leaf_sizes // GROUP)).sum())
    _check_shape(sections, f"{prefix}codes", (groups, *group))
    if f"{prefix}terms" in sections:
        _check_shape(sections, f"{prefix}terms", (groups, GROUP))
    _check_live(sections, f"{prefix}live", leaf_sizes, groups)


def _check_order(order: NDArray[np.uint32], n: int) -> None:
    if order.max() >= n or not (np.bincount(order, minlength=n) == 1).all():
        raise _wrong("order", f"it must hold each number from 0 to {n - 1} once")


def _check_live(
    sections: Mapping[str, NDArray[Any]], name: str, leaf_sizes: NDArray[np.int64], groups: int
) -> None:
    # A bit too many would stand for a row that is not there.
    _check_shape(sections, name, (groups,))
    wanted = np.full(groups, 0xFFFFFFFF, np.uint32)
    last = np.cumsum(-(-leaf_sizes // GROUP)) - 1
    part = leaf_sizes % GROUP
    partial = part > 0
    wanted[last[partial]] = ((1 << part[partial]) - 1).astype(np.uint32)
    if not np.array_equal(sections[name], wanted):
        raise _wrong(name, "its bits do not mark the points that the leaves hold")


def _check_ids(contents: Contents, n: int) -> None:
    ids = contents.ids
    if isinstance(ids, StringIds):
        offsets = ids.offsets
        if offsets.shape != (n + 1,):
            raise _wrong("id_offsets", f"its shape must be ({n + 1},) and is {offsets.shape}")
        if offsets[0] != 0 or offsets[-1] != len(ids.data) or (offsets[1:] <= offsets[:-1]).any():
            raise _wrong("id_offsets", f"its values must rise from 0 to {len(ids.data)} at every step")
        # A character of several bytes goes on with bytes of the form 10xxxxxx: no id may begin with one.
        if ((ids.data[offsets[:-1]] & 0xC0) == 0x80).any():
            raise _wrong("id_offsets", "an id begins inside a character")
        try:
            str(ids.data.data, "utf-8")
        except UnicodeDecodeError as error:
            raise _wrong("ids", f"it is not UTF-8 at byte {error.start}") from error
        # NumPy's strings end before trailing NULs: such an id would come out as another one, or as none.
        if not ids.data.all():
            raise _wrong("ids", "an id holds a NUL character")
    elif ids is not None:
        if ids.shape != (n,):
            raise _wrong("ids", f"its shape must be ({n},) and is {ids.shape}")
        if ids.min() < 0:
            raise _wrong("ids", "it holds a negative id")


def _wrong(name: str, why: str) -> FileFormatError:
    return FileFormatError(f"the section {name!r} is wrong: {why}")
