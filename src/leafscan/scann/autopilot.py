"""The plan that `autopilot` picks: leafscan's own, with room for more neighbours and smaller rows."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import AsymmetricHash, BruteForce, Config, Reorder
from leafscan.index.config.row_dtype import RowDtype
from leafscan.index.metric import check_metric
from leafscan.index.plan import resolve
from leafscan.scann import stanzas
from leafscan.scann.modes import ReorderType

__all__ = ["choose", "written"]

_DTYPES: dict[str, RowDtype] = {
    "UNKNOWN": "float32",
    "FLOAT32": "float32",
    "BFLOAT16": "bfloat16",
    "INT8": "int8",
}

#: Rows that are reordered for k neighbours are at least this times the square root of k, and twice k: ScaNN's
#: own rule, which leafscan's default of 300 keeps for ten.
CANDIDATES_PER_SQUARE_ROOT = 100

#: The share of the leaves that a query visits. ScaNN's autopilot scans a quarter and more of the rows; with
#: this share of leafscan's finer leaves recall is no lower than there (GloVe-100: .994), at more queries a
#: second all the same.
SEARCHED_SHARE = 0.15
#: And no more leaves than this: over a million rows (SIFT) these find .9993, ScaNN .998 at most; all of the
#: share, 600, find .9996, at fewer queries a second than scann-core.
MOST_SEARCHED = 360


def choose(rows: NDArray[np.float32], measure: str, num_neighbors: int, dtype: str) -> Config:
    """Pick a plan by the rows.

    Parameters
    ----------
    rows
        (n, d) float32; with none the plan is exact search.
    measure
        "dot_product" or "squared_l2".
    num_neighbors
        How many neighbours searches ask for.
    dtype
        What the rows are reordered by, as the proto calls it.

    Returns
    -------
    Config
        leafscan's default for these rows, made thorough: a larger share of the leaves, more candidates for
        more neighbours, and codes that see all dimensions where the default lets them see a part.

    Examples
    --------
    >>> choose(np.ones((1_000, 8), np.float32), "dot_product", 10, "BFLOAT16").score
    BruteForce(dtype='float32')
    """
    kept = _DTYPES[dtype]
    if not len(rows):
        return Config(score=BruteForce())
    config = resolve(None, rows, check_metric(measure))
    if not isinstance(config.score, AsymmetricHash) or config.reorder is None:
        # Few rows are searched in float32, as by ScaNN: smaller ones are for reordering.
        return dataclasses.replace(config, score=BruteForce())
    wanted = max(2 * num_neighbors, math.ceil(CANDIDATES_PER_SQUARE_ROOT * math.sqrt(num_neighbors)))
    search = dataclasses.replace(config.search, candidates=max(config.search.candidates or 0, wanted))
    if config.tree is not None and search.leaves is not None:
        share = min(math.ceil(SEARCHED_SHARE * config.tree.num_leaves), MOST_SEARCHED)
        leaves = max(search.leaves, share)
        search = dataclasses.replace(search, leaves=min(leaves, config.tree.num_leaves))
    score = dataclasses.replace(config.score, pca_dimensions=None)
    return dataclasses.replace(config, score=score, reorder=Reorder(dtype=kept), search=search)


def written(config: Config, measure: str, dim: int) -> dict[str, Any]:
    """Write a plan that `choose` picked as ScaNN's stanzas.

    Parameters
    ----------
    config
        The plan.
    measure
        "dot_product" or "squared_l2".
    dim
        The number of dimensions.

    Returns
    -------
    dict
        What a builder would have written that was told every number of it.

    Examples
    --------
    >>> written(Config(), "dot_product", 8)
    {'brute_force': {'fixed_point': {'enabled': False}}}
    """
    if isinstance(config.score, BruteForce):
        return {"brute_force": stanzas.brute_force(quantize=_kind(config.score.dtype))}
    parts: dict[str, Any] = {}
    tree, codes, search = config.tree, config.score, config.search
    if tree is not None:
        parts["partitioning"] = stanzas.partitioning(
            num_leaves=tree.num_leaves,
            num_leaves_to_search=search.leaves or tree.num_leaves,
            training_sample_size=tree.training_sample_size,
            min_partition_size=1.0,
            training_iterations=tree.training_iterations,
            spherical=bool(tree.spherical),
            quantize_centroids=True,
            random_init=True,
            incremental_threshold=None,
            avq=tree.avq_eta,
            soar_lambda=tree.soar_lambda,
            overretrieve_factor=None,
        )
        measured = {"distance_measure": stanzas.MEASURES[measure]}
        parts["partitioning"]["query_tokenization_distance_override"] = measured
    codes_stanza = stanzas.asymmetric_hash(
        dimensions_per_block=codes.dimensions_per_block,
        anisotropic_quantization_threshold=codes.anisotropic_quantization_threshold or math.nan,
        training_sample_size=codes.training_sample_size,
        hash_type="lut16" if codes.lookup_bits == 4 else "lut256",
        training_iterations=codes.training_iterations,
    )
    parts["hash"] = {
        "asymmetric_hash": stanzas.code_projection(
            codes_stanza, dim, projected=False, residual=tree is not None
        )
    }
    if config.reorder is not None and search.candidates is not None:
        parts["exact_reordering"] = stanzas.reordering(
            reordering_num_neighbors=search.candidates,
            quantize=_kind(config.reorder.dtype),
            anisotropic_quantization_threshold=math.nan,
        )
    return parts


def _kind(dtype: RowDtype) -> ReorderType:
    return ReorderType[dtype.upper()]
