"""ScaNN's builder: each call adds a stanza, `create_config` writes them, `build` hands them on."""

import math
from collections.abc import Callable
from typing import Any, Self, SupportsFloat, SupportsIndex

from leafscan.index.numbers import whole_number
from leafscan.index.threads import MAX_THREADS
from leafscan.scann import parts, stanzas
from leafscan.scann.config_text import ConfigText
from leafscan.scann.modes import IncrementalMode, ReorderType

__all__ = ["IncrementalMode", "ReorderType", "ScannBuilder"]

BuilderLambda = Callable[..., Any]


class ScannBuilder:
    """Configures a searcher, one part a call; every call returns the builder.

    Parameters
    ----------
    db
        (n, d) real numbers, one row each.
    num_neighbors
        How many neighbours a search returns when it does not say.
    distance_measure
        "dot_product" or "squared_l2"; checked by `create_config`, as ScaNN does.

    Examples
    --------
    >>> import numpy as np
    >>> from leafscan import scann
    >>> rows = np.random.default_rng(0).standard_normal((1_000, 16), dtype=np.float32)
    >>> builder = scann.scann_ops_pybind.builder(rows, 10, "dot_product")
    >>> searcher = builder.tree(30, 10).score_ah(2, 0.2).reorder(100).build()
    >>> indices, distances = searcher.search(rows[7])
    >>> indices.dtype, indices.shape, int(indices[0])
    (dtype('uint32'), (10,), 7)
    """

    def __init__(self, db: Any, num_neighbors: SupportsIndex, distance_measure: str) -> None:
        self.db = db
        self.num_neighbors = num_neighbors
        self.distance_measure = distance_measure
        self.training_threads = 0
        self.builder_lambda: BuilderLambda | None = None
        self.params: dict[str, dict[str, Any]] = {}

    def set_n_training_threads(self, threads: SupportsIndex) -> Self:
        """Set how many threads train; 0 stands for all that this process may have.

        Raises
        ------
        TypeError, ValueError
            If it is not a whole number from 0.
        """
        self.training_threads = whole_number(threads, "threads", low=0, high=MAX_THREADS)
        return self

    def set_builder_lambda(self, builder_lambda: BuilderLambda) -> Self:
        """Set what `build` calls: ``builder_lambda(db, config, training_threads, docids=..., **kwargs)``.

        Raises
        ------
        TypeError
            If it cannot be called.
        """
        if not callable(builder_lambda):
            raise TypeError(
                "builder_lambda must be callable with (db, config, training_threads, docids=..., **kwargs); "
                f"received {builder_lambda!r:.80}."
            )
        self.builder_lambda = builder_lambda
        return self

    def pca(
        self,
        reduction_dim: SupportsIndex | None = None,
        pca_significance_threshold: SupportsFloat | None = 0.80,
        pca_truncation_threshold: SupportsFloat | None = 0.6,
    ) -> Self:
        """Let codes see principal components alone.

        Parameters
        ----------
        reduction_dim
            How many; None for as many as carry ``pca_significance_threshold`` of the variance. Where both
            are there, this counts.
        pca_significance_threshold
            The share of the variance, above 0 and at most 1.
        pca_truncation_threshold
            Kept in the configuration; leafscan has no use for it.
        """
        return self._add(
            "pca",
            stanzas.pca(
                reduction_dim=reduction_dim,
                pca_significance_threshold=pca_significance_threshold,
                pca_truncation_threshold=pca_truncation_threshold,
            ),
        )

    def truncate(self, reduction_dim: SupportsIndex) -> Self:
        """Let codes see ``reduction_dim`` dimensions of embeddings that can be cut short.

        leafscan sees as many principal components, which carry at least what the first dimensions do.
        """
        return self._add("truncate", stanzas.truncation(reduction_dim=reduction_dim))

    def upper_tree(
        self,
        num_leaves: SupportsIndex,
        num_leaves_to_search: SupportsIndex,
        avq: SupportsFloat = math.nan,
        soar_lambda: SupportsFloat | None = None,
        overretrieve_factor: SupportsFloat | None = None,
        scoring_mode: ReorderType = ReorderType.INT8,
        anisotropic_quantization_threshold: SupportsFloat = math.nan,
    ) -> Self:
        """Group the tree's leaves into upper leaves, of which a query scores the best alone.

        Parameters
        ----------
        num_leaves
            How many upper leaves.
        num_leaves_to_search
            Of how many a query scores the leaves.
        avq, soar_lambda, overretrieve_factor, scoring_mode, anisotropic_quantization_threshold
            Kept in the configuration; leafscan's upper leaves have no use for them.
        """
        return self._add(
            "upper_tree",
            stanzas.upper_tree(
                num_leaves=num_leaves,
                num_leaves_to_search=num_leaves_to_search,
                avq=avq,
                soar_lambda=soar_lambda,
                overretrieve_factor=overretrieve_factor,
                scoring_mode=scoring_mode,
                anisotropic_quantization_threshold=anisotropic_quantization_threshold,
            ),
        )

    def tree(
        self,
        num_leaves: SupportsIndex,
        num_leaves_to_search: SupportsIndex,
        training_sample_size: SupportsIndex = 100_000,
        min_partition_size: SupportsFloat = 50,
        training_iterations: SupportsIndex = 12,
        spherical: bool = False,
        quantize_centroids: bool = False,
        random_init: bool = True,
        incremental_threshold: SupportsIndex | float | None = None,
        avq: SupportsFloat | None = None,
        soar_lambda: SupportsFloat | None = None,
        overretrieve_factor: SupportsFloat | None = None,
        distance_measure: None = None,
        projection: None = None,
        upper_tree: None = None,
    ) -> Self:
        """Partition the rows into leaves.

        Parameters
        ----------
        num_leaves
            How many, at most the number of rows.
        num_leaves_to_search
            How many a query visits, at least 1; more than there are means all.
        training_sample_size
            How many rows the centroids are trained on.
        min_partition_size, quantize_centroids, random_init, incremental_threshold, overretrieve_factor
            Kept in the configuration. leafscan's leaves are of like size as they are, it always routes in
            integers, begins at rows, keeps up with updates by itself, and counts a row once.
        training_iterations
            How many rounds of k-means.
        spherical
            Partition by direction, where the rows are of length 1.
        avq
            Route by centroids refit for large products, at least 1; "dot_product" only.
        soar_lambda
            List each row in a second leaf by SOAR; "dot_product" only.
        distance_measure, projection, upper_tree
            The builder fills these in; leave them out.
        """
        _leave_out("tree", distance_measure=distance_measure, projection=projection, upper_tree=upper_tree)
        return self._add(
            "tree",
            stanzas.partitioning(
                num_leaves=num_leaves,
                num_leaves_to_search=num_leaves_to_search,
                training_sample_size=training_sample_size,
                min_partition_size=min_partition_size,
                training_iterations=training_iterations,
                spherical=spherical,
                quantize_centroids=quantize_centroids,
                random_init=random_init,
                incremental_threshold=incremental_threshold,
                avq=avq,
                soar_lambda=soar_lambda,
                overretrieve_factor=overretrieve_factor,
            ),
        )

    def score_ah(
        self,
        dimensions_per_block: SupportsIndex,
        anisotropic_quantization_threshold: SupportsFloat = math.nan,
        training_sample_size: SupportsIndex = 100_000,
        min_cluster_size: SupportsFloat = 100,
        hash_type: str = "lut16",
        training_iterations: SupportsIndex = 10,
        residual_quantization: bool | None = None,
        n_dims: None = None,
        projection: None = None,
    ) -> Self:
        """Score by codes.

        Parameters
        ----------
        dimensions_per_block
            How many dimensions one code stands for.
        anisotropic_quantization_threshold
            ScaNN's T, from 0; NaN for the plain squared error, which alone serves "squared_l2".
        training_sample_size
            How many rows the codewords are trained on.
        min_cluster_size
            ScaNN ignores it, and so does leafscan.
        hash_type
            "lut16", codes of 4 bits, or "lut256", codes of 8.
        training_iterations
            How many rounds of training.
        residual_quantization
            Kept in the configuration; leafscan's codes stand for differences to centroids wherever there is a
            tree.
        n_dims, projection
            The builder fills these in; leave them out.
        """
        _leave_out("score_ah", n_dims=n_dims, projection=projection)
        del min_cluster_size
        stanza = stanzas.asymmetric_hash(
            dimensions_per_block=dimensions_per_block,
            anisotropic_quantization_threshold=anisotropic_quantization_threshold,
            training_sample_size=training_sample_size,
            hash_type=hash_type,
            training_iterations=training_iterations,
        )
        if residual_quantization is not None:
            stanza["use_residual_quantization"] = bool(residual_quantization)
        return self._add("score_ah", stanza)

    def score_brute_force(self, quantize: ReorderType | bool = ReorderType.FLOAT32) -> Self:
        """Score by the rows, in float32, or kept in int8 (True means that, too) or bfloat16."""
        return self._add("score_bf", stanzas.brute_force(quantize=quantize))

    def reorder(
        self,
        reordering_num_neighbors: SupportsIndex,
        quantize: ReorderType | bool = ReorderType.FLOAT32,
        anisotropic_quantization_threshold: SupportsFloat = math.nan,
    ) -> Self:
        """Score the best ``reordering_num_neighbors`` by codes again, by the rows.

        Parameters
        ----------
        reordering_num_neighbors
            How many; a search for more neighbours than that raises it to their number.
        quantize
            What the rows are kept in.
        anisotropic_quantization_threshold
            T of the rounding to int8 or bfloat16; NaN rounds to the nearest.
        """
        return self._add(
            "reorder",
            stanzas.reordering(
                reordering_num_neighbors=reordering_num_neighbors,
                quantize=quantize,
                anisotropic_quantization_threshold=anisotropic_quantization_threshold,
            ),
        )

    def autopilot(
        self,
        mode: IncrementalMode = IncrementalMode.NONE,
        quantize: ReorderType = ReorderType.FLOAT32,
    ) -> Self:
        """Leave the plan to leafscan, which goes by the rows; no other part may then be configured.

        Parameters
        ----------
        mode
            Kept in the configuration; every index takes updates.
        quantize
            What the rows are kept in, where there are enough of them to be scored by codes.
        """
        return self._add("autopilot", stanzas.autopilot(mode=mode, quantize=quantize))

    def create_config(self) -> str:
        """Write ScaNN's text proto.

        Returns
        -------
        str
            The configuration, as ``create_searcher`` takes it.

        Raises
        ------
        TypeError, ValueError
            If ``num_neighbors`` or ``distance_measure`` is none, or parts do not go together.
        """
        return ConfigText.write(self._settings())

    def build(self, docids: Any = None, **kwargs: Any) -> Any:
        """Write the configuration and hand it, with the rows, to what `set_builder_lambda` set.

        Parameters
        ----------
        docids
            A name for each row, each different; without them rows are called by their number, and cannot be
            updated.
        **kwargs
            Handed on.

        Raises
        ------
        RuntimeError
            If no builder lambda was set.
        TypeError, ValueError
            If something is wrong with the configuration, the rows or the docids.
        """
        if self.builder_lambda is None:
            raise RuntimeError(
                "build() has nothing to call: take the builder from scann_ops_pybind.builder(...) or "
                "scann_ops.builder(...), or give it a function by set_builder_lambda(...)."
            )
        return self.builder_lambda(
            self.db, self.create_config(), self.training_threads, docids=docids, **kwargs
        )

    def _add(self, name: str, stanza: dict[str, Any]) -> Self:
        if name in self.params:
            called = {"score_bf": "score_brute_force"}.get(name, name)
            raise ValueError(f"{called} has already been configured; call it once.")
        self.params[name] = stanza
        return self

    def _settings(self) -> dict[str, Any]:
        return parts.settings(self.params, self.num_neighbors, self.distance_measure, self.db)


def _leave_out(call: str, **filled: object) -> None:
    for name, value in filled.items():
        if value is not None:
            raise ValueError(f"{call}'s {name} is what the builder fills in by itself; leave it out.")
