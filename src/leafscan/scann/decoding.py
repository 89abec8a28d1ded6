"""ScaNN's codes, back to the rows that they stand for."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["decode"]


def decode(
    codes: NDArray[np.uint8],
    codebook: Mapping[str, Any],
    settings: Mapping[str, Any],
    partitioner: Mapping[str, Any] | None,
    tokens: NDArray[np.int32] | None,
    spilled: NDArray[np.uint8] | None = None,
) -> NDArray[np.float32]:
    """Decode rows.

    Parameters
    ----------
    codes
        (n, blocks), a codeword's number each.
    codebook
        A ``Codebook`` as `leafscan.scann.protos` reads it.
    settings
        The configuration.
    partitioner
        A ``Partitioner``, where there is a tree.
    tokens
        (n,) leaves, or with SOAR (2 n,), two for each row, the second of them -1 where there is none.
    spilled
        (n, blocks), with SOAR: the codes of the second listing.

    Returns
    -------
    ndarray of float32
        (n, d): what scores by these codes are the scores of. Of two listings ScaNN takes the mean score,
        which is the score of the mean.

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """
    words = [
        _vectors(subspace.get("center", []), "a codebook")
        for subspace in codebook.get("subspace_centers", [])
    ]
    decoded = _looked_up(codes, words)
    asked = settings.get("hash", {}).get("asymmetric_hash", {})
    # Without a tree ScaNN lets the flag count for nothing.
    if asked.get("use_residual_quantization", False) and "partitioning" in settings:
        if partitioner is None or tokens is None:
            raise ValueError("codes of differences to centroids need a tree")
        centroids = _centroids(partitioner, decoded.shape[1])
        first, second = _leaves(tokens, len(codes), len(centroids))
        decoded = decoded + centroids[first]
        if spilled is not None and second is not None:
            twice = np.flatnonzero(second >= 0)
            again = _looked_up(spilled[twice], words) + centroids[second[twice]]
            decoded[twice] = (decoded[twice] + again) / 2
    projection = settings.get("partitioning", {}).get("projection")
    if projection is not None and partitioner is not None:
        decoded = _unprojected(decoded, projection, partitioner)
    return np.ascontiguousarray(decoded, np.float32)


def _looked_up(codes: NDArray[np.uint8], words: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if len(words) != codes.shape[1]:
        raise ValueError(f"the codebook has {len(words)} blocks, the codes {codes.shape[1]}")
    for block, table in enumerate(words):
        if codes[:, block].max(initial=0) >= len(table):
            raise ValueError(f"a code of block {block} names a codeword that there is not")
    return np.concatenate([table[codes[:, block]] for block, table in enumerate(words)], axis=1)


def _vectors(listed: list[Mapping[str, Any]], name: str) -> NDArray[np.float32]:
    vectors = [vector.get("feature_value_float", np.empty(0, np.float32)) for vector in listed]
    if not vectors or len({len(vector) for vector in vectors}) != 1 or not len(vectors[0]):
        raise ValueError(f"{name} must hold vectors of one length")
    table = np.stack(vectors).astype(np.float32)
    if not np.all(np.isfinite(table)):
        raise ValueError(f"{name} holds NaN or infinity")
    return table


def _root(partitioner: Mapping[str, Any]) -> Mapping[str, Any]:
    root: Mapping[str, Any] = partitioner.get("kmeans", {}).get("kmeans_tree", {}).get("root", {})
    if any(child.get("centers") for child in root.get("children", [])):
        raise ValueError("the partitioner is a tree of more than one level")
    return root


def _centroids(partitioner: Mapping[str, Any], dim: int) -> NDArray[np.float32]:
    root = _root(partitioner)
    empty = np.empty(0, np.float32)
    centers = [
        center["dimension"] if len(center.get("dimension", empty)) else center.get("float_dimension", empty)
        for center in root.get("centers", [])
    ]
    if not centers or any(len(center) != dim for center in centers):
        raise ValueError(f"the partitioner must hold centroids of {dim} dimensions")
    leaves = [child.get("leaf_id", -1) for child in root.get("children", [])]
    if sorted(leaves) != list(range(len(centers))):
        raise ValueError("the partitioner must have a leaf for each centroid")
    ordered = np.empty((len(centers), dim), np.float32)
    ordered[leaves] = np.stack(centers)
    if not np.all(np.isfinite(ordered)):
        raise ValueError("the partitioner holds NaN or infinity")
    return ordered


def _leaves(
    tokens: NDArray[np.int32], n: int, leaves: int
) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
    if len(tokens) not in (n, 2 * n):
        raise ValueError(f"there are {len(tokens)} leaves for {n} rows")
    listed = tokens.reshape(n, -1)
    if listed[:, 0].min() < 0 or listed.min() < -1 or listed.max() >= leaves:
        raise ValueError(f"a row lies in a leaf that is not between 0 and {leaves - 1}")
    return listed[:, 0], listed[:, 1] if listed.shape[1] == 2 else None


def _unprojected(
    decoded: NDArray[np.float32], projection: Mapping[str, Any], partitioner: Mapping[str, Any]
) -> NDArray[np.float32]:
    dim = int(projection.get("input_dim", 0))
    seen = decoded.shape[1]
    if not seen <= dim <= 2**20:
        raise ValueError(f"a projection of {dim} dimensions cannot leave {seen}")
    if projection.get("projection_type") == "TRUNCATE":
        whole = np.zeros((len(decoded), dim), np.float32)
        whole[:, :seen] = decoded
        return whole
    directions = _vectors(
        partitioner.get("serialized_projection", {}).get("rotation_vec", []), "the stored projection"
    )
    if directions.shape != (seen, dim):
        raise ValueError(f"the stored projection has the shape {directions.shape}, not {(seen, dim)}")
    return decoded @ directions
