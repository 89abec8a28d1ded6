"""ScaNN's tensor ops: arrays of NumPy, JAX, PyTorch or TensorFlow in, and the same out.

The calls are those of ``scann.scann_ops``, which needs TensorFlow. This needs no framework, and runs beside
the one that the queries come from: eagerly, on the CPU, whatever device they lie on.
"""

import os
from collections.abc import Callable
from typing import Any, NoReturn, SupportsIndex

import numpy as np

from leafscan.scann import scann_builder, scann_ops_pybind
from leafscan.scann.results import BatchResult, QueryResult
from leafscan.scann.searcher import ScannSearcher as _ArraySearcher
from leafscan.scann.tensors import on_host

__all__ = ["ScannSearcher", "builder", "create_searcher", "load_searcher", "searcher_from_module"]


class ScannSearcher:
    """A searcher that returns what its queries are: arrays of the same framework, on the same device.

    Indices are int32, and -1 where a batch has fewer neighbours than asked for; the distance there is NaN.

    Examples
    --------
    >>> from leafscan.scann import scann_ops
    >>> builder = scann_ops.builder(np.eye(3, dtype=np.float32), 2, "dot_product")
    >>> searcher = builder.score_brute_force().build()
    >>> searcher.search(np.array([0.0, 2.0, 1.0])).index
    array([1, 2], dtype=int32)
    """

    def __init__(self, searcher: _ArraySearcher) -> None:
        if searcher.docids is not None:
            raise ValueError(
                "tensors hold numbers, not docids; for a searcher with docids take "
                "leafscan.scann.scann_ops_pybind."
            )
        self._searcher = searcher

    @property
    def searcher(self) -> _ArraySearcher:
        """The searcher beneath, which takes and returns NumPy arrays."""
        return self._searcher

    def search(
        self,
        q: Any,
        final_num_neighbors: SupportsIndex | None = None,
        pre_reorder_num_neighbors: SupportsIndex | None = None,
        leaves_to_search: SupportsIndex | None = None,
    ) -> QueryResult:
        """Find the neighbours of one query, (d,).

        Returns
        -------
        QueryResult
            ``index`` and ``distance``, (m,), best first.

        Raises
        ------
        TypeError, ValueError
            As for `leafscan.scann.scann_ops_pybind.ScannSearcher.search`, whose parameters these are.
        """
        array, back = on_host(q, "q")
        found = self._searcher.search(array, final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search)
        return QueryResult(back(found.index.astype(np.int32)), back(found.distance))

    def search_batched(
        self,
        q: Any,
        final_num_neighbors: SupportsIndex | None = None,
        pre_reorder_num_neighbors: SupportsIndex | None = None,
        leaves_to_search: SupportsIndex | None = None,
    ) -> BatchResult:
        """Find the neighbours of each of a batch, (q, d), on this thread.

        Returns
        -------
        BatchResult
            ``indices`` and ``distances``, (q, k), best first.

        Raises
        ------
        TypeError, ValueError
            As for `search`.
        """
        asked = (final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search)
        return _batch(self._searcher.search_batched, q, *asked)

    def search_batched_parallel(
        self,
        q: Any,
        final_num_neighbors: SupportsIndex | None = None,
        pre_reorder_num_neighbors: SupportsIndex | None = None,
        leaves_to_search: SupportsIndex | None = None,
    ) -> BatchResult:
        """Find the neighbours of each of a batch, (q, d), on all threads that this process may have.

        Returns
        -------
        BatchResult
            As `search_batched` does.

        Raises
        ------
        TypeError, ValueError
            As for `search`.
        """
        asked = (final_num_neighbors, pre_reorder_num_neighbors, leaves_to_search)
        return _batch(self._searcher.search_batched_parallel, q, *asked)

    def serialize(self, artifacts_dir: str | os.PathLike[str]) -> None:
        """Write the searcher to a folder that is there; `load_searcher` reads it."""
        self._searcher.serialize(artifacts_dir)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied, as the searcher beneath does."""
        self._searcher.__reduce__()

    def serialize_to_module(self) -> NoReturn:
        """Refuse: a searcher is no TensorFlow module here.

        Raises
        ------
        NotImplementedError
            Always; it says what to call.
        """
        raise NotImplementedError(
            "leafscan's searcher is no tf.Module: call searcher.serialize(folder), and "
            "scann_ops.load_searcher(folder) where it is needed."
        )


def builder(db: Any, num_neighbors: SupportsIndex, distance_measure: str) -> scann_builder.ScannBuilder:
    """Begin to configure a searcher.

    Parameters
    ----------
    db
        (n, d) real numbers, one row each, of any framework and on any device; they are copied.
    num_neighbors
        How many neighbours a search returns when it does not say.
    distance_measure
        "dot_product" or "squared_l2".

    Returns
    -------
    ScannBuilder
        Configure it, then call its ``build``, which takes ``shared_name`` and ``container`` as TensorFlow's
        does, and has no use for them.

    Raises
    ------
    TypeError, ValueError
        If ``db`` is no array of the shape (n, d).
    """
    made = scann_ops_pybind.ScannBuilder(on_host(db, "db")[0], num_neighbors, distance_measure)
    made.set_builder_lambda(create_searcher)
    return made


def create_searcher(
    db: Any,
    scann_config: str,
    training_threads: SupportsIndex = 0,
    container: str = "",
    shared_name: str | None = None,
    **unused_kwargs: Any,
) -> ScannSearcher:
    """Build a searcher by a configuration.

    Parameters
    ----------
    db
        (n, d) real numbers of any framework.
    scann_config, training_threads
        As for `leafscan.scann.scann_ops_pybind.create_searcher`.
    container, shared_name
        TensorFlow's names of a resource; there is none here.
    **unused_kwargs
        Ignored, except ``docids``, which tensors cannot hold.

    Raises
    ------
    TypeError, ValueError
        If something is wrong with the configuration or the rows, or docids are given.
    """
    del container, shared_name
    made = scann_ops_pybind.create_searcher(
        on_host(db, "db")[0], scann_config, training_threads, unused_kwargs.get("docids")
    )
    return ScannSearcher(made)


def load_searcher(artifacts_dir: str | os.PathLike[str]) -> ScannSearcher:
    """Load what `ScannSearcher.serialize` wrote, or ScaNN.

    Raises
    ------
    ValueError
        If there is no such folder, it holds no searcher, is damaged, or has docids.
    """
    return ScannSearcher(scann_ops_pybind.load_searcher(artifacts_dir))


def searcher_from_module(module: Any, db: Any = None) -> NoReturn:
    """Refuse: a searcher is no TensorFlow module here.

    Raises
    ------
    NotImplementedError
        Always; it says what to call.
    """
    del module, db
    raise NotImplementedError(
        "leafscan makes no searcher of a tf.Module: write one with searcher.serialize(folder) and call "
        "scann_ops.load_searcher(folder)."
    )


def _batch(search: Callable[..., BatchResult], q: Any, *asked: SupportsIndex | None) -> BatchResult:
    array, back = on_host(q, "q")
    found = search(array, *asked)
    # NO_INDEX, the largest number of 32 bits, is -1 with a sign.
    return BatchResult(back(found.indices.astype(np.int32)), back(found.distances))
