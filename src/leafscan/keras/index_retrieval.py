"""What the layers that retrieve from an index have in common."""

import os
import sys
import warnings
from abc import abstractmethod
from typing import Any, SupportsIndex

import keras
import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan.index.slots import Slot
from leafscan.keras.device import check_device, on_device
from leafscan.keras.dispatch import longest_id, search
from leafscan.keras.exporting import refuse_export
from leafscan.keras.given import as_embeddings, as_names
from leafscan.keras.retrieval_layer import RetrievalLayer

__all__ = ["IndexRetrieval"]

#: The index inside a saved model.
ASSET = "candidates.leafscan"


class IndexRetrieval(RetrievalLayer):
    """A retrieval layer with an index, which is no weight, so that it may grow, shrink and be replaced.

    Parameters
    ----------
    candidate_embeddings, candidate_ids, k, return_scores
        As of `leafscan.keras.ScannRetrieval`.
    query_tower, metric, positions, seed, threads, device
        Likewise.
    **kwargs
        For `keras.layers.Layer`: ``name`` and so on. Queries are searched as float32 whatever the dtype
        policy.
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
        positions: bool = False,
        seed: SupportsIndex = 0,
        threads: SupportsIndex | None = None,
        device: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(k, return_scores, query_tower=query_tower, metric=metric, **kwargs)
        if keras.backend.backend() == "tensorflow":
            # XLA has no kernel for it there; on JAX the same flag would keep the whole model from being
            # compiled.
            self.supports_jit = False
        self.positions = positions
        self.seed = seed
        self.threads = threads
        self.device = check_device(device)
        self._on_device: Any = None
        self._slot = Slot(threads=threads)
        self._wide = False
        if candidate_embeddings is not None:
            self.update_candidates(candidate_embeddings, candidate_ids)
        elif candidate_ids is not None:
            raise ValueError("You cannot provide `candidate_ids` without providing `candidate_embeddings`")

    @abstractmethod
    def _plan(self, rows: int) -> leafscan.Config | None:
        """Return the plan of an index of so many rows."""

    @property
    def index(self) -> leafscan.Index | None:
        """The index, or None before the first candidates."""
        return self._slot.index

    @property
    def on_accelerator(self) -> bool:
        """Whether candidates lie on an accelerator and are searched there; settled by the first of them."""
        return self._on_device is not None

    @property
    def variables(self) -> list[Any]:
        """All state, of which candidates on an accelerator are a part, though they are no `weights`."""
        return [*super().variables, *self._device_variables()]

    @property
    def id_dtype(self) -> str:
        """What ids come back as: "int32", or "int64" where the first candidates had ids that need it."""
        if self._followed_ids is not None:
            return str(self._followed_ids.dtype)
        return "int64" if self._wide else "int32"

    def update_candidates(self, candidate_embeddings: Any, candidate_ids: Any = None) -> None:
        """Index other candidates, any number of them; models that were compiled go on with these.

        Parameters
        ----------
        candidate_embeddings
            (num_candidates, embedding_size), at least k of them.
        candidate_ids
            (num_candidates,) integers that are not negative, or strings, each different; None keeps the ids
            that candidates had before, else their indices are returned.

        Raises
        ------
        ValueError
            If a shape is wrong, there are fewer than k candidates, or ids are of another kind than before.
        """
        self._refuse_followed()
        embeddings, ids = as_embeddings(candidate_embeddings), as_names(candidate_ids)
        self._validate_candidate_embeddings_and_ids(embeddings, ids)
        before = self.index
        if before is not None:
            had_ids = before._living.contents.ids is not None
            if ids is not None and not had_ids:
                raise ValueError(
                    "New `candidate_ids` cannot be provided as previous candidates did not have candidate IDs"
                )
            if ids is None and had_ids:
                if len(before) != len(embeddings):
                    raise ValueError(
                        f"`candidate_ids` are required where the number of candidates changes, since the "
                        f"{len(before)} previous ones had IDs. Received: {len(embeddings)} candidates."
                    )
                ids = before.ids
        self.publish(
            leafscan.build(
                embeddings,
                metric=self.metric,
                config=self._plan(len(embeddings)),
                ids=ids,
                seed=self.seed,
                threads=self.threads,
                progress=False,
            )
        )

    def publish(self, index: leafscan.Index) -> None:
        """Retrieve from an index that is there already, for example one that was loaded.

        Parameters
        ----------
        index
            Of this layer's metric, and of the dimensions and kind of ids that candidates had before.

        Raises
        ------
        ValueError
            If it differs in these, or its ids don't fit the integers that compiled models return.
        """
        self._refuse_followed()
        if isinstance(index, leafscan.Index) and index.metric != self.metric:
            raise ValueError(f"index must have the metric {self.metric!r}; received one of {index.metric!r}.")
        first = self.index is None
        wide = isinstance(index, leafscan.Index) and self._needs_wide(index)
        if wide and not (first or self._wide):
            raise ValueError(
                "ids must fit int32, as the first candidates' did, since compiled models return int32. Give "
                "the layer positions=True and decode what it returns, or make a new layer."
            )
        if first and not wide and not self.positions:
            # Updates of the index itself may bring larger ids, which must not wrap.
            self._slot.largest_id = 2**31 - 1
        on_device_too = on_device(self.device, index) if first and isinstance(index, leafscan.Index) else None
        self._slot.publish(index)
        if first:
            self._wide = wide
            self._on_device = on_device_too
        self._device_variables()
        if self.query_tower is None:
            self.built = True

    def call(self, inputs: Any, k: int | None = None, exclusions: Any = None, allow: Any = None) -> Any:
        """Retrieve the best candidates of each query.

        Parameters
        ----------
        inputs
            Queries (d,) or (..., d), or what the query tower makes them of.
        k
            How many; None is the layer's own. More than there are candidates are filled up: id -1 and the
            worst score.
        exclusions
            Integers (..., m), ids that each query must not be given, or (m,) for all; filled up with -1. With
            string ids: their `encode`.
        allow
            All ids that each query may be given, likewise.

        Returns
        -------
        tuple or tensor
            ``(scores, ids)``, each (..., k), best first; ids alone with ``return_scores=False``. Scores are
            float32; ids `id_dtype`, positions where ids are strings.
        """
        wanted = self.k if k is None else k
        if self._followed is not None:
            if allow is not None:
                raise ValueError(
                    f"`allow` needs an index; the candidates of {self.name} are the variable "
                    f"{self._followed.name!r}. Make a layer of its values."
                )
            return self._search_followed(inputs, wanted, exclusions)
        index = self.index
        if index is None:
            raise ValueError(
                f"{type(self).__name__} has no candidates yet; give it some: layer.update_candidates("
                "candidate_embeddings, candidate_ids)."
            )
        refuse_export(self.name)
        queries = self._made(inputs)
        if self._device_variables():
            scores, ids = self._on_device.search(queries, wanted, deny=exclusions, allow=allow)
        else:
            scores, ids = search(
                self._slot,
                queries,
                wanted,
                positions=self._by_position(),
                deny=exclusions,
                allow=allow,
                differentiable=index.config.row_dtype is not None,
            )
        return self._answer(scores, keras.ops.cast(ids, self.id_dtype))

    def query_with_exclusions(self, queries: Any, exclusions: Any, k: int | None = None) -> Any:
        """Retrieve, each query without some candidates; TensorFlow Recommenders' name of it.

        Parameters
        ----------
        queries, exclusions, k
            As of `call`; here exclusions may be strings, too.

        Returns
        -------
        tuple or tensor
            As of `call`.
        """
        if self._slot.id_kind == "strings":
            exclusions = self.encode(exclusions)
        return self(queries, k=k, exclusions=exclusions)

    def compute_output_spec(
        self, inputs: Any, k: int | None = None, exclusions: Any = None, allow: Any = None
    ) -> Any:
        """Tell the shapes and dtypes of `call`, candidates or none."""
        shape = (*self._made(inputs).shape[:-1], self.k if k is None else k)
        ids = keras.KerasTensor(shape, dtype=self.id_dtype)
        return self._answer(keras.KerasTensor(shape, dtype="float32"), ids)

    def decode(self, ids: Any) -> NDArray[Any]:
        """Turn what the layer returned into the ids of the candidates, where it returned positions.

        Parameters
        ----------
        ids
            What the layer returned, of any shape.

        Returns
        -------
        NDArray
            int64 or strings, of the same shape: -1 or "" for none.
        """
        places = np.asarray(keras.ops.convert_to_numpy(ids))
        return self._slot.decode(places) if self._by_position() else places.astype(np.int64)

    def encode(self, ids: Any) -> NDArray[np.int64]:
        """Turn ids of candidates into what exclusions and allow-lists hold: `decode` the other way round.

        Parameters
        ----------
        ids
            Integers or strings of any shape; -1 or "" is none, and so is what is no candidate's.

        Returns
        -------
        NDArray[np.int64]
            Of the same shape.
        """
        names = as_names(ids).reshape(np.shape(ids))
        return self._slot.encode(names) if self._by_position() else names.astype(np.int64)

    def save_assets(self, inner_path: str) -> None:
        """Write the index into a ``.keras`` file that is being saved."""
        if self.index is not None:
            self.index.save(os.path.join(inner_path, ASSET))

    def load_assets(self, inner_path: str | None) -> None:
        """Read the index out of a ``.keras`` file."""
        path = None if inner_path is None else os.path.join(inner_path, ASSET)
        if path is not None and os.path.exists(path):
            # The folder is gone when the model is loaded: into memory, not mapped.
            self.publish(leafscan.load(path, memory=True))

    def save_own_variables(self, store: Any) -> None:
        """Save no variable; where weights alone are saved, warn that the index is not among them."""
        super().save_own_variables(store)
        if self.index is not None and _weights_alone():
            warnings.warn(
                f"{self.name}: save_weights does not save the candidates of {type(self).__name__}, which are "
                "no weights. Save the model (model.save), or the index beside the weights "
                "(layer.index.save), and publish it where they are loaded (layer.publish).",
                stacklevel=2,
            )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor but for the candidates."""
        config = super().get_config()
        config.update(
            positions=self.positions,
            seed=int(self.seed),
            threads=None if self.threads is None else int(self.threads),
            device=self.device,
        )
        return config

    def _device_variables(self) -> list[Any]:
        index = self.index
        if self._on_device is None or index is None:
            return []
        dtype = self.id_dtype
        held: list[Any] = self._on_device.variables(index, by_position=self._by_position(), dtype=dtype)
        return held

    def _has_own(self) -> bool:
        return self.index is not None

    def _own_embeddings(self) -> Any:
        self._tell_of_index("candidate_embeddings", "layer.index.vectors(layer.index.ids)")

    def _own_ids(self) -> Any:
        self._tell_of_index("candidate_ids", "layer.index.ids")

    def _tell_of_index(self, name: str, place: str) -> None:
        # Not given in place of being told: Keras, when it saves, looks into every attribute.
        if self.index is not None:
            raise AttributeError(f"{self.name} has an index and no `{name}`: take {place}.")

    def _by_position(self) -> bool:
        return self.positions or self._slot.id_kind == "strings"

    def _needs_wide(self, index: leafscan.Index) -> bool:
        if self.positions or index._living.roster.strings or not len(index):
            return False
        ids = index.ids
        if ids.max() < 2**31:
            return False
        if ids.max() > longest_id():
            raise ValueError(
                f"the id {ids.max()} does not fit int32, which is what JAX has while jax_enable_x64 is off. "
                "Switch it on, or give the layer positions=True and decode what it returns."
            )
        return True


def _weights_alone() -> bool:
    """Tell whether Keras is saving weights without assets: no argument of the layer's says so."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "save_weights_only":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
