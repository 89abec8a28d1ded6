"""How the parts that a builder was told of go together: ScaNN's configuration as nested dictionaries."""

from collections.abc import Mapping
from typing import Any, SupportsIndex

from leafscan.scann import stanzas
from leafscan.scann.errors import as_scann_error
from leafscan.scann.numbers import count

__all__ = ["settings"]

Params = Mapping[str, dict[str, Any]]


def settings(params: Params, num_neighbors: SupportsIndex, measure: Any, db: Any) -> dict[str, Any]:
    """Put the parts together.

    Parameters
    ----------
    params
        What each of the builder's calls wrote, by its name.
    num_neighbors, measure
        As the builder was given them.
    db
        The rows, of which the shape counts.

    Returns
    -------
    dict
        A ``ScannConfig`` under the proto's own names.

    Raises
    ------
    TypeError, ValueError
        If ``num_neighbors`` or ``measure`` is none, or parts do not go together.

    Examples
    --------
    >>> import numpy as np
    >>> told = settings({"score_bf": {}}, 10, "dot_product", np.zeros((3, 2)))
    >>> list(told)
    ['num_neighbors', 'distance_measure', 'brute_force']
    """
    if not isinstance(measure, str) or measure not in stanzas.MEASURES:
        raise ValueError(
            f'distance_measure must be "dot_product" or "squared_l2"; received {measure!r:.80}. '
            "For cosines, scale rows and queries to length 1 and give dot_product."
        )
    with as_scann_error():  # ScaNN finds this out when it builds
        neighbors = count(num_neighbors, "num_neighbors")
    told: dict[str, Any] = {
        "num_neighbors": neighbors,
        "distance_measure": {"distance_measure": stanzas.MEASURES[measure]},
    }
    if "autopilot" in params:
        others = [name for name in params if name != "autopilot"]
        if others:
            raise ValueError(
                f"autopilot plans all parts itself, but {', '.join(others)} was configured, too; "
                "leave one or the other out."
            )
        return told | {"autopilot": params["autopilot"]}
    _check(params)
    dim = _dimensions(db)
    projection = _projection(params, dim)
    tree = _tree(params, measure, told["distance_measure"], projection)
    if tree is not None:
        told["partitioning"] = tree
    if "score_ah" in params:
        codes = params["score_ah"]
        residual = codes.get("use_residual_quantization", "tree" in params and measure == "dot_product")
        told["hash"] = {
            "asymmetric_hash": stanzas.code_projection(
                codes, dim, projected=projection is not None, residual=residual
            )
        }
    else:
        told["brute_force"] = params["score_bf"]
    if "reorder" in params:
        told["exact_reordering"] = params["reorder"]
    return told


def _check(params: Params) -> None:
    if ("score_ah" in params) == ("score_bf" in params):
        raise ValueError("exactly one of score_ah and score_brute_force must be configured.")
    if "pca" in params and "truncate" in params:
        raise ValueError("at most one of pca and truncate may be configured.")
    if "upper_tree" in params and "tree" not in params:
        raise ValueError("upper_tree groups the leaves of a tree, and there is none: call tree(...), too.")


def _projection(params: Params, dim: int) -> dict[str, Any] | None:
    name = "pca" if "pca" in params else "truncate"
    if name not in params:
        return None
    projection = params[name]
    reduced = projection.get("num_dims_per_block")
    if reduced is not None and (reduced > dim or (name == "truncate" and reduced == dim)):
        wanted = "less than" if name == "truncate" else "at most"
        raise ValueError(f"{name}'s reduction_dim must be {wanted} the {dim} dimensions; received {reduced}.")
    return {**projection, "input_dim": dim}


def _tree(
    params: Params, measure: str, distance: dict[str, str], projection: dict[str, Any] | None
) -> dict[str, Any] | None:
    if "tree" not in params:
        if projection is None:
            return None
        # ScaNN has no place for it but a tree; one leaf is none.
        return {
            "num_children": 1,
            "query_spilling": {"spilling_type": "FIXED_NUMBER_OF_CENTERS", "max_spill_centers": 1},
            "projection": projection,
        }
    tree = params["tree"]
    if measure != "dot_product":
        for name, field in (("avq", "avq"), ("soar_lambda", "database_spilling")):
            if field in tree:
                raise ValueError(f'tree\'s {name} is for "dot_product"; with {measure!r} leave it out.')
    tree = {**tree, "query_tokenization_distance_override": distance}
    if projection is not None:
        tree["projection"] = projection
    if "upper_tree" in params:
        tree["bottom_up_top_level_partitioner"] = params["upper_tree"]
    return tree


def _dimensions(db: Any) -> int:
    shape = getattr(db, "shape", None)
    if shape is None or len(shape) != 2:
        told = tuple(shape) if shape is not None else type(db).__name__
        raise ValueError(f"db must be an array of the shape (n, d), one row each; received {told}.")
    return int(shape[1])
