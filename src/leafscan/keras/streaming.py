"""Exact retrieval in the graph itself, a block of candidates at a time."""

from collections.abc import Iterable
from typing import Any, Self

import keras
import keras_rs
import numpy as np
from keras import ops

from leafscan.index.metric import Metric, check_metric
from leafscan.keras.device import has_kernels
from leafscan.keras.dispatch import longest_id
from leafscan.keras.given import as_embeddings, as_names, concatenated

__all__ = ["Streaming"]


@keras.saving.register_keras_serializable(package="leafscan")
class Streaming(keras_rs.layers.Retrieval):  # type: ignore[misc]
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
        block_size: int = 4096,
        capacity: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(k=k, return_scores=return_scores, **kwargs)
        if block_size < 1:
            raise ValueError(f"`block_size` must be at least 1. Received: `block_size` = {block_size}.")
        self.autocast = False
        self.query_tower = query_tower
        self.metric = check_metric(metric)
        self.block_size = block_size
        self.capacity = capacity
        self.candidate_embeddings: Any = None
        self.candidate_ids: Any = None
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
            (num_candidates,) integers; None returns indices.

        Raises
        ------
        ValueError
            If a shape is wrong, or there are too few or too many.
        """
        embeddings, ids = as_embeddings(candidate_embeddings), as_names(candidate_ids)
        self._validate_candidate_embeddings_and_ids(embeddings, ids)
        count = len(embeddings)
        ids = np.arange(count) if ids is None else ids
        if ids.dtype.kind not in "iu":
            raise ValueError(
                f"`candidate_ids` must be integers, since graphs hold no strings. Received: {ids.dtype}. "
                "Leave them out, and index a list of the strings by what is returned."
            )
        if ids.min() < 0 or ids.max() > min(longest_id(), np.iinfo(self._id_dtype(ids)).max):
            raise ValueError(f"`candidate_ids` must fit {self._id_dtype(ids)}. Received: {ids.max()}.")
        if self.candidate_embeddings is None:
            self._make_table(max(count, self.capacity or 0), embeddings.shape[1], self._id_dtype(ids))
        table = self.candidate_embeddings
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
        self.candidate_ids.assign(names)
        self.candidate_count.assign(count)

    def index_from_dataset(self, dataset: Iterable[Any]) -> Self:
        """Retrieve from the candidates of a data set: batches of embeddings, or of (ids, embeddings).

        Parameters
        ----------
        dataset
            As of `leafscan.keras.ScannRetrieval`.

        Returns
        -------
        Self
            This layer.
        """
        self.update_candidates(*concatenated(dataset))
        return self

    def is_exact(self) -> bool:
        """Tell whether every query is compared with every candidate; it is."""
        return True

    def build(self, input_shape: Any) -> None:
        """Build the query tower, where there is one."""
        if self.query_tower is not None and not self.query_tower.built:
            self.query_tower.build(input_shape)
        self.built = True

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
        if self.candidate_embeddings is None:
            raise ValueError(
                "Streaming has no candidates yet; give it some: layer.update_candidates("
                "candidate_embeddings, candidate_ids)."
            )
        queries = inputs if self.query_tower is None else self.query_tower(inputs)
        queries = ops.cast(queries, "float32")
        wanted = self.k if k is None else k
        if self.metric == "cosine":
            queries = ops.normalize(queries, axis=-1)
        scores, found = (
            self._by_kernels(queries, wanted) if has_kernels() else self._by_blocks(queries, wanted)
        )
        ids = ops.where(ops.isfinite(scores), ops.take(self.candidate_ids.value, ops.maximum(found, 0)), -1)
        if self.metric == "squared_l2":
            scores = ops.maximum(-scores, 0)
        return (scores, ids) if self.return_scores else ids

    def _by_kernels(self, queries: Any, wanted: int) -> tuple[Any, Any]:
        from leafscan.accelerator import exact_top_k

        table = self.candidate_embeddings.value
        live = ops.arange(table.shape[0], dtype="int32") < self.candidate_count.value
        # Of length 1 are both already.
        metric: Metric = "squared_l2" if self.metric == "squared_l2" else "dot_product"
        scores, found = exact_top_k(queries, table, wanted, metric=metric, mask=live)
        return -scores if self.metric == "squared_l2" else scores, found

    def _by_blocks(self, queries: Any, wanted: int) -> tuple[Any, Any]:
        table, count, size = self.candidate_embeddings.value, self.candidate_count.value, self._block()
        places = ops.arange(size, dtype="int32")

        def visit(block: Any, best: Any) -> Any:
            scores, found = best
            rows = ops.slice(table, (block * size, 0), (size, table.shape[1]))
            here = ops.where(block * size + places < count, self._score(queries, rows), -np.inf)
            all_scores = ops.concatenate([scores, here], axis=1)
            mine = ops.broadcast_to(block * size + places, ops.shape(here))
            scores, order = ops.top_k(all_scores, wanted)
            found = ops.take_along_axis(ops.concatenate([found, mine], axis=1), order, axis=1)
            return scores, found

        shape = (ops.shape(queries)[0], wanted)
        best = (ops.full(shape, -np.inf, "float32"), ops.full(shape, -1, "int32"))
        found: tuple[Any, Any] = ops.fori_loop(0, table.shape[0] // size, visit, best)
        return found

    def compute_output_spec(self, inputs: Any, k: int | None = None) -> Any:
        """Tell the shapes and dtypes of `call`, candidates or none."""
        queries = inputs if self.query_tower is None else self.query_tower(inputs)
        shape = (*queries.shape[:-1], self.k if k is None else k)
        dtype = "int32" if self.candidate_ids is None else self.candidate_ids.dtype
        ids = keras.KerasTensor(shape, dtype=dtype)
        return (keras.KerasTensor(shape, dtype="float32"), ids) if self.return_scores else ids

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor but for the candidates."""
        config: dict[str, Any] = super().get_config()
        config.update(
            return_scores=self.return_scores,
            query_tower=keras.saving.serialize_keras_object(self.query_tower),
            metric=self.metric,
            block_size=self.block_size,
            capacity=self.capacity,
        )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a layer of its configuration, without candidates."""
        given = dict(config)
        if isinstance(given.get("query_tower"), dict):
            given["query_tower"] = keras.saving.deserialize_keras_object(given["query_tower"])
        return cls(**given)

    def get_build_config(self) -> dict[str, Any]:
        """Return the shape of the table beside that of inputs."""
        config = dict(super().get_build_config() or {})
        if self.candidate_embeddings is not None:
            config["table"] = [self.capacity, self.candidate_embeddings.shape[1], self.candidate_ids.dtype]
        return config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Make the table, for a model that is being loaded to fill."""
        given = dict(config)
        table = given.pop("table", None)
        if table is not None and self.candidate_embeddings is None:
            self._make_table(*table)
        if given.get("input_shape") is not None:
            self.build(given["input_shape"])
        self.built = True

    def _make_table(self, capacity: int, dim: int, id_dtype: str) -> None:
        self.capacity = capacity
        rows = -(-capacity // self._block()) * self._block()
        add = {"initializer": "zeros", "trainable": False, "autocast": False}
        # A layer that was called on symbols before it had candidates is locked already.
        self._tracker.unlock()
        self.candidate_embeddings = self.add_weight(
            shape=(rows, dim), dtype="float32", name="candidate_embeddings", **add
        )
        self.candidate_ids = self.add_weight(shape=(rows,), dtype=id_dtype, name="candidate_ids", **add)
        self.candidate_count = self.add_weight(shape=(), dtype="int32", name="candidate_count", **add)
        if self.query_tower is None:
            self.built = True

    def _block(self) -> int:
        return min(self.block_size, self.capacity or self.block_size)

    def _id_dtype(self, ids: Any) -> str:
        if self.candidate_ids is not None:
            return str(self.candidate_ids.dtype)
        return "int64" if ids.max() >= 2**31 and longest_id() >= 2**31 else "int32"

    def _score(self, queries: Any, rows: Any) -> Any:
        products = ops.matmul(queries, ops.transpose(rows))
        if self.metric != "squared_l2":
            return products
        mine = ops.sum(ops.square(queries), axis=1, keepdims=True)
        return 2 * products - mine - ops.sum(ops.square(rows), axis=1)
