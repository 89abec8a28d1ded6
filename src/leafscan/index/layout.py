"""What sections an index will have, and how many bytes they take, before it is built.

Every shape follows from the plan but one: how many groups of 32 points the leaves are filled up to. That is
taken from leaves whose sizes are spread as those of k-means are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.config.row_dtype import BYTES
from leafscan.index.container import ALIGNMENT
from leafscan.index.metric import Metric
from leafscan.index.sections import BLOCK_BYTES, BLOCK_MULTIPLE, GROUP

__all__ = ["IdKind", "Section", "expected_groups", "expected_nbytes", "expected_sections", "file_bytes"]

#: Names of the rows: none kept, int64, or strings of so many bytes of UTF-8 on average.
IdKind: TypeAlias = Literal["positions", "integers"] | float

#: Sizes of leaves are spread log-normally by so much: .3 to .6 on the packaged sets. Of SOAR's second
#: leaves by more.
SPREAD = 0.45
SECOND_SPREAD = 0.6

#: So many quantiles stand for the sizes.
QUANTILES = 512

#: The header of a file: what it holds whatever the plan, and for each section its
#: entry, its padding's, and its part of the description, with a SHA-256.
HEADER, HEADER_PER_SECTION = 640, 290


@dataclass(frozen=True, slots=True)
class Section:
    """One array that there will be."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Its bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def expected_groups(n: int, leaves: int, spread: float = SPREAD) -> int:
    """Return how many groups of 32 points hold n points in so many leaves.

    Examples
    --------
    >>> expected_groups(1_000, 1), expected_groups(100_000, 1_000)
    (32, 3609)
    """
    if leaves == 1:
        return -(-n // GROUP)
    normal = NormalDist()
    points = np.array([normal.inv_cdf((i + 0.5) / QUANTILES) for i in range(QUANTILES)])
    sizes = np.exp(spread * points)
    sizes *= n / leaves / sizes.mean()
    return max(-(-n // GROUP), round(leaves * float(np.ceil(sizes.round() / GROUP).mean())))


def expected_sections(
    n: int,
    dim: int,
    metric: Metric,
    config: Config,
    ids: IdKind = "positions",
    padding: Mapping[str, float] | None = None,
) -> dict[str, Section]:
    """Return the sections, and the arrays of the ids, by name.

    Parameters
    ----------
    n, dim
        How many rows of how many dimensions.
    metric
        "dot_product", "cosine" or "squared_l2".
    config
        A resolved plan.
    ids
        "positions", "integers", or the mean bytes of a string.
    padding
        How many groups to a leaf were seen in leaves of as many points, by the prefix of the listing; None
        goes by sizes of leaves as they mostly are.
    """
    tree, score, reorder = config.tree, config.score, config.reorder
    codes = score if isinstance(score, AsymmetricHash) else None
    l2 = metric == "squared_l2"
    leaves = 1 if tree is None else tree.num_leaves
    found = {"order": Section("uint32", (n,)), "leaf_offsets": Section("uint64", (leaves + 1,))}
    first = None if reorder is None else reorder.first_dtype
    for prefix, dtype in (("", config.row_dtype), ("first_", first)):
        if dtype is not None:
            kept = {"float32": "float32", "bfloat16": "uint16", "int8": "int8"}[dtype]
            assert np.dtype(kept).itemsize == BYTES[dtype]
            found[f"{prefix}rows"] = Section(kept, (n, dim))
        if dtype == "int8":
            found[f"{prefix}row_scales"] = Section("float32", (dim,))
    if tree is not None:
        found["centroids"] = Section("float32", (leaves, dim))
        if tree.avq_eta is not None and tree.avq_eta > 1:
            found["routing_centroids"] = Section("float32", (leaves, dim))
        if not l2:
            found["leaf_scales"] = found["leaf_biases"] = Section("float32", (leaves,))
        if tree.upper_leaves is not None:
            upper = tree.upper_leaves
            found["upper_centroids"] = Section("float32", (upper, dim))
            found["upper_offsets"] = Section("uint64", (upper + 1,))
            if not l2:
                found["upper_scales"] = found["upper_biases"] = Section("float32", (upper,))
    if tree is not None and codes is not None:
        found["stop_scales"] = Section("float32", (3,))
    if l2 and (codes is not None or tree is not None):
        found["center"] = Section("float32", (dim,))
    if codes is not None:
        found |= _code_sections(
            n, dim, l2, leaves, codes, tree is not None and tree.soar_lambda is not None, padding or {}
        )
    if ids == "integers":
        found["ids"] = Section("int64", (n,))
    elif not isinstance(ids, str):
        found["ids"] = Section("uint8", (round(n * ids),))
        found["id_offsets"] = Section("uint64", (n + 1,))
    return found


def expected_nbytes(config: Config, n: int, dim: int, metric: Metric) -> int:
    """Return about how many bytes the sections of a plan will take, without ids.

    Examples
    --------
    >>> expected_nbytes(Config(), 1_000, 16, "cosine")
    68016
    """
    return sum(section.nbytes for section in expected_sections(n, dim, metric, config).values())


def _code_sections(
    n: int, dim: int, l2: bool, leaves: int, codes: AsymmetricHash, soar: bool, padding: Mapping[str, float]
) -> dict[str, Section]:
    bits = codes.lookup_bits
    seen = codes.pca_dimensions or dim
    blocks = -(-seen // codes.dimensions_per_block)
    padded = -(-blocks // BLOCK_MULTIPLE[bits]) * BLOCK_MULTIPLE[bits]
    found = {"codebooks": Section("float32", (blocks, 2**bits, codes.dimensions_per_block))}
    if codes.pca_dimensions is not None:
        found["projection"] = Section("float32", (seen, dim))
    if l2:
        found["term_scale"] = Section("float32", (1,))

    def groups_of(prefix: str, spread: float) -> int:
        seen = padding.get(prefix)
        return expected_groups(n, leaves, spread) if seen is None else round(leaves * seen)

    listings = [("", groups_of("", SPREAD))]
    if soar:
        groups = groups_of("spill_", SECOND_SPREAD)
        listings.append(("spill_", groups))
        found["spill_offsets"] = Section("uint64", (leaves + 1,))
        found["spill_rows"] = Section("uint32", (groups, GROUP))
    for prefix, groups in listings:
        found[f"{prefix}codes"] = Section("uint8", (groups, padded, BLOCK_BYTES[bits]))
        found[f"{prefix}live"] = Section("uint32", (groups,))
        if l2:
            found[f"{prefix}terms"] = Section("int16", (groups, GROUP))
    return found


def file_bytes(sections: Mapping[str, Section]) -> int:
    """Return the bytes of the file: sections at multiples of 64 bytes behind a header."""
    padded = sum(-(-section.nbytes // ALIGNMENT) * ALIGNMENT for section in sections.values())
    return padded + HEADER + HEADER_PER_SECTION * len(sections)
