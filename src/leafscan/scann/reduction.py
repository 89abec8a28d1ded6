"""scann-core's reduction of squared distances to dot products, undone: leafscan has no need of it."""

from collections.abc import Mapping
from typing import Any

__all__ = ["REDUCTION", "without_reduction"]

#: The field that says that a configuration was reduced.
REDUCTION = "l2_as_dot_product"


def without_reduction(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration for squared_l2 of one that goes by dot products of one more dimension.

    Parameters
    ----------
    settings
        Any configuration; one that was not reduced is returned as it is.

    Examples
    --------
    >>> without_reduction({"num_neighbors": 3, "l2_as_dot_product": {}})["distance_measure"]
    {'distance_measure': 'SquaredL2Distance'}
    """
    plain = dict(settings)
    if plain.pop(REDUCTION, None) is None:
        return plain
    squared = {"distance_measure": "SquaredL2Distance"}
    plain["distance_measure"] = squared
    if "partitioning" in plain:
        tree = {**plain["partitioning"], "query_tokenization_distance_override": squared}
        for name in ("avq", "database_spilling", "projection"):
            tree.pop(name, None)
        plain["partitioning"] = tree
    if "hash" in plain:
        codes = {**plain["hash"]["asymmetric_hash"], "noise_shaping_threshold": float("nan")}
        plain["hash"] = {"asymmetric_hash": codes}
    return plain
