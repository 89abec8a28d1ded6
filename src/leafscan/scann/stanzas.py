"""What each of the builder's calls writes into ScaNN's configuration, checked as it is called."""

from typing import Any, SupportsFloat, SupportsIndex

from leafscan.scann.modes import IncrementalMode, ReorderType
from leafscan.scann.numbers import count, fraction, threshold

__all__ = [
    "MEASURES",
    "asymmetric_hash",
    "autopilot",
    "brute_force",
    "code_projection",
    "partitioning",
    "pca",
    "reordering",
    "truncation",
    "upper_tree",
]

_SQUARED_L2 = {"distance_measure": "SquaredL2Distance"}

#: ScaNN's two measures, as the builder and as the protos call them.
MEASURES = {"dot_product": "DotProductDistance", "squared_l2": "SquaredL2Distance"}

_HASH_TYPES = {"lut16": (16, "INT8_LUT16"), "lut256": (256, "INT8")}

_UPPER_QUANTIZATION = {
    ReorderType.FLOAT32: "FLOAT32",
    ReorderType.BFLOAT16: "BFLOAT16",
    ReorderType.INT8: "FIXED8",
}

#: ScaNN adds scores up in 16 bits across leaves only below this many blocks.
_GLOBAL_TOP_BLOCKS = 256


def partitioning(
    *,
    num_leaves: SupportsIndex,
    num_leaves_to_search: SupportsIndex,
    training_sample_size: SupportsIndex,
    min_partition_size: SupportsFloat,
    training_iterations: SupportsIndex,
    spherical: bool,
    quantize_centroids: bool,
    random_init: bool,
    incremental_threshold: SupportsIndex | float | None,
    avq: SupportsFloat | None,
    soar_lambda: SupportsFloat | None,
    overretrieve_factor: SupportsFloat | None,
) -> dict[str, Any]:
    """Write ``tree``; the builder adds the measure, the projection and the upper tree.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range; it is named.
    """
    leaves = count(num_leaves, "tree's num_leaves")
    stanza: dict[str, Any] = {
        "num_children": leaves,
        "min_cluster_size": threshold(min_partition_size, "tree's min_partition_size"),
        "max_clustering_iterations": count(training_iterations, "tree's training_iterations"),
        "single_machine_center_initialization": (
            "RANDOM_INITIALIZATION"
            if _flag(random_init, "tree's random_init")
            else "DEFAULT_KMEANS_PLUS_PLUS"
        ),
        "partitioning_distance": _SQUARED_L2,
        "query_spilling": {
            "spilling_type": "FIXED_NUMBER_OF_CENTERS",
            "max_spill_centers": count(num_leaves_to_search, "tree's num_leaves_to_search"),
        },
        "expected_sample_size": count(training_sample_size, "tree's training_sample_size"),
        "partitioning_type": "SPHERICAL" if _flag(spherical, "tree's spherical") else "GENERIC",
        "query_tokenization_type": (
            "FIXED_POINT_INT8" if _flag(quantize_centroids, "tree's quantize_centroids") else "FLOAT"
        ),
    }
    if incremental_threshold is not None:
        stanza["incremental_training_config"] = _incremental(incremental_threshold)
    if avq is not None:
        stanza["avq"] = threshold(avq, "tree's avq", low=1)
    if soar_lambda is not None:
        stanza["database_spilling"] = {
            "spilling_type": "TWO_CENTER_ORTHOGONALITY_AMPLIFIED",
            "orthogonality_amplification_lambda": threshold(soar_lambda, "tree's soar_lambda"),
        }
        if overretrieve_factor is not None:
            stanza["database_spilling"]["overretrieve_factor"] = threshold(
                overretrieve_factor, "tree's overretrieve_factor", low=1
            )
    return stanza


def upper_tree(
    *,
    num_leaves: SupportsIndex,
    num_leaves_to_search: SupportsIndex,
    avq: SupportsFloat,
    soar_lambda: SupportsFloat | None,
    overretrieve_factor: SupportsFloat | None,
    scoring_mode: ReorderType,
    anisotropic_quantization_threshold: SupportsFloat,
) -> dict[str, Any]:
    """Write ``upper_tree``, a part of the partitioning.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range; it is named.
    """
    mode = _reorder_type(scoring_mode, "upper_tree's scoring_mode")
    return {
        "enabled": True,
        "num_centroids": count(num_leaves, "upper_tree's num_leaves"),
        "num_centroids_to_search": count(num_leaves_to_search, "upper_tree's num_leaves_to_search"),
        "avq": threshold(avq, "upper_tree's avq", low=1),
        "soar": {
            "enabled": soar_lambda is not None,
            "lambda": threshold(soar_lambda or 1.5, "upper_tree's soar_lambda"),
            "overretrieve_factor": threshold(
                overretrieve_factor or 2.0, "upper_tree's overretrieve_factor", low=1
            ),
        },
        "quantization": _UPPER_QUANTIZATION[mode],
        "noise_shaping_threshold": threshold(
            anisotropic_quantization_threshold, "upper_tree's anisotropic_quantization_threshold"
        ),
    }


def pca(
    *,
    reduction_dim: SupportsIndex | None,
    pca_significance_threshold: SupportsFloat | None,
    pca_truncation_threshold: SupportsFloat | None,
) -> dict[str, Any]:
    """Write ``pca``: as many components as are given, else as many as carry the given share of the variance.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range, or neither number is given.
    """
    stanza: dict[str, Any] = {"projection_type": "PCA"}
    if reduction_dim is not None:
        return stanza | {"num_dims_per_block": count(reduction_dim, "pca's reduction_dim")}
    if pca_significance_threshold is None:
        raise ValueError(
            "pca needs reduction_dim, the number of components, or pca_significance_threshold, the share of "
            "the variance that they carry; received None for both."
        )
    stanza["pca_significance_threshold"] = fraction(
        pca_significance_threshold, "pca's pca_significance_threshold"
    )
    if pca_truncation_threshold is not None:
        stanza["pca_truncation_threshold"] = fraction(
            pca_truncation_threshold, "pca's pca_truncation_threshold"
        )
    return stanza


def truncation(*, reduction_dim: SupportsIndex) -> dict[str, Any]:
    """Write ``truncate``.

    Raises
    ------
    TypeError, ValueError
        If ``reduction_dim`` is not a whole number of at least 1.
    """
    return {
        "projection_type": "TRUNCATE",
        "num_dims_per_block": count(reduction_dim, "truncate's reduction_dim"),
    }


def asymmetric_hash(
    *,
    dimensions_per_block: SupportsIndex,
    anisotropic_quantization_threshold: SupportsFloat,
    training_sample_size: SupportsIndex,
    hash_type: str,
    training_iterations: SupportsIndex,
) -> dict[str, Any]:
    """Write ``score_ah``; the builder adds what depends on the dimensions and on other calls.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range; it is named.
    """
    if not isinstance(hash_type, str) or hash_type not in _HASH_TYPES:
        raise ValueError(f'score_ah\'s hash_type must be "lut16" or "lut256"; received {hash_type!r:.80}.')
    clusters, lookup = _HASH_TYPES[hash_type]
    return {
        "lookup_type": lookup,
        "quantization_distance": _SQUARED_L2,
        "num_clusters_per_block": clusters,
        "projection": {"num_dims_per_block": count(dimensions_per_block, "score_ah's dimensions_per_block")},
        "fixed_point_lut_conversion_options": {"float_to_int_conversion_method": "ROUND"},
        "noise_shaping_threshold": threshold(
            anisotropic_quantization_threshold, "score_ah's anisotropic_quantization_threshold"
        ),
        "expected_sample_size": count(training_sample_size, "score_ah's training_sample_size"),
        "max_clustering_iterations": count(training_iterations, "score_ah's training_iterations"),
    }


def code_projection(
    hash_stanza: dict[str, Any], dim: int, *, projected: bool, residual: bool
) -> dict[str, Any]:
    """Complete what `asymmetric_hash` wrote: how ``dim`` dimensions go into blocks.

    Parameters
    ----------
    hash_stanza
        What `asymmetric_hash` wrote.
    dim
        The number of dimensions of the rows.
    projected
        Whether a projection comes before, which decides about the dimensions.
    residual
        Whether codes stand for differences to centroids.
    """
    width = hash_stanza["projection"]["num_dims_per_block"]
    full, rest = divmod(dim, width)
    if projected:
        blocks: dict[str, Any] = {"projection_type": "CHUNK", "num_dims_per_block": width}
    elif rest == 0:
        blocks = {
            "input_dim": dim,
            "projection_type": "CHUNK",
            "num_blocks": full,
            "num_dims_per_block": width,
        }
    else:
        blocks = {
            "input_dim": dim,
            "projection_type": "VARIABLE_CHUNK",
            "variable_blocks": [
                {"num_blocks": number, "num_dims_per_block": dims}
                for number, dims in ((full, width), (1, rest))
                if number
            ],
        }
    top = residual and hash_stanza["num_clusters_per_block"] == 16 and full + bool(rest) <= _GLOBAL_TOP_BLOCKS
    return {
        **hash_stanza,
        "use_residual_quantization": residual,
        "use_global_topn": top,
        "projection": blocks,
    }


def brute_force(*, quantize: ReorderType | bool) -> dict[str, Any]:
    """Write ``score_brute_force``.

    Raises
    ------
    ValueError
        If ``quantize`` is no `ReorderType`.
    """
    kind = _reorder_type(quantize, "score_brute_force's quantize")
    part = "bfloat16" if kind is ReorderType.BFLOAT16 else "fixed_point"
    return {part: {"enabled": kind is not ReorderType.FLOAT32}}


def reordering(
    *,
    reordering_num_neighbors: SupportsIndex,
    quantize: ReorderType | bool,
    anisotropic_quantization_threshold: SupportsFloat,
) -> dict[str, Any]:
    """Write ``reorder``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind or out of range; it is named.
    """
    kind = _reorder_type(quantize, "reorder's quantize")
    part = "bfloat16" if kind is ReorderType.BFLOAT16 else "fixed_point"
    return {
        "approx_num_neighbors": count(reordering_num_neighbors, "reorder's reordering_num_neighbors"),
        part: {
            "enabled": kind is not ReorderType.FLOAT32,
            "noise_shaping_threshold": threshold(
                anisotropic_quantization_threshold, "reorder's anisotropic_quantization_threshold"
            ),
        },
    }


def autopilot(*, mode: IncrementalMode, quantize: ReorderType) -> dict[str, Any]:
    """Write ``autopilot``.

    Raises
    ------
    ValueError
        If ``mode`` is no `IncrementalMode` or ``quantize`` no `ReorderType`.
    """
    if not isinstance(mode, IncrementalMode):
        raise ValueError(
            "autopilot's mode must be an IncrementalMode, for example IncrementalMode.NONE; "
            f"received {mode!r:.80}."
        )
    kind = _reorder_type(quantize, "autopilot's quantize")
    return {"tree_ah": {"incremental_mode": mode.name, "reordering_dtype": kind.name}}


def _incremental(value: SupportsIndex | float) -> dict[str, Any]:
    name = "tree's incremental_threshold"
    if isinstance(value, float):
        return {"fraction": threshold(value, name)}
    return {"number_of_datapoints": count(value, name)}


def _flag(value: object, name: str) -> bool:
    if (
        not isinstance(value, (bool, int)) and type(value).__name__ != "bool"
    ):  # NumPy's bool has that name, too
        raise TypeError(f"{name} must be True or False; received {value!r:.80} ({type(value).__name__}).")
    return bool(value)


def _reorder_type(value: ReorderType | bool, name: str) -> ReorderType:
    if value is True:
        return ReorderType.INT8
    if value is False:
        return ReorderType.FLOAT32
    if not isinstance(value, ReorderType):
        raise ValueError(
            f"{name} must be a ReorderType, for example ReorderType.BFLOAT16; received {value!r:.80}."
        )
    return value
