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


@dataclass(frozen=True)
class Source:
    """Where a data set comes from; nothing is fetched before it is asked for.

    Attributes
    ----------
    name, metric
        Of the set.
    make
        Takes a scratch folder and returns base rows and queries.
    """

    name: str
    metric: Metric
    make: Callable[[Path], tuple[Matrix, Matrix]]

    def whole(self) -> DataSet:
        """Return all of it."""
        return self._known(self.name) or self._describe(self.name, *self._arrays())

    def first(self, rows: int, queries: int) -> DataSet:
        """Return its first rows and queries, with neighbours of their own; the whole's are not sought."""
        base, asked = self._arrays()
        rows, queries = min(rows, len(base)), min(queries, len(asked))
        if (rows, queries) == (len(base), len(asked)):
            return self.whole()
        name = f"{self.name}-{rows}-{queries}"
        return self._known(name) or self._describe(name, base[:rows], asked[:queries])

    def _arrays(self) -> tuple[Matrix, Matrix]:
        place = folder("data", self.name)
        files = [place / "base.npy", place / "queries.npy"]
        if not all(file.exists() for file in files):
            scratch = folder("data", self.name, "scratch")
            try:
                for file, part in zip(files, self.make(scratch), strict=True):
                    _write(file, np.ascontiguousarray(part, dtype=np.float32))
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        base, queries = (np.load(file, mmap_mode="r") for file in files)
        return base, queries

    def _known(self, name: str) -> DataSet | None:
        description = folder("data", name) / "description.json"
        return DataSet(**json.loads(description.read_text())) if description.exists() else None

    def _describe(self, name: str, base: Matrix, queries: Matrix) -> DataSet:
        """Find the neighbours; the description is written last, when all that it stands for is there."""
        place = folder("data", name)
        base, queries = np.ascontiguousarray(base), np.ascontiguousarray(queries)
        ids, scores = exact_neighbours(base, queries, self.metric, NEIGHBOURS)
        digest = hashlib.sha256(base.tobytes())
        digest.update(queries.tobytes())
        dataset = DataSet(
            name=name,
            metric=self.metric,
            rows=base.shape[0],
            dimensions=base.shape[1],
            queries=queries.shape[0],
            local_dimension=round(local_intrinsic_dimension(base), 2),
            neighbour_norm=float(np.median(np.linalg.norm(base[np.unique(ids)], axis=1))),
            fingerprint=digest.hexdigest()[:16],
        )
        if name != self.name:
            _write(dataset.base_file, base)
            _write(dataset.queries_file, queries)
        np.save(place / "truth_ids.npy", ids)
        np.save(place / "truth_scores.npy", scores)
        (place / "description.json").write_text(json.dumps(asdict(dataset), indent=1))
        return dataset


def _write(file: Path, rows: Matrix) -> None:
    # Under another name first: an interrupted run must leave nothing that looks complete.
    part = file.with_name("part-" + file.name)
    np.save(part, rows)
    part.replace(file)
