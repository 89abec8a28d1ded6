"""What the engine makes of rows, by a plan."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.progress import Progress, reporting
from leafscan.index.projection import principal_components

__all__ = ["build_sections"]


def build_sections(
    rows: NDArray[np.float32],
    *,
    metric: Metric,
    plan: Config,
    seed: int,
    threads: int,
    progress: Progress | bool | None,
) -> dict[str, NDArray[Any]]:
    """Train, encode and lay out an index.

    Parameters
    ----------
    rows
        (n, d) float32, C-ordered.
    metric
        "dot_product", "cosine" or "squared_l2".
    plan
        With nothing left open (`leafscan.index.plan.resolve`).
    seed, threads, progress
        As `leafscan.build` takes them.

    Returns
    -------
    dict of str to NDArray
        The sections, as ``leafscan._engine.build`` describes them.

    Raises
    ------
    ValueError
        If a row is not finite; it is named.
    """
    engines, normalize = engine_metric(metric)
    tree, score = plan.tree, plan.score
    codes = score if isinstance(score, AsymmetricHash) else None
    projection = None
    if codes is not None and codes.pca_dimensions is not None:
        projection = principal_components(rows, codes.pca_dimensions, normalize=normalize)
    with reporting(progress) as report:
        sections = _engine.build(
            rows,
            metric=engines,
            normalize=normalize,
            num_leaves=tree.num_leaves if tree else 0,
            tree_sample_size=tree.training_sample_size if tree else 0,
            tree_iterations=tree.training_iterations if tree else 0,
            dimensions_per_block=codes.dimensions_per_block if codes else 0,
            lookup_bits=codes.lookup_bits if codes else 4,
            code_sample_size=codes.training_sample_size if codes else 0,
            code_iterations=codes.training_iterations if codes else 0,
            anisotropic_threshold=(codes.anisotropic_quantization_threshold or 0.0) if codes else 0.0,
            keep_rows=plan.row_dtype is not None,
            seed=seed,
            threads=threads,
            soar_lambda=tree.soar_lambda if tree else None,
            spherical=tree.spherical if tree else None,
            avq_eta=(tree.avq_eta or 1.0) if tree else 1.0,
            projection=projection,
            progress=report,
            row_dtype=plan.row_dtype or "float32",
            row_threshold=plan.reorder.anisotropic_quantization_threshold if plan.reorder else 0.0,
            first_row_dtype=plan.reorder.first_dtype if plan.reorder else None,
            upper_leaves=(tree.upper_leaves or 0) if tree else 0,
        )
    if projection is not None:
        sections["projection"] = projection
    return sections
