"""Exact retrieval in the graph itself, a block of candidates at a time."""

from typing import Any

import keras
import numpy as np
from keras import ops

from leafscan.index.metric import Metric
from leafscan.keras.blocks import BLOCK, best_rows
from leafscan.keras.dispatch import longest_id
from leafscan.keras.given import as_embeddings, as_names
from leafscan.keras.retrieval_layer import RetrievalLayer

__all__ = ["Streaming"]


@keras.saving.register_keras_serializable(package="leafscan")
class Streaming(RetrievalLayer):
    """Retrieve exactly by the backend's own operations, a block of candidates at a time.

    So it runs where the model runs, on a GPU too, with batch x (k + block_size) scores in memory instead of
    batch x candidates. The candidates are weights, saved with them, in a table of a fixed capacity, within
    which they may grow and shrink while models stay compiled. With JAX on a Hopper GPU the kernels of
    `leafscan.accelerator` search the table instead.

    Parameters
    ----------
    candidate_embeddings
        (num_candidates, embedding_size), or None.
    candidate_ids
        (num_candidates,) integers that are not negative and fit the backend's; None returns indices. For
        strings keep the list, and index it by what is returned.
    k
        How many candidates a query gets.
    return_scores
        Whether to return ``(scores, ids)`` or ids alone.
    query_tower
        A layer or model that makes queries of inputs; None: inputs are queries.
    metric
        "dot_product", "cosine" or "squared_l2" (distances, the smallest first).
    block_size
        How many candidates are scored at a time, at least 1.
    capacity
        How many candidates there may ever be; None: as many as the first time.
    **kwargs
        For `keras.layers.Layer`. Scores are computed in float32 whatever the dtype policy.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan.keras import Streaming
    >>> layer = Streaming(np.eye(5, 4, dtype="float32"), k=2, block_size=2)
    >>> scores, ids = layer(np.array([[0, 3, 2, 1]], "float32"))
    >>> np.asarray(ids).tolist(), np.asarray(scores).tolist()
    ([[1, 2]], [[3.0, 2.0]])
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
        block_size: int = BLOCK,
        capacity: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(k, return_scores, query_tower=query_tower, metric=metric, **kwargs)
        if block_size < 1:
            raise ValueError(f"`block_size` must be at least 1. Received: `block_size` = {block_size}.")
        self.block_size = block_size
        self.capacity = capacity
        self._table: Any = None
        self._names: Any = None
        self._had_ids: bool | None = False
        self.candidate_count: Any = None
        if candidate_embeddings is not None:
            self.update_candidates(candidate_embeddings, candidate_ids)
        elif candidate_ids is not None:
            raise ValueError("You cannot provide `candidate_ids` without providing `candidate_embeddings`")

    def update_candidates(self, candidate_embeddings: Any, candidate_ids: Any = None) -> None:
        """Retrieve from other candidates; models that were compiled go on with these.

        Parameters
        ----------
        candidate_embeddings
            (num_candidates, embedding_size), at least k and at most the capacity.
        candidate_ids
            (num_candidates,) integers; None keeps the ids that candidates had before, else their indices are
            returned.

        Raises
        ------
        ValueError
            If a shape is wrong, there are too few or too many, or there were candidates without ids before.
        """
        self._refuse_followed()
        embeddings, ids = as_embeddings(candidate_embeddings), as_names(candidate_ids)
        self._validate_candidate_embeddings_and_ids(embeddings, ids)
        count = len(embeddings)
        ids = self._ids_of(count, ids)
        if ids.dtype.kind not in "iu":
            raise ValueError(
                f"`candidate_ids` must be integers, since graphs hold no strings. Received: {ids.dtype}. "
                "Leave them out, and index a list of the strings by what is returned."
            )
        if ids.min() < 0 or ids.max() > min(longest_id(), np.iinfo(self._id_dtype(ids)).max):
            raise ValueError(f"`candidate_ids` must fit {self._id_dtype(ids)}. Received: {ids.max()}.")
        if self._table is None:
            self._make_table(max(count, self.capacity or 0), embeddings.shape[1], self._id_dtype(ids))
        table = self._table
        if count > (self.capacity or 0) or embeddings.shape[1] != table.shape[1]:
            raise ValueError(
                f"The table has room for {self.capacity} candidates of {table.shape[1]} dimensions. "
                f"Received: {embeddings.shape}. Give the layer `capacity`, or make a new one."
            )
        rows = np.zeros(table.shape, np.float32)
        rows[:count] = np.asarray(embeddings, np.float32)
        if self.metric == "cosine":
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
        names = np.full(table.shape[0], -1, np.int64)
        names[:count] = ids
        table.assign(rows)
        self._names.assign(names)
        self.candidate_count.assign(count)

    def _ids_of(self, count: int, ids: Any) -> Any:
        """Return the ids of candidates that are given with these, or with None."""
        if self._table is None:
            self._had_ids = ids is not None
            return np.arange(count) if ids is None else ids
        had_ids = self._own_ids() is not None
        if ids is not None:
            if not had_ids:
                raise ValueError(
                    "New `candidate_ids` cannot be provided as previous candidates did not have candidate IDs"
                )
            return ids
        if not had_ids:
            return np.arange(count)
        had = int(self.candidate_count.value)
        if had != count:
            raise ValueError(
                f"`candidate_ids` are required where the number of candidates changes, since the {had} "
                f"previous ones had IDs. Received: {count} candidates."
            )
        return as_names(self._names)[:count]

    def is_exact(self) -> bool:
        """Tell whether every query is compared with every candidate; it is."""
        return True

    def call(self, inputs: Any, k: int | None = None) -> Any:
        """Retrieve the best candidates of each query.

        Parameters
        ----------
        inputs
            Queries (q, d), or what the query tower makes them of.
        k
            How many; None is the layer's own. More than there are candidates are filled up: id -1 and the
            worst score.

        Returns
        -------
        tuple or tensor
            ``(scores, ids)``, each (q, k), best first; ids alone with ``return_scores=False``.
        """
        wanted = self.k if k is None else k
        if self._followed is not None:
            return self._search_followed(inputs, wanted)
        if self._table is None:
            raise ValueError(
                "Streaming has no candidates yet; give it some: layer.update_candidates("
                "candidate_embeddings, candidate_ids)."
            )
        queries = ops.cast(self._made(inputs), "float32")
        metric: Metric = "squared_l2" if self.metric == "squared_l2" else "dot_product"
        if self.metric == "cosine":
            # As the table's rows are.
            queries = ops.normalize(queries, axis=-1)
        scores, places = best_rows(
            queries,
            self._table.value,
            wanted,
            metric=metric,
            count=self.candidate_count.value,
            block_size=self.block_size,
        )
        ids = ops.where(places < 0, -1, ops.take(self._names.value, ops.maximum(places, 0)))
        return self._answer(scores, ids)

    def compute_output_spec(self, inputs: Any, k: int | None = None) -> Any:
        """Tell the shapes and dtypes of `call`, candidates or none."""
        shape = (*self._made(inputs).shape[:-1], self.k if k is None else k)
        dtype = "int32" if self.candidate_ids is None else self.candidate_ids.dtype
        ids = keras.KerasTensor(shape, dtype=dtype)
        return self._answer(keras.KerasTensor(shape, dtype="float32"), ids)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor but for the candidates."""
        config = super().get_config()
        config.update(block_size=self.block_size, capacity=self.capacity)
        return config

    def get_build_config(self) -> dict[str, Any]:
        """Return the shape of the table beside that of inputs."""
        config = super().get_build_config()
        if self._table is not None:
            config["table"] = [self.capacity, self._table.shape[1], self._names.dtype]
            config["had_ids"] = self._had_ids
        return config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Make the table, for a model that is being loaded to fill."""
        given = dict(config)
        table = given.pop("table", None)
        # Older files do not tell; their ids do.
        self._had_ids = given.pop("had_ids", None if table is not None else self._had_ids)
        if table is not None and self._table is None:
            self._make_table(*table)
        super().build_from_config(given)

    def _make_table(self, capacity: int, dim: int, id_dtype: str) -> None:
        self.capacity = capacity
        rows = -(-capacity // self._block()) * self._block()
        add = {"initializer": "zeros", "trainable": False, "autocast": False}
        # A layer that was called on symbols before it had candidates is locked already.
        self._tracker.unlock()
        self._table = self.add_weight(shape=(rows, dim), dtype="float32", name="candidate_embeddings", **add)
        self._names = self.add_weight(shape=(rows,), dtype=id_dtype, name="candidate_ids", **add)
        self.candidate_count = self.add_weight(shape=(), dtype="int32", name="candidate_count", **add)
        if self.query_tower is None:
            self.built = True

    def _block(self) -> int:
        return min(self.block_size, self.capacity or self.block_size)

    def _id_dtype(self, ids: Any) -> str:
        if self._names is not None:
            return str(self._names.dtype)
        return "int64" if ids.max() >= 2**31 and longest_id() >= 2**31 else "int32"

    def _has_own(self) -> bool:
        return self._table is not None

    def _own_embeddings(self) -> Any:
        return self._table

    def _own_ids(self) -> Any:
        had_ids = self._had_ids
        if had_ids is None:
            names = as_names(self._names)[: int(self.candidate_count.value)]
            had_ids = not np.array_equal(names, np.arange(len(names)))
        return self._names if had_ids else None
