"""The native engine: arrays in, arrays out. It parses no file and trusts what `leafscan.index` checked."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["dot_product", "squared_l2"]
RowDtype = Literal["float32", "bfloat16", "int8"]
Progress = Callable[[str, int, int], None]

def build(
    vectors: NDArray[np.float32],
    *,
    metric: Metric,
    normalize: bool,
    num_leaves: int,
    tree_sample_size: int,
    tree_iterations: int,
    dimensions_per_block: int,
    code_sample_size: int,
    code_iterations: int,
    anisotropic_threshold: float,
    keep_rows: bool,
    seed: int,
    threads: int,
    soar_lambda: float | None = None,
    projection: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
    row_dtype: RowDtype = "float32",
    row_threshold: float = 0.0,
    first_row_dtype: RowDtype | None = None,
    upper_leaves: int = 0,
    spherical: bool | None = None,
    avq_eta: float = 1.0,
    lookup_bits: Literal[4, 8] = 4,
) -> dict[str, NDArray[Any]]:
    """Train and lay out an index; returns its sections.

    ``vectors`` is (n, d), C-ordered, and may be read-only. ``normalize`` scales rows to length 1 as they are
    read (cosine; zero rows stay zero). ``num_leaves`` 0 means no tree; ``dimensions_per_block`` 0 means no
    codes; ``anisotropic_threshold`` 0 means plain squared error. ``keep_rows`` False drops the rows after
    hashing. ``soar_lambda`` lists every row in a second leaf as well (SOAR); it needs two leaves and codes.
    ``upper_leaves``, at most ``num_leaves``, groups the leaves, and those of a group are numbered one after
    the other; 0 means no upper leaves.
    ``projection`` (p, d), orthonormal rows, is all of a row that codes and routing see; the caller adds it to
    the sections. ``row_dtype`` is what rows are kept in, and ``row_threshold`` the anisotropic threshold of
    their rounding, 0 for rounding to the nearest; it is for dot products and has no effect on float32.
    ``lookup_bits`` are the bits of a code.
    ``first_row_dtype`` keeps the rows once more, for the first of two stages of reordering.
    ``spherical`` partitions by direction; None does so where ``normalize`` is set; it is not for squared_l2.
    ``avq_eta`` above 1, for dot products, routes by centroids under the anisotropic loss of that weight.
    ``progress`` receives (stage, done, total) on the calling thread, at most about twenty times a second;
    what it raises ends the build and comes out of this call. Ctrl-C ends the build with KeyboardInterrupt. A
    row that holds NaN or infinity raises ValueError and names the first such row.

    Sections (always C-ordered):

    - ``order`` uint32 (n,): row r of the index is ``vectors[order[r]]``
    - ``rows`` (n, d), where kept: leaf-major, as the metric wants them, in float32, in uint16 (the bits of
      bfloat16) or in int8
    - ``row_scales`` float32 (d,), with int8 rows: component i of a row stands for ``row_scales[i]`` times it
    - ``first_rows``, ``first_row_scales``, with ``first_row_dtype``: as their namesakes
    - ``leaf_offsets`` uint64 (leaves + 1,): the first row of each leaf; always there, one leaf without a tree
    - ``stop_scales`` float32 (3,), with a tree and codes: over the score that routes what a row of a leaf
      scores on average, and the mean and the variance of the squared residuals; files of older versions have
      none
    - ``center`` float32 (d,), with squared_l2 and a tree or codes: what centroids and codes take off
    - ``centroids`` float32 (leaves, d), with a tree
    - ``routing_centroids`` float32 (leaves, d), with a tree and ``avq_eta`` above 1: what queries are
      routed by in place of the centroids, which residuals are seen from
    - ``leaf_scales``, ``leaf_biases`` float32 (leaves,), with a tree and dot_product: a leaf's score for a
      query q is ``scale * <q, centroid> + bias * |q|``
    - ``upper_centroids`` float32 (upper_leaves, d), with upper leaves
    - ``upper_scales``, ``upper_biases`` float32 (upper_leaves,), with them and dot_product: as of leaves
    - ``upper_offsets`` uint64 (upper_leaves + 1,), with upper leaves: the first leaf of each
    - ``codebooks`` float32 (blocks, 2 ** lookup_bits, dimensions_per_block), with codes; missing dimensions
      are zero
    - ``codes`` uint8 (groups, padded_blocks, 16), with codes: groups of 32 points, leaf after leaf; byte j of
      a block holds point j's code in its low half and point j + 16's in its high half. With 8 bits (groups,
      padded_blocks, 32): byte j is point j's code. Blocks are padded to whole cache lines
    - ``terms`` int16 (groups, 32), with codes and squared_l2
    - ``term_scale`` float32 (1,), with codes and squared_l2
    - ``live`` uint32 (groups,), with codes: bit j is set where point j of the group is there
    - ``spill_offsets`` uint64 (leaves + 1,), with SOAR: as ``leaf_offsets``, of the second listing
    - ``spill_rows`` uint32 (spill groups, 32), with SOAR: the row of each point, 0 where there is none
    - ``spill_codes``, ``spill_terms``, ``spill_live``, with SOAR: as their namesakes
    """

class Filter:
    """Which rows a search may return, compiled by `Searcher.compile_filter` for that searcher alone."""

    @property
    def allowed(self) -> int:
        """How many rows are allowed."""

    @property
    def version(self) -> int:
        """The `Searcher.version` that it was compiled for."""

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""

def keep_rows(
    vectors: NDArray[np.float32],
    order: NDArray[np.uint32],
    *,
    normalize: bool,
    dtype: RowDtype,
    threshold: float,
    threads: int,
    prefix: str = "",
) -> dict[str, NDArray[Any]]:
    """Lay out the rows ``order`` (m,) of ``vectors`` (n, d) as `build` does.

    Returns the sections ``rows`` and, for int8, ``row_scales``, with ``prefix`` before their names.
    """

class Searcher:
    """Search over sections. They are read in place (mapped files too) and kept alive; nothing is copied."""

    def __init__(
        self,
        sections: Mapping[str, NDArray[Any]],
        *,
        metric: Metric,
        dim: int,
        ids: NDArray[np.int64] | None = None,
    ) -> None:
        """Take sections that are consistent; ``ids`` (n,) by row, by default ``order``."""

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        leaves: int,
        candidates: int,
        threads: int,
        normalize: bool = False,
        filter: Filter | None = None,
        refined: int = 0,
        upper_leaves: int = 0,
        stop: float | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Search (d,) or (q, d), C-ordered; gives ids and scores, (k,) or (q, k), best first.

        ``leaves`` is ignored without a tree, ``candidates`` (raised to k) without codes or without rows, and
        ``refined`` (raised to k; 0 is the larger of 2 k and k + 10) without first rows. ``upper_leaves`` is
        of how many a query looks at the leaves, 0 for all, and ignored with ``filter`` or without upper
        leaves. With ``stop`` ``leaves`` are the most that a query visits: it reads on until the leaves that
        come next score too little for it, by this bound (`SearchParams`); ignored without a tree, codes or
        ``stop_scales``, and NaN raises ValueError.
        Padding: id -1, score -inf (squared_l2: +inf). A query that holds NaN or infinity raises ValueError,
        which names the first such query. With ``filter`` only allowed rows are returned; one that another
        searcher compiled raises ValueError.
        """

    def search_among(
        self,
        queries: NDArray[np.float32],
        k: int,
        leaves: int,
        candidates: int,
        threads: int,
        normalize: bool = False,
        filter: Filter | None = None,
        refined: int = 0,
        upper_leaves: int = 0,
        stop: float | None = None,
        allow: NDArray[np.uint32] | None = None,
        deny: NDArray[np.uint32] | None = None,
        allow_mask: NDArray[np.uint8] | None = None,
        deny_mask: NDArray[np.uint8] | None = None,
        mask_rows: NDArray[np.uint32] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Search as `search` does, for each query among rows of its own, which ``filter`` allows too.

        ``allow`` and ``deny`` are (q, m) rows in any order; what is no row of the index (2**32 - 1, say)
        fills up. ``allow_mask`` and ``deny_mask`` are (q, p) bytes, not 0 where the row that ``mask_rows``
        (p,) has at that place is named. What is allowed and denied is denied. Without a mask or a list to
        allow, all is allowed that is not denied. q is 1 for queries of (d,).
        """

    def search_traced(
        self,
        queries: NDArray[np.float32],
        k: int,
        leaves: int,
        candidates: int,
        threads: int,
        normalize: bool = False,
        filter: Filter | None = None,
        refined: int = 0,
        upper_leaves: int = 0,
        stop: float | None = None,
        allow: NDArray[np.uint32] | None = None,
        deny: NDArray[np.uint32] | None = None,
        allow_mask: NDArray[np.uint8] | None = None,
        deny_mask: NDArray[np.uint8] | None = None,
        mask_rows: NDArray[np.uint32] | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], dict[str, Any]]:
        """Search as `search` does or, with lists or masks, as `search_among`, and tell where time went.

        The third are sums over the queries: ``nanoseconds`` (summed over threads, too) by stage, in order
        ("prepare", "filter", "route", "tables", "scan", "select", "first_rows", "rows", "merge"), and how
        many ``leaves`` were visited, ``points`` had their codes scanned, ``survivors`` the scan left,
        ``first_rows`` and ``rows`` were scored; ``listed`` queries had all that they allow scored instead,
        and ``repeated`` ones were searched again, since denied rows left fewer than k.
        """

    @property
    def count(self) -> int:
        """How many rows are there."""

    @property
    def row_end(self) -> int:
        """All row numbers are below: those of the sections come first, of what came since after them."""

    @property
    def version(self) -> int:
        """A number that no other version has, of any index of this process."""

    @property
    def fresh_nbytes(self) -> int:
        """The memory of what came since the sections were made."""

    def search_exactly(
        self, queries: NDArray[np.float32], k: int, threads: int, normalize: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `search`, but every row is scored, whatever the plan; needs rows."""

    def live_rows(self) -> NDArray[np.uint32]:
        """The rows that are there, ascending."""

    def read_rows(self, rows: NDArray[np.uint32]) -> NDArray[np.float32]:
        """Rows as floats, (m, d); needs rows."""

    def leaf_sizes(self) -> NDArray[np.uint64]:
        """How many rows each leaf holds; one leaf without a tree."""

    def code_errors(self, step: int) -> tuple[float, float]:
        """The mean squared errors of codes, of every ``step``-th row of the sections, and of those since."""

    def folded(self, threads: int) -> tuple[dict[str, NDArray[Any]], NDArray[np.uint32]]:
        """What is there as sections (those that change, without ``order``), and the row of each row."""

    def compile_filter(self, allowed: NDArray[np.uint8], before: Filter | None = None) -> Filter:
        """Compile (row_end,) bytes by row, 0 for rows that must not be returned.

        ``before``, of an earlier version of the same sections, makes it quick where it says the same of all
        rows that are in both versions.
        """

    def route(self, queries: NDArray[np.float32], leaves: int, upper_leaves: int = 0) -> NDArray[np.int32]:
        """The leaves (q, leaves) that each query visits, best first (tree only)."""

class NextVersion:
    """What a writer has prepared."""

    @property
    def searcher(self) -> Searcher:
        """The version, not to be searched before it is committed."""

    @property
    def rows(self) -> NDArray[np.uint32]:
        """The row of each vector that came."""

class Writer:
    """Makes versions from a searcher's on; one call at a time."""

    def __init__(
        self,
        searcher: Searcher,
        *,
        normalize: bool,
        spherical: bool,
        soar_lambda: float,
        anisotropic_threshold: float,
        row_threshold: float,
    ) -> None:
        """Take a searcher that was made from sections, and how they were built (`build`)."""

    def prepare(
        self,
        vectors: NDArray[np.float32] | None,
        ids: NDArray[np.int64],
        removed: NDArray[np.uint32],
        first_position: int,
        threads: int,
        progress: Any = None,
    ) -> NextVersion:
        """Make the version in which ``vectors`` (m, d) came, as ``ids`` (m,), and rows ``removed`` went.

        A vector that holds NaN or infinity raises ValueError, which names the first such vector. What is not
        committed leaves nothing behind.
        """

    def commit(self, next: NextVersion) -> None:
        """Go on from the version that was prepared last."""

def open_slot() -> int:
    """A number that no slot of this process had before; nothing is served there yet."""

def publish_slot(
    slot: int,
    searcher: Searcher,
    *,
    leaves: int,
    candidates: int,
    refined: int,
    upper_leaves: int,
    threads: int,
    normalize: bool,
    ids_are_positions: bool,
    largest_id: int,
    stop: float | None = None,
) -> None:
    """Serve a searcher, with these arguments of `Searcher.search`; ValueError if the slot is closed.

    ``ids_are_positions`` where the searcher has no ids but positions, and handles of what came since. A
    search that finds an id beyond ``largest_id`` raises.
    """

def close_slot(slot: int) -> None:
    """Serve nothing any more; a slot that is closed already stays so."""

def search_slot(
    slot: int,
    queries: NDArray[np.float32],
    k: int,
    *,
    positions: bool = False,
    deny: NDArray[np.int64] | None = None,
    allow: NDArray[np.int64] | None = None,
    vectors: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Search (q, d), C-ordered, in what the slot serves now; ids and scores (q, k), best first, padded.

    With ``positions`` rows are called by the positions in which they were given, in ``deny`` and ``allow``
    too, which are lists for each query, (q, m), filled up with -1; names that the index does not have are
    passed over. ``vectors`` asks for the rows that were found, (q, k, d), else (q, 0, d); where there is none
    they are zero. ValueError if the slot is closed or empty, queries are not finite or of another width, or
    vectors are asked of an index that keeps no rows. The GIL is let go of meanwhile.
    """

def slots_capsule() -> Any:
    """What `search_slot` does, for native modules (native/bindings/slots_api.h)."""

def available_threads() -> int:
    """The processors that affinity and cgroup allow, at least 1."""

def instruction_set() -> str:
    """The instruction set in use, by Highway's name, for example "AVX2"."""

def instruction_sets() -> list[str]:
    """All that this build carries and this processor runs, best first."""

def use_instruction_set(name: str) -> None:
    """Use only this one from now on ("" restores the best); for tests and benchmarks."""
