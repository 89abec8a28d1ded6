"""What all layers that retrieve have in common, candidates that are another layer's variable among it."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import keras
import keras_rs

from leafscan.index.metric import check_metric
from leafscan.keras.followed import search_table
from leafscan.keras.given import concatenated

__all__ = ["RetrievalLayer"]


class RetrievalLayer(keras_rs.layers.Retrieval):  # type: ignore[misc]
    """A query tower, a metric, and candidates, of the layer's own or a variable that it follows.

    ``layer.candidate_embeddings = tower.embeddings``, KerasRS' way to retrieve from a table that is being
    trained, holds here: the layer searches the variable exactly, as it is at that moment, where it lies.

    Parameters
    ----------
    k, return_scores, query_tower, metric
        As of `leafscan.keras.ScannRetrieval`.
    **kwargs
        For `keras.layers.Layer`.

    Raises
    ------
    TypeError
        If a subclass has a ``compute_score`` of its own, which nothing would call.
    """

    def __init__(self, k: int, return_scores: bool, *, query_tower: Any, metric: str, **kwargs: Any) -> None:
        super().__init__(k=k, return_scores=return_scores, **kwargs)
        if type(self).compute_score is not keras_rs.layers.Retrieval.compute_score:
            raise TypeError(
                f"{type(self).__name__} has a compute_score of its own, which leafscan's search does not call"
                ': it scores by `metric`, "dot_product", "cosine" or "squared_l2". Leave it out, or subclass '
                "keras_rs.layers.BruteForceRetrieval."
            )
        self.autocast = False
        self.query_tower = query_tower
        self.metric = check_metric(metric)
        self._followed: Any = None
        self._followed_ids: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; candidates are checked before Keras makes them state of the layer."""
        if name in ("candidate_embeddings", "candidate_ids"):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def candidate_embeddings(self) -> Any:
        """The variable that is retrieved from, (num_candidates, embedding_size), or None.

        Assigned before there are candidates, a `keras.Variable` is followed: each search, in compiled models
        too, sees its values of that moment. It is searched exactly, by the backend's own operations, whatever
        the layer; what is trained no longer is better indexed: a new layer of its values.

        Raises
        ------
        AttributeError
            If candidates are not in a variable but in an index: `leafscan.Index.vectors` has them there.
        TypeError
            If what is assigned is no variable.
        ValueError
            If its shape is wrong, it has fewer than k rows, or the layer has candidates already.
        """
        return self._own_embeddings() if self._followed is None else self._followed

    @candidate_embeddings.setter
    def candidate_embeddings(self, variable: Any) -> None:
        if variable is self._followed:
            return
        if not isinstance(variable, keras.Variable):
            raise TypeError(
                "`candidate_embeddings` takes a variable, which the layer then follows. Received: "
                f"{type(variable).__name__}. For other candidates: layer.update_candidates("
                "candidate_embeddings, candidate_ids)."
            )
        if self._followed is not None or self._has_own():
            raise ValueError(
                f"{self.name} has candidates already, which models may be compiled with. To follow the "
                f"variable {variable.name!r}, make a new layer and assign it before any other candidates."
            )
        self._validate_candidate_embeddings_and_ids(variable, None)
        # A layer that was called on symbols before it had candidates is locked already.
        self._tracker.unlock()
        self._followed = variable
        if self.query_tower is None:
            self.built = True

    @property
    def candidate_ids(self) -> Any:
        """The ids of candidates, (num_candidates,), or None where indices are returned.

        Once `candidate_embeddings` is a variable, so may these be: integers, which are followed, too.

        Raises
        ------
        TypeError
            If what is assigned is no variable of integers.
        ValueError
            If their number is not that of the embeddings, or these are no variable.
        """
        return self._own_ids() if self._followed is None else self._followed_ids

    @candidate_ids.setter
    def candidate_ids(self, variable: Any) -> None:
        if variable is self._followed_ids and self._followed is not None:
            return
        if self._followed is None:
            raise ValueError(
                "`candidate_ids` can be assigned where `candidate_embeddings` was assigned a variable "
                "before. Give them together: layer.update_candidates(candidate_embeddings, candidate_ids)."
            )
        if not isinstance(variable, keras.Variable) or "int" not in variable.dtype:
            kind = variable.dtype if isinstance(variable, keras.Variable) else type(variable).__name__
            raise TypeError(f"`candidate_ids` takes a variable of integers. Received: {kind}.")
        if self._followed_ids is not None:
            raise ValueError(f"{self.name} has `candidate_ids` already; assign to that variable's values.")
        self._validate_candidate_embeddings_and_ids(self._followed, variable)
        self._tracker.unlock()
        self._followed_ids = variable

    @abstractmethod
    def _has_own(self) -> bool:
        """Tell whether there are candidates that are the layer's own."""

    @abstractmethod
    def _own_embeddings(self) -> Any:
        """Return them, or None."""

    @abstractmethod
    def _own_ids(self) -> Any:
        """Return their ids, or None."""

    @abstractmethod
    def is_exact(self) -> bool:
        """Tell whether every query is compared with every candidate."""

    def index_from_dataset(self, dataset: Iterable[Any]) -> Self:
        """Retrieve from the candidates of a data set, in the order that TensorFlow Recommenders has.

        Parameters
        ----------
        dataset
            Batches of embeddings (b, d), or of pairs: ids (b,), embeddings (b, d). A ``tf.data.Dataset``, a
            PyTorch ``DataLoader``, or any iterable; it is read into memory.

        Returns
        -------
        Self
            This layer.
        """
        self.update_candidates(*concatenated(dataset))
        return self

    def build(self, input_shape: Any) -> None:
        """Build the query tower, where there is one."""
        if self.query_tower is not None and not self.query_tower.built:
            self.query_tower.build(input_shape)
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor but for the candidates."""
        config: dict[str, Any] = super().get_config()
        config.update(
            return_scores=self.return_scores,
            query_tower=keras.saving.serialize_keras_object(self.query_tower),
            metric=self.metric,
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
        """Return the shape of a variable that is followed beside that of inputs."""
        config = dict(super().get_build_config() or {})
        if self._followed is not None:
            config["followed"] = [list(self._followed.shape), self._followed.dtype]
            if self._followed_ids is not None:
                config["followed_ids"] = self._followed_ids.dtype
        return config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Make variables to load into, where no model has assigned those that were followed."""
        given = dict(config)
        followed, ids = given.pop("followed", None), given.pop("followed_ids", None)
        if followed is not None and self._followed is None:
            shape, dtype = followed
            self.candidate_embeddings = _variable(shape, dtype, "candidate_embeddings")
            if ids is not None:
                self.candidate_ids = _variable(shape[:1], ids, "candidate_ids")
        if given.get("input_shape") is not None:
            self.build(given["input_shape"])
        self.built = True

    def save_own_variables(self, store: Any) -> None:
        """Save the variables, those by name that are followed."""
        if self._followed is None:
            super().save_own_variables(store)
            return
        for name, variable in self._named().items():
            store[name] = variable.value

    def load_own_variables(self, store: Any) -> None:
        """Load them."""
        if self._followed is None:
            super().load_own_variables(store)
            return
        for name, variable in self._named().items():
            variable.assign(store[name])

    def _named(self) -> dict[str, Any]:
        both = {"candidate_embeddings": self._followed, "candidate_ids": self._followed_ids}
        return {name: variable for name, variable in both.items() if variable is not None}

    def _made(self, inputs: Any) -> Any:
        """Make queries of inputs."""
        return inputs if self.query_tower is None else self.query_tower(inputs)

    def _answer(self, scores: Any, ids: Any) -> Any:
        return (scores, ids) if self.return_scores else ids

    def _refuse_followed(self) -> None:
        """Refuse other candidates where a variable is followed: compiled models search the variable."""
        if self._followed is not None:
            raise ValueError(
                f"{self.name} follows the variable {self._followed.name!r}, whose values it sees without "
                f"being updated. For others make a new layer: {type(self).__name__}(embeddings, ids)."
            )

    def _search_followed(self, inputs: Any, k: int, deny: Any = None) -> Any:
        """Answer as `call` does, from the variable."""
        names = None if self._followed_ids is None else self._followed_ids.value
        queries = self._made(inputs)
        found = search_table(queries, self._followed.value, names, k, metric=self.metric, deny=deny)
        return self._answer(*found)


def _variable(shape: list[int], dtype: str, name: str) -> Any:
    return keras.Variable("zeros", shape=tuple(shape), dtype=dtype, name=name, trainable=False)
