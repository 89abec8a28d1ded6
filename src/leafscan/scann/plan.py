"""From ScaNN's configuration to leafscan's plan."""

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree
from leafscan.index.config.row_dtype import BYTES, RowDtype
from leafscan.index.projection import components_for
from leafscan.scann import autopilot
from leafscan.scann.config_text import ConfigText, Settings
from leafscan.scann.numbers import count, threshold
from leafscan.scann.protos import read_text
from leafscan.scann.reduction import without_reduction
from leafscan.scann.stanzas import MEASURES

__all__ = ["Plan", "plan", "settings_of"]

_MEASURES = {proto: measure for measure, proto in MEASURES.items()}

#: Rows count as of length 1 where none of a sample is farther from it than this.
_UNIT = 1e-3

#: As many rows as tell whether all are of length 1.
_SAMPLE = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a configuration asks for.

    Parameters
    ----------
    num_neighbors
        How many neighbours a search returns when it does not say.
    measure
        "dot_product" or "squared_l2".
    config
        leafscan's plan for the rows it was made for, its `SearchParams` the searches' defaults.
    listings
        In how many leaves ScaNN lists a row that leafscan lists in one: with that many times as many leaves a
        search sees as much.
    """

    num_neighbors: int
    measure: str
    config: Config
    listings: int = 1


def settings_of(scann_config: str) -> Settings:
    """Return what a text proto says.

    Raises
    ------
    TypeError, ValueError
        If it is none that leafscan can follow.
    """
    if isinstance(scann_config, ConfigText):
        return scann_config.settings
    return without_reduction(read_text("ScannConfig", scann_config, "scann_config"))


def plan(settings: Settings, rows: NDArray[np.float32]) -> Plan:
    """Make leafscan's plan of ScaNN's configuration.

    Parameters
    ----------
    settings
        What the configuration says.
    rows
        (n, d) float32. With none, the plan is checked as far as that goes.

    Raises
    ------
    TypeError, ValueError
        If a value is out of range, or parts do not go together.
    """
    neighbors = settings.get("num_neighbors")
    if neighbors is None:
        raise ValueError("scann_config must set num_neighbors.")
    neighbors = count(neighbors, "num_neighbors")
    measure = _measure(settings.get("distance_measure", {}), "distance_measure")
    if "autopilot" in settings:
        asked = settings["autopilot"].get("tree_ah", {})
        config = autopilot.choose(rows, measure, neighbors, asked.get("reordering_dtype", "FLOAT32"))
        return Plan(num_neighbors=neighbors, measure=measure, config=config)
    scores = [name for name in ("hash", "brute_force") if name in settings]
    if len(scores) != 1:
        raise ValueError(
            "scann_config must have exactly one of hash and brute_force; "
            f"it has {' and '.join(scores) or 'neither'}."
        )
    tree, leaves, upper = _tree(settings.get("partitioning"), measure, rows)
    reorder = settings.get("exact_reordering")
    listings = 1
    if scores == ["brute_force"]:
        if tree is not None and leaves is not None and tree.soar_lambda is not None:
            # Second leaves hold codes; exact scores have none, so that rows are listed once.
            listings = 2
            leaves = min(listings * leaves, tree.num_leaves)
            tree = dataclasses.replace(tree, soar_lambda=None)
        config = _exact(settings["brute_force"], reorder, tree, leaves, upper)
    else:
        projection = settings.get("partitioning", {}).get("projection")
        codes = _codes(settings["hash"], projection, measure, rows)
        config = _by_codes(codes, reorder, measure, tree, leaves, upper)
    return Plan(num_neighbors=neighbors, measure=measure, config=config, listings=listings)


def _measure(stanza: Mapping[str, Any], name: str) -> str:
    told = stanza.get("distance_measure")
    if told not in _MEASURES:
        raise ValueError(
            f'{name} must be "DotProductDistance" or "SquaredL2Distance"; received {told!r:.80}. '
            "For cosines, scale rows and queries to length 1 and take the dot product."
        )
    return _MEASURES[told]


def _tree(
    stanza: Mapping[str, Any] | None, measure: str, rows: NDArray[np.float32]
) -> tuple[Tree | None, int | None, int | None]:
    """Return the tree, and how many leaves and upper leaves a query visits."""
    if stanza is None:
        return None, None, None
    for name, wanted in (
        ("partitioning_distance", "squared_l2"),
        ("query_tokenization_distance_override", measure),
    ):
        if name in stanza and _measure(stanza[name], name) != wanted:
            raise ValueError(f"{name} must be {MEASURES[wanted]!r} here; received {stanza[name]!r:.80}.")
    leaves = count(stanza.get("num_children", 0), "num_children")
    searched = count(stanza.get("query_spilling", {}).get("max_spill_centers", 0), "max_spill_centers")
    n = len(rows)
    if n and leaves > n:
        raise ValueError(
            f"tree's num_leaves must be at most the number of rows; received {leaves} leaves for {n} rows."
        )
    if leaves == 1:
        return None, None, None  # What lies in one leaf is not partitioned.
    searched = min(searched, leaves)
    spilling = stanza.get("database_spilling", {})
    soar = None
    if spilling.get("spilling_type", "NO_SPILLING") != "NO_SPILLING":
        _for_dot_products(measure, "database_spilling (SOAR)")
        soar = spilling.get("orthogonality_amplification_lambda", 1.5)
    avq = _unless_nan(stanza.get("avq"))
    if avq is not None:
        _for_dot_products(measure, "avq")
    upper, upper_searched = _upper(stanza.get("bottom_up_top_level_partitioner", {}), leaves)
    spherical = (
        stanza.get("partitioning_type") == "SPHERICAL" and measure == "dot_product" and _of_length_1(rows)
    )
    tree = Tree(
        num_leaves=leaves,
        training_sample_size=max(
            leaves, count(stanza.get("expected_sample_size", 100_000), "expected_sample_size")
        ),
        training_iterations=count(stanza.get("max_clustering_iterations", 10), "max_clustering_iterations"),
        soar_lambda=soar,
        upper_leaves=upper,
        spherical=spherical,
        avq_eta=avq,
    )
    return tree, searched, upper_searched


def _upper(stanza: Mapping[str, Any], leaves: int) -> tuple[int | None, int | None]:
    if not stanza.get("enabled", False):
        return None, None
    upper = count(stanza.get("num_centroids", 0), "upper_tree's num_leaves")
    searched = count(stanza.get("num_centroids_to_search", 0), "upper_tree's num_leaves_to_search")
    if upper > leaves:
        raise ValueError(
            f"upper_tree's num_leaves must be at most the tree's {leaves} leaves, which it groups; "
            f"received {upper}."
        )
    if upper == 1:
        return None, None  # One group of all leaves is none.
    return upper, min(searched, upper)


def _codes(
    stanza: Mapping[str, Any], projection: Mapping[str, Any] | None, measure: str, rows: NDArray[np.float32]
) -> AsymmetricHash:
    codes = stanza.get("asymmetric_hash", {})
    if "quantization_distance" in codes:
        name = "quantization_distance"
        if _measure(codes[name], name) != "squared_l2":
            raise ValueError(f"{name} must be 'SquaredL2Distance'; received {codes[name]!r:.80}.")
    words = count(codes.get("num_clusters_per_block", 256), "num_clusters_per_block")
    lookup = codes.get("lookup_type", "INT8" if words == 256 else "INT8_LUT16")
    if (words, lookup) not in ((16, "INT8_LUT16"), (256, "INT8")):
        raise ValueError(
            "a hash has 16 clusters a block and the lookup_type INT8_LUT16, or 256 and INT8; "
            f"received {words} and {lookup}."
        )
    dim = rows.shape[1]
    seen = _seen(projection, measure, rows)
    width = _block_width(codes.get("projection", {}))
    given = threshold(codes.get("noise_shaping_threshold", math.nan), "noise_shaping_threshold")
    if measure == "squared_l2" and given > 0:
        warnings.warn(
            f"score_ah's anisotropic_quantization_threshold ({given}) is for dot products; "
            "squared_l2 is served by the plain squared error, so leafscan leaves it out.",
            UserWarning,
            stacklevel=2,
        )
        given = math.nan
    sample = count(codes.get("expected_sample_size", 100_000), "score_ah's training_sample_size")
    return AsymmetricHash(
        dimensions_per_block=min(width, seen or dim),
        lookup_bits=4 if words == 16 else 8,
        anisotropic_quantization_threshold=0.0 if math.isnan(given) else given,
        pca_dimensions=seen,
        training_sample_size=max(words, sample),
        training_iterations=count(codes.get("max_clustering_iterations", 10), "max_clustering_iterations"),
    )


def _block_width(projection: Mapping[str, Any]) -> int:
    # Where blocks do not divide the dimensions, the last one is narrower.
    blocks = [block.get("num_dims_per_block", 0) for block in projection.get("variable_blocks", [])]
    return count(max([projection.get("num_dims_per_block", 0), *blocks]), "score_ah's dimensions_per_block")


def _seen(projection: Mapping[str, Any] | None, measure: str, rows: NDArray[np.float32]) -> int | None:
    """Return how many components codes see; None for all."""
    kind = (projection or {}).get("projection_type", "NONE")
    if projection is None or kind == "NONE":
        return None
    dim = rows.shape[1]
    if kind not in ("PCA", "TRUNCATE"):
        raise ValueError(f"a partitioning's projection must be PCA or TRUNCATE; received {kind}.")
    if "num_dims_per_block" in projection:
        seen = count(projection["num_dims_per_block"], "reduction_dim")
    elif kind == "PCA" and "pca_significance_threshold" in projection and len(rows):
        share = float(projection["pca_significance_threshold"])
        if not 0 < share <= 1:
            raise ValueError(f"pca_significance_threshold must be above 0 and at most 1; received {share}.")
        seen = components_for(rows, share, normalize=False)
    elif len(rows):
        raise ValueError(f"a projection of the type {kind} must set num_dims_per_block, its dimensions.")
    else:
        return None
    if seen > dim:
        raise ValueError(f"reduction_dim must be at most the {dim} dimensions; received {seen}.")
    return None if seen == dim else seen


def _exact(
    stanza: Mapping[str, Any],
    reorder: Mapping[str, Any] | None,
    tree: Tree | None,
    leaves: int | None,
    upper: int | None,
) -> Config:
    dtype = _row_dtype(stanza)
    if reorder is not None:
        # Scores of the larger rows throughout: as good as reordering by them, and as quick.
        dtype = max(dtype, _row_dtype(reorder), key=BYTES.__getitem__)
    return Config(
        tree=tree,
        score=BruteForce(dtype=dtype),
        search=SearchParams(leaves=leaves, upper_leaves=upper),
    )


def _by_codes(
    codes: AsymmetricHash,
    stanza: Mapping[str, Any] | None,
    measure: str,
    tree: Tree | None,
    leaves: int | None,
    upper: int | None,
) -> Config:
    reorder, candidates = None, None
    if stanza is not None:
        dtype = _row_dtype(stanza)
        shaped = stanza.get("bfloat16" if dtype == "bfloat16" else "fixed_point", {})
        given = threshold(
            shaped.get("noise_shaping_threshold", math.nan), "reorder's noise_shaping_threshold"
        )
        plain = math.isnan(given) or dtype == "float32" or measure == "squared_l2"
        reorder = Reorder(dtype=dtype, anisotropic_quantization_threshold=0.0 if plain else given)
        candidates = count(stanza.get("approx_num_neighbors", 0), "reorder's reordering_num_neighbors")
    return Config(
        tree=tree,
        score=codes,
        reorder=reorder,
        search=SearchParams(leaves=leaves, candidates=candidates, upper_leaves=upper),
    )


def _row_dtype(stanza: Mapping[str, Any]) -> RowDtype:
    fixed = stanza.get("fixed_point", {}).get("enabled", False)
    half = stanza.get("bfloat16", {}).get("enabled", False)
    if fixed and half:
        raise ValueError("rows are kept in int8 (fixed_point) or in bfloat16; scann_config enables both.")
    return "int8" if fixed else "bfloat16" if half else "float32"


def _for_dot_products(measure: str, name: str) -> None:
    if measure != "dot_product":
        raise ValueError(f'{name} is for "dot_product"; with {measure!r} leave it out.')


def _unless_nan(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _of_length_1(rows: NDArray[np.float32]) -> bool:
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(rows[:: max(1, len(rows) // _SAMPLE)].astype(np.float64), axis=1)
        return bool(np.all(np.abs(norms - 1) <= _UNIT))
