"""Approximate retrieval by ScaNN's method."""

from typing import Any, SupportsIndex

import keras

import leafscan
from leafscan.keras.index_retrieval import IndexRetrieval

__all__ = ["ScannRetrieval"]


@keras.saving.register_keras_serializable(package="leafscan")
class ScannRetrieval(IndexRetrieval):
    """Retrieve the best candidates by ScaNN's method, inside the compiled graph of any backend.

    A drop-in for `keras_rs.layers.BruteForceRetrieval`. The candidates are an index beside the graph, not
    weights: `update_candidates` may change their number, and compiled models go on without being traced
    again. A ``.keras`` file holds them; ``save_weights`` does not, and warns.

    Parameters
    ----------
    candidate_embeddings
        (num_candidates, embedding_size): an array, a tensor, a variable or lists. None waits for
        `update_candidates`.
    candidate_ids
        (num_candidates,) integers that are not negative, or strings; None returns indices. With strings the
        layer returns positions, since graphs have no strings on most backends, and `decode` gives the
        strings.
    k
        How many candidates a query gets.
    return_scores
        Whether to return ``(scores, ids)`` or ids alone.
    query_tower
        A layer or model that makes queries of inputs; None: inputs are queries.
    metric
        "dot_product", "cosine" or "squared_l2" (distances, the smallest first).
    num_leaves, num_leaves_to_search, training_iterations, dimensions_per_block, num_reordering_candidates
        As of TensorFlow Recommenders' ``ScaNN``. None leaves the plan to leafscan, which goes by the number
        of candidates; with ``num_leaves`` None the others must be, too.
    config
        The whole plan, `leafscan.Config`, in place of these.
    positions
        Return positions in place of ids, and `decode` them: for ids from 2**31 on JAX without
        ``jax_enable_x64``.
    seed, threads
        As of `leafscan.build`.
    device
        "host": the engine searches, on the CPU. "auto": likewise, unless Keras runs on JAX and JAX's default
        device is an accelerator that has room for the vectors. There `leafscan.accelerator.exact_top_k`
        searches them all, which is exact and on a GPU faster than a tree (``docs/accelerator.md``); the index
        is kept, for updates and saving. "accelerator": so on any device of JAX's.
    **kwargs
        For `keras.layers.Layer`. Queries are searched as float32 whatever the dtype policy.

    Raises
    ------
    ValueError
        If an argument is wrong; the messages are KerasRS' where it has them.

    References
    ----------
    Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import ScannRetrieval
    >>> layer = ScannRetrieval(np.eye(4, dtype="float32"), ["n", "e", "s", "w"], k=2)
    >>> scores, ids = layer(np.array([[0, 3, 2, 1]], "float32"))
    >>> layer.decode(ids).tolist(), np.asarray(scores).tolist()
    ([['e', 's']], [[3.0, 2.0]])
    """

    def __init__(
        self,
        candidate_embeddings: Any = None,
        candidate_ids: Any = None,
        k: int = 10,
        return_scores: bool = True,
        *,
        query_tower: Any = None,
        metric: str = "dot_product",
        num_leaves: int | None = None,
        num_leaves_to_search: int | None = None,
        training_iterations: int | None = None,
        dimensions_per_block: int | None = None,
        num_reordering_candidates: int | None = None,
        config: leafscan.Config | dict[str, Any] | None = None,
        positions: bool = False,
        seed: SupportsIndex = 0,
        threads: SupportsIndex | None = None,
        device: str = "auto",
        **kwargs: Any,
    ) -> None:
        self.num_leaves = num_leaves
        self.num_leaves_to_search = num_leaves_to_search
        self.training_iterations = training_iterations
        self.dimensions_per_block = dimensions_per_block
        self.num_reordering_candidates = num_reordering_candidates
        self.config = leafscan.Config.from_dict(config) if isinstance(config, dict) else config
        parts = {name: getattr(self, name) for name in _PARTS}
        given = [name for name, value in parts.items() if value is not None]
        if given and config is not None:
            raise ValueError(f"`config` is the whole plan, so that `{given[0]}` cannot be given beside it.")
        if given and num_leaves is None:
            raise ValueError(f"`{given[0]}` needs `num_leaves`; with None leafscan makes the whole plan.")
        super().__init__(
            candidate_embeddings,
            candidate_ids,
            k,
            return_scores,
            query_tower=query_tower,
            metric=metric,
            positions=positions,
            seed=seed,
            threads=threads,
            device=device,
            **kwargs,
        )

    def _plan(self, rows: int) -> leafscan.Config | None:
        if self.num_leaves is None:
            return self.config
        leaves = min(self.num_leaves, rows)
        return leafscan.Config(
            tree=leafscan.Tree(num_leaves=leaves, training_iterations=self.training_iterations or 12),
            score=leafscan.AsymmetricHash(dimensions_per_block=self.dimensions_per_block or 2),
            reorder=leafscan.Reorder(),
            search=leafscan.SearchParams(
                leaves=min(self.num_leaves_to_search or max(1, leaves // 10), leaves),
                candidates=self.num_reordering_candidates,
            ),
        )

    def is_exact(self) -> bool:
        """Tell whether every query is compared with every candidate: few, on a GPU, or a variable's rows."""
        if self._followed is not None:
            return True
        if self.index is None:
            return False
        if self.on_accelerator:
            return True
        config = self.index.config
        return config.tree is None and isinstance(config.score, leafscan.BruteForce)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor but for the candidates."""
        config = super().get_config()
        config.update({name: getattr(self, name) for name in _PARTS})
        config["config"] = None if self.config is None else self.config.to_dict()
        return config


_PARTS = (
    "num_leaves",
    "num_leaves_to_search",
    "training_iterations",
    "dimensions_per_block",
    "num_reordering_candidates",
)
