"""A data set on disk: base rows, held-out queries, exact neighbours, and what is known of them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.ground_truth import exact_neighbours
from benchmarks.data.local_dimension import local_intrinsic_dimension
from benchmarks.places import folder

Metric = Literal["dot_product", "cosine", "squared_l2"]
Matrix = NDArray[np.float32]
NEIGHBOURS = 10


@dataclass(frozen=True)
class DataSet:
    """What a run needs to know of one data set; the arrays stay on disk.

    Attributes
    ----------
    name
        How the command line calls it.
    metric
        ``dot_product``, ``cosine`` (all rows are unit vectors) or ``squared_l2``.
    rows, dimensions, queries
        Sizes.
    local_dimension
        Maximum-likelihood estimate of the local intrinsic dimension.
    neighbour_norm
        Median Euclidean norm of the rows that are somebody's exact neighbour: by dot product long rows win.
    fingerprint
        First 16 hex digits of the SHA-256 of base and queries: equal means the same data.
    """

    name: str
    metric: Metric
    rows: int
    dimensions: int
    queries: int
    local_dimension: float
    neighbour_norm: float
    fingerprint: str

    @property
    def place(self) -> Path:
        """The folder of the arrays."""
        return folder("data", self.name)

    @property
    def base_file(self) -> Path:
        """Base rows, float32."""
        return self.place / "base.npy"

    @property
    def queries_file(self) -> Path:
        """Held-out queries, float32."""
        return self.place / "queries.npy"

    def base(self) -> Matrix:
        """Map the base rows."""
        return np.load(self.base_file, mmap_mode="r")  # type: ignore[no-any-return]

    def query_rows(self) -> Matrix:
        """Load the queries."""
        return np.load(self.queries_file)  # type: ignore[no-any-return]

    def truth(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Load ids and float64 scores of the exact neighbours, best first (see ``ground_truth``)."""
        return np.load(self.place / "truth_ids.npy"), np.load(self.place / "truth_scores.npy")


def cached(name: str, metric: Metric, make: Callable[[Path], tuple[Matrix, Matrix]]) -> DataSet:
    """Return the data set ``name``, made with ``make(scratch folder)`` unless it is on disk.

    The description is written last, so that an interrupted run leaves nothing that looks complete.
    """
    place = folder("data", name)
    description = place / "description.json"
    if description.exists():
        return DataSet(**json.loads(description.read_text()))
    scratch = folder("data", name, "scratch")
    try:
        base, queries = (np.ascontiguousarray(part, dtype=np.float32) for part in make(scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    ids, scores = exact_neighbours(base, queries, metric, NEIGHBOURS)
    digest = hashlib.sha256(base.tobytes())
    digest.update(queries.tobytes())
    dataset = DataSet(
        name=name,
        metric=metric,
        rows=base.shape[0],
        dimensions=base.shape[1],
        queries=queries.shape[0],
        local_dimension=round(local_intrinsic_dimension(base), 2),
        neighbour_norm=float(np.median(np.linalg.norm(base[np.unique(ids)], axis=1))),
        fingerprint=digest.hexdigest()[:16],
    )
    np.save(dataset.base_file, base)
    np.save(dataset.queries_file, queries)
    np.save(place / "truth_ids.npy", ids)
    np.save(place / "truth_scores.npy", scores)
    description.write_text(json.dumps(asdict(dataset), indent=1))
    return dataset


def first_rows(dataset: DataSet, rows: int, queries: int) -> DataSet:
    """Return the set cut to its first rows and queries, with exact neighbours of its own."""
    if dataset.rows <= rows and dataset.queries <= queries:
        return dataset
    rows, queries = min(rows, dataset.rows), min(queries, dataset.queries)
    return cached(
        f"{dataset.name}-{rows}-{queries}",
        dataset.metric,
        lambda _: (dataset.base()[:rows], dataset.query_rows()[:queries]),
    )
