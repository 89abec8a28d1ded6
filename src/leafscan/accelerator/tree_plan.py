"""An index' leaves, codes and rows as arrays on the device, laid out for a search of a fixed size."""

from __future__ import annotations

import dataclasses
import functools
import os
import tempfile
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from leafscan.index import AsymmetricHash, Index
from leafscan.index.contents import Contents
from leafscan.index.files import read
from leafscan.index.metric import Metric

__all__ = ["DeviceTree", "Listing", "Rows", "device_tree"]

#: Points of a group of codes.
POINTS = 32


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["codes", "live", "terms", "rows", "counts", "begins"],
    meta_fields=["budget"],
)
@dataclasses.dataclass(frozen=True)
class Listing:
    """Points by leaf, in groups of 32: each row once, or what SOAR lists a second time.

    Attributes
    ----------
    codes
        (groups, padded blocks, 16 or 32) uint8, as the index holds them.
    live
        (groups,) uint32: bit j is set where point j is there.
    terms
        (groups, 32) float32 with squared_l2: what is taken off a point's score.
    rows
        (groups, 32) int32: each point's row.
    counts, begins
        (leaves,) int32: how many groups a leaf has, and its first.
    budget
        The most groups that the leaves of a query can have.
    """

    codes: jax.Array
    live: jax.Array
    terms: jax.Array | None
    rows: jax.Array
    counts: jax.Array
    begins: jax.Array
    budget: int


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["values", "scales", "order"], meta_fields=["dtype"]
)
@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows that candidates are scored by.

    Attributes
    ----------
    values
        (n, d) in ``dtype``.
    scales
        (d,) float32 of int8 rows.
    order
        (n,) int32: each row's position among the vectors that the index was given.
    dtype
        "float32", "bfloat16" or "int8".
    """

    values: jax.Array
    scales: jax.Array | None
    order: jax.Array
    dtype: str


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "centroids",
        "routing",
        "leaf_scales",
        "leaf_biases",
        "center",
        "projection",
        "codebooks",
        "listings",
        "rows",
    ],
    meta_fields=["metric", "leaves", "candidates"],
)
@dataclasses.dataclass(frozen=True)
class DeviceTree:
    """An index on the device, as `device_tree` makes it; a pytree, so that it passes through jit.

    Attributes
    ----------
    centroids, routing
        (leaves, d) float32: what residuals are seen from, and what queries are routed by.
    leaf_scales, leaf_biases
        (leaves,) float32, with dot products: a leaf's score is ``scale * <q, centroid> + bias * |q|``.
    center
        (d,) float32, with squared_l2: what centroids and codes take off.
    projection
        (e, d) float32 where codes see principal components.
    codebooks
        (blocks, words, width) float32.
    listings
        The points by leaf, and with SOAR those of their second leaves.
    rows
        What candidates are scored by.
    metric
        As of the index.
    leaves, candidates
        How many leaves a query visits, and how many rows are scored.
    """

    centroids: jax.Array
    routing: jax.Array
    leaf_scales: jax.Array | None
    leaf_biases: jax.Array | None
    center: jax.Array | None
    projection: jax.Array | None
    codebooks: jax.Array
    listings: tuple[Listing, ...]
    rows: Rows
    metric: Metric
    leaves: int
    candidates: int


def device_tree(index: Index, *, leaves: int | None = None, candidates: int | None = None) -> DeviceTree:
    """Put an index on JAX's default device, to be searched by `tree_top_k`.

    The index is read as it would be saved, so that what was deleted is gone; later changes of it do not reach
    the device. An index that reorders in two stages is reordered by its full rows alone, and upper leaves are
    passed over: all leaves are scored.

    Parameters
    ----------
    index
        With a tree, codes and rows.
    leaves
        How many leaves a query visits; by default as ``index.config.search`` says. It is settled here, since
        it decides the size of the arrays that a search takes.
    candidates
        How many rows are scored again; by default as ``index.config.search`` says.

    Returns
    -------
    DeviceTree
        The arrays.

    Raises
    ------
    ValueError
        If the index has no tree, no codes or no rows, or there are not so many leaves.

    Examples
    --------
    >>> import numpy as np
    >>> import leafscan
    >>> from leafscan.accelerator import device_tree, tree_top_k
    >>> vectors = np.random.default_rng(0).standard_normal((2_000, 16), dtype=np.float32)
    >>> config = leafscan.Config(
    ...     tree=leafscan.Tree(num_leaves=20), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
    ... )
    >>> tree = device_tree(leafscan.build(vectors, metric="cosine", config=config), leaves=10)
    >>> tree_top_k(vectors[:3], tree, k=5).positions[:, 0].tolist()
    [0, 1, 2]
    """
    config = index.config
    if config.tree is None or not isinstance(config.score, AsymmetricHash) or config.row_dtype is None:
        raise ValueError(
            "index must have a tree, codes and rows to be searched as a tree on the device: exact_top_k "
            "searches its vectors without."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "index.leafscan")
        index.save(path)
        contents = read(path, memory=True)
    leaves = config.search.leaves if leaves is None else leaves
    candidates = config.search.candidates if candidates is None else candidates
    if leaves is None or not 1 <= leaves <= config.tree.num_leaves:
        raise ValueError(f"leaves must be from 1 to {config.tree.num_leaves}; received {leaves!r}.")
    if candidates is None or candidates < 1:
        raise ValueError(f"candidates must be at least 1; received {candidates!r}.")
    sections = contents.sections

    def there(name: str) -> jax.Array | None:
        return jnp.asarray(sections[name]) if name in sections else None

    centroids = jnp.asarray(sections["centroids"])
    routing = there("routing_centroids")
    listings = [_listing(contents, "", leaves)]
    if "spill_codes" in sections:
        listings.append(_listing(contents, "spill_", leaves))
    values = jnp.asarray(sections["rows"])
    if config.row_dtype == "bfloat16":
        values = jax.lax.bitcast_convert_type(values, jnp.bfloat16)
    return DeviceTree(
        centroids=centroids,
        routing=centroids if routing is None else routing,
        leaf_scales=there("leaf_scales"),
        leaf_biases=there("leaf_biases"),
        center=there("center"),
        projection=there("projection"),
        codebooks=jnp.asarray(sections["codebooks"]),
        listings=tuple(listings),
        rows=Rows(
            values=values,
            scales=there("row_scales"),
            order=jnp.asarray(sections["order"].astype(np.int32)),
            dtype=config.row_dtype,
        ),
        metric=contents.metric,
        leaves=leaves,
        candidates=min(candidates, len(sections["order"])),
    )


def _listing(contents: Contents, prefix: str, leaves: int) -> Listing:
    sections = contents.sections
    offsets = sections["spill_offsets" if prefix else "leaf_offsets"].astype(np.int64)
    sizes: NDArray[np.int64] = np.diff(offsets)
    counts: NDArray[np.int64] = -(-sizes // POINTS)
    begins = np.cumsum(counts) - counts
    if prefix:
        rows = sections["spill_rows"].astype(np.int32)
    else:
        # A leaf's rows follow one another; its last group may be short.
        leaf_of = np.repeat(np.arange(len(counts)), counts)
        first = offsets[:-1][leaf_of] + POINTS * (np.arange(counts.sum()) - begins[leaf_of])
        rows = np.minimum(first[:, None] + np.arange(POINTS), offsets[-1] - 1).astype(np.int32)
    terms: Any = sections.get(f"{prefix}terms")
    if terms is not None:
        terms = jnp.asarray(terms.astype(np.float32) * sections["term_scale"][0])
    return Listing(
        codes=jnp.asarray(sections[f"{prefix}codes"]),
        live=jnp.asarray(sections[f"{prefix}live"]),
        terms=terms,
        rows=jnp.asarray(rows),
        counts=jnp.asarray(counts.astype(np.int32)),
        begins=jnp.asarray(begins.astype(np.int32)),
        budget=int(np.sort(counts)[-leaves:].sum()),
    )
