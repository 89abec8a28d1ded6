"""The ways to retrieve that are raced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan.cli.demo.compiled import compile_top_k
from leafscan.recommend import Progress
from leafscan.recommend.extras import require

__all__ = ["TUTORIAL", "Method", "compiled_method", "keras_rs_method", "leafscan_method"]

#: The tutorial's parameters of ScaNN, in leafscan's words, without SOAR.
TUTORIAL = leafscan.Config(
    tree=leafscan.Tree(num_leaves=100, training_iterations=12),
    score=leafscan.AsymmetricHash(dimensions_per_block=2),
    reorder=leafscan.Reorder(),
    search=leafscan.SearchParams(leaves=30, candidates=500),
)


@dataclass(frozen=True)
class Method:
    """A way to retrieve.

    Attributes
    ----------
    name
        Its name in tables, plots and the report.
    parameters
        What it was set to, fit for JSON.
    prepare
        Brings queries, float32 of shape (q, d), into the form that it takes; this is not timed.
    search
        Gives the ids, NumPy of shape (q, k), of prepared queries; this is timed.
    exact
        Whether it compares with every candidate.
    candidates
        How many there are.
    """

    name: str
    parameters: dict[str, Any]
    prepare: Callable[[NDArray[np.float32]], Any]
    search: Callable[[Any], NDArray[Any]]
    exact: bool
    candidates: int


def keras_rs_method(candidates: NDArray[np.float32], *, k: int, threads: int) -> Method:
    """Set KerasRS' layer up and call it as the tutorial does: eagerly.

    Parameters
    ----------
    candidates
        Float32 of shape (n, d).
    k
        How many ids a query gets.
    threads
        What the backend was given, for the report.

    Returns
    -------
    Method
        The layer.
    """
    keras = require("keras", purpose="The KerasRS layer")
    keras_rs = require("keras_rs", purpose="The KerasRS layer", install='"leafscan[keras]"')
    layer = keras_rs.layers.BruteForceRetrieval(
        candidate_embeddings=keras.ops.convert_to_tensor(candidates), k=k, return_scores=False
    )
    return Method(
        "KerasRS BruteForceRetrieval",
        {"k": k, "threads": threads, "backend": keras.backend.backend(), "call": "eager"},
        keras.ops.convert_to_tensor,
        lambda queries: np.asarray(keras.ops.convert_to_numpy(layer(queries))),
        exact=True,
        candidates=len(candidates),
    )


def compiled_method(backend: str, candidates: NDArray[np.float32], *, k: int, threads: int) -> Method:
    """Compile a matrix product and a top-k.

    Parameters
    ----------
    backend
        The Keras backend, whose compiler is used.
    candidates
        Float32 of shape (n, d).
    k
        How many ids a query gets.
    threads
        What the backend was given, for the report.

    Returns
    -------
    Method
        The compiled search.
    """
    compiled = compile_top_k(backend, candidates, k)
    return Method(
        f"{compiled.name} matmul + top_k",
        {"k": k, "threads": threads, "backend": backend, "call": compiled.name},
        compiled.prepare,
        compiled.search,
        exact=True,
        candidates=len(candidates),
    )


def leafscan_method(
    candidates: NDArray[np.float32],
    *,
    k: int,
    threads: int,
    config: leafscan.Config | None = None,
    recall: float | None = None,
    queries: NDArray[np.float32] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Method:
    """Build an index.

    Parameters
    ----------
    candidates
        Float32 of shape (n, d).
    k
        How many ids a query gets.
    threads
        How many a build and a search may use.
    config
        The plan; None leaves it to leafscan.
    recall
        What it is to find of the exact best; None does not measure it.
    queries
        (m, d) float32, over which it is tuned for ``recall``.
    seed
        Seeds the build.
    progress
        Where to show how far the build is.

    Returns
    -------
    Method
        The index's search.
    """
    index = leafscan.build(
        candidates,
        metric="dot_product",
        config=config,
        recall=recall,
        k=k,
        queries=queries,
        seed=seed,
        threads=threads,
        progress=False if progress is None else progress,
    )
    whose = "tutorial's parameters" if config else "own choice" if recall is None else f"recall={recall:g}"
    return Method(
        f"leafscan, {whose}",
        {"k": k, "threads": threads, "seed": seed, "config": index.config.to_dict()},
        np.ascontiguousarray,
        lambda queries: np.asarray(index.search(queries, k=k, threads=threads).ids),
        exact=False,
        candidates=len(candidates),
    )
