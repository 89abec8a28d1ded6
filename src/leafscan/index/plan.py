"""leafscan's own choice of a plan, and how what a plan leaves open is filled.

The numbers that are choices stand at the top, each with its reason.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from leafscan.index import deciding
from leafscan.index.config import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.decisions import Decision
from leafscan.index.metric import Metric
from leafscan.index.projection import components_for

__all__ = ["decide", "default_plan", "is_resolved", "planned", "reasons", "resolve"]

#: Below this many rows exact search is quick enough that approximation buys nothing anyone would notice.
EXACT_BELOW = 20_000

#: Leaves for n rows are this times sqrt(n). Finer leaves need fewer points for the same recall: on 331k rows
#: 600 leaves (1 sqrt(n)) had to scan 32,500 points for a routing recall of .97, 2,400 (4 sqrt(n)) 19,300.
LEAVES_PER_SQUARE_ROOT = 4.0

#: A leaf holds at least this many rows on average, since codes are scanned in groups of 32.
ROWS_PER_LEAF = 40

#: The share of the leaves that a query visits, and the fewest: with it the five packaged sets reach recall@10
#: of .990 to 1.000.
SEARCHED_SHARE = 0.1
SEARCHED_AT_LEAST = 10

#: The share of the upper leaves that a query goes through: with twice sqrt(leaves) of them, 8,000 leaves on
#: GloVe (331k x 100) keep .996 of the routing recall of a visit to 1 % of the leaves, in two thirds of the
#: time.
UPPER_SHARE = 0.25

#: Rows that are reordered, thirty for each of the usual k = 10: 100 lose .01, 500 win .001 to .004.
CANDIDATES = 300

#: Two dimensions to a 4-bit code is the field's usual half a byte for 8 bytes of float32.
DIMENSIONS_PER_BLOCK = 2

#: From this many dimensions on, codes see the principal components that carry this share of the variance,
#: rounded up to whole groups of code blocks, if these are at most this share of the dimensions. Fashion-MNIST
#: (784): 64 components reach .98 in half of the time that all take; SIFT (128): 64 are as good as all.
PROJECTED_FROM = 96
VARIANCE_SEEN = 0.88
COMPONENTS_MULTIPLE = 8
PROJECTED_SHARE = 0.5

#: The decision that is of all of a plan, where it was chosen by measuring.
PLAN = "plan"

#: The scan adds up one entry a block in 15 bits.
MAX_BLOCKS = 32_767

#: How much more an error along a row weighs than one across it, for dot products: scores near the maximum are
#: those whose query points along the row. ScaNN's T = 0.2 at 100 dimensions and unit length is eta = 4.1.
ETA = 3.0

#: For dot products of rows whose norms have at least this standard deviation, as a share of their mean,
#: routing goes by AVQ centroids of this eta: it saves 18 % of the points on trained embeddings whose norms
#: vary by .18, and half of them where GloVe's rows are given norms that vary by .3.
NORMS_DIFFER = 0.1
AVQ_ETA = 4.0

#: The norms of this many rows, evenly spread, tell the scale of all.
NORM_SAMPLE = 10_000


def default_plan(n: int, dim: int, metric: Metric, *, exact_below: int = EXACT_BELOW) -> Config:
    """Choose a plan by size alone.

    Parameters
    ----------
    n
        How many rows.
    dim
        How many dimensions.
    metric
        "dot_product", "cosine" or "squared_l2"; by size alone the choice is the same for all. What depends
        on the rows, the anisotropic threshold, whether AVQ centroids route and whether codes see principal
        components, `resolve` adds.
    exact_below
        With fewer rows than that the choice is exact search.

    Returns
    -------
    Config
        The plan, with what depends on the rows still open.

    Examples
    --------
    >>> default_plan(1_000, 32, "cosine").score
    BruteForce(dtype='float32')
    >>> default_plan(1_000_000, 100, "cosine").tree.num_leaves
    4000
    """
    if n < exact_below:
        return Config()
    leaves = min(round(LEAVES_PER_SQUARE_ROOT * math.sqrt(n)), n // ROWS_PER_LEAF)
    return Config(
        tree=Tree(num_leaves=leaves),
        score=AsymmetricHash(dimensions_per_block=min(DIMENSIONS_PER_BLOCK, dim)),
        reorder=Reorder(),
        search=SearchParams(leaves=_searched(leaves), candidates=CANDIDATES),
    )


def resolve(config: Config | None, vectors: NDArray[np.float32], metric: Metric) -> Config:
    """Check a plan against the rows, and fill what it leaves open.

    Parameters
    ----------
    config
        What the caller asked for; None asks for `default_plan`.
    vectors
        (n, d) float32, as given.
    metric
        "dot_product", "cosine" or "squared_l2".

    Returns
    -------
    Config
        The plan with every None filled that has a value; resolving it again changes nothing.

    Raises
    ------
    ValueError
        If the plan asks for more leaves than there are rows, for blocks wider than the rows, or, with
        squared_l2, for an anisotropic threshold, spherical leaves or avq_eta.

    Examples
    --------
    >>> asked = Config(tree=Tree(num_leaves=50))
    >>> resolve(asked, np.ones((100, 4), np.float32), "cosine").search
    SearchParams(leaves=10, candidates=None, refined=None, upper_leaves=None, stop=None)
    """
    return decide(config, vectors, metric)[0]


def decide(
    config: Config | None,
    vectors: NDArray[np.float32],
    metric: Metric,
    *,
    n: int | None = None,
    exact_below: int = EXACT_BELOW,
) -> tuple[Config, tuple[Decision, ...]]:
    """Do as `resolve` does, and tell why.

    Parameters
    ----------
    config, vectors, metric
        As `resolve` takes them.
    n
        How many rows the index is to have, where ``vectors`` are a sample of them; None for all.
    exact_below
        With fewer rows than that the choice is exact search.

    Returns
    -------
    config : Config
        The plan.
    decisions : tuple of Decision
        What the caller left open, and why it is as it is.

    Raises
    ------
    ValueError
        As `resolve`.

    Examples
    --------
    >>> decisions = decide(None, np.ones((100, 4), np.float32), "cosine")[1]
    >>> [(one.part, one.value) for one in decisions]
    [('score', 'brute_force')]
    """
    n = len(vectors) if n is None else n
    told: list[Decision] = []
    if config is None:
        config = _planned(vectors, metric, n, exact_below, told)
    if config.tree is not None and config.tree.num_leaves > n:
        raise ValueError(
            f"Tree's num_leaves must be at most the number of rows; "
            f"received {config.tree.num_leaves} leaves for {n} rows."
        )
    tree = None if config.tree is None else _resolve_tree(config.tree, metric, told)
    score = config.score
    if isinstance(score, AsymmetricHash):
        score = _resolve_hash(score, vectors, metric, told)
    if metric == "squared_l2" and config.reorder is not None:
        _check_plain("Reorder", config.reorder.anisotropic_quantization_threshold)
    leaves, candidates = config.search.leaves, config.search.candidates
    if leaves is None and config.tree is not None:
        leaves = _searched(config.tree.num_leaves)
        told.append(_leaves(leaves, config.tree.num_leaves))
    if candidates is None and config.reorder is not None:
        candidates = CANDIDATES
        told.append(deciding.candidates(candidates))
    upper = config.search.upper_leaves
    if upper is None and config.tree is not None and config.tree.upper_leaves is not None:
        upper = math.ceil(UPPER_SHARE * config.tree.upper_leaves)
        told.append(deciding.upper_leaves(upper, config.tree.upper_leaves, UPPER_SHARE))
    search = dataclasses.replace(config.search, leaves=leaves, candidates=candidates, upper_leaves=upper)
    return dataclasses.replace(config, tree=tree, score=score, search=search), tuple(told)


def planned(vectors: NDArray[np.float32], metric: Metric, *, exact_below: int = EXACT_BELOW) -> Config:
    """Choose a plan by size and by what the rows are like.

    Parameters
    ----------
    vectors
        (n, d) float32, as given.
    metric
        "dot_product", "cosine" or "squared_l2".
    exact_below
        With fewer rows than that the choice is exact search.

    Returns
    -------
    Config
        What is left open in it, `resolve` fills.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(2_000, 8)).astype(np.float32)
    >>> planned(rows, "cosine", exact_below=0).tree.num_leaves
    50
    """
    return _planned(vectors, metric, len(vectors), exact_below, [])


def reasons(config: Config, vectors: NDArray[np.float32], metric: Metric) -> tuple[Decision, ...]:
    """Tell why a plan is as it is that tuning went on from, without making it anew.

    What was found of the rows' components is not found again: of these no more is told than the plan says.

    Parameters
    ----------
    config
        The plan that was chosen.
    vectors, metric
        As `resolve` takes them.

    Returns
    -------
    tuple of Decision
        The first is of the whole `PLAN`; whatever the others do not tell was measured.

    Examples
    --------
    >>> rows = np.ones((100, 4), np.float32)
    >>> [(one.part, one.value) for one in reasons(Config(), rows, "cosine")]
    [('plan', 'measured')]
    """
    told = [Decision(part=PLAN, value="measured", why="plans were built, and their searches measured.")]
    return (*told, *usual(config, vectors, metric))


def usual(
    config: Config, vectors: NDArray[np.float32], metric: Metric, *, n: int | None = None
) -> tuple[Decision, ...]:
    """Tell what leafscan would choose for rows where it can be told without much ado, and why.

    Parameters
    ----------
    config
        Any resolved plan: whether it has leaves and components is not asked again.
    vectors, metric, n
        As `decide` takes them.

    Examples
    --------
    >>> rows = np.ones((100, 4), np.float32)
    >>> asked = Config(tree=Tree(num_leaves=25, spherical=False))
    >>> [(one.part, one.value) for one in usual(asked, rows, "cosine", n=40_000)]
    [('tree.num_leaves', 800), ('tree.spherical', True)]
    """
    n = len(vectors) if n is None else n
    dim = vectors.shape[1]
    told: list[Decision] = []
    if config.tree is None:
        return ()
    leaves = max(1, min(round(LEAVES_PER_SQUARE_ROOT * math.sqrt(n)), n // ROWS_PER_LEAF))
    told.append(deciding.num_leaves(leaves, n, LEAVES_PER_SQUARE_ROOT, ROWS_PER_LEAF))
    seen = config.score.pca_dimensions if isinstance(config.score, AsymmetricHash) else None
    if seen is not None:
        why = f"so many of {dim} principal components carry {VARIANCE_SEEN:g} of the variance and more."
        told.append(deciding.seen(seen, why))
    _routed(config, vectors, metric, told)
    bare = dataclasses.replace(config.tree, spherical=None)
    _resolve_tree(bare, metric, told)
    if isinstance(config.score, AsymmetricHash):
        score = dataclasses.replace(config.score, anisotropic_quantization_threshold=None)
        _resolve_hash(score, vectors, metric, told)
    return tuple(told)


def _planned(
    vectors: NDArray[np.float32], metric: Metric, n: int, exact_below: int, told: list[Decision]
) -> Config:
    dim = vectors.shape[1]
    config = default_plan(n, dim, metric, exact_below=exact_below)
    if config.tree is None:
        told.append(deciding.exact(n, exact_below))
        return config
    leaves = config.tree.num_leaves
    told += [
        deciding.hashed(n, min(DIMENSIONS_PER_BLOCK, dim)),
        deciding.num_leaves(leaves, n, LEAVES_PER_SQUARE_ROOT, ROWS_PER_LEAF),
        deciding.float32_rows(),
        _leaves(_searched(leaves), leaves),
        deciding.candidates(CANDIDATES),
    ]
    return _routed(_projected(config, vectors, metric, told), vectors, metric, told)


def _projected(config: Config, vectors: NDArray[np.float32], metric: Metric, told: list[Decision]) -> Config:
    """Let codes see principal components alone, where few of them carry nearly all of the variance."""
    dim = vectors.shape[1]
    if not isinstance(config.score, AsymmetricHash):
        return config

    def note(value: int | None, why: str) -> None:
        told.append(deciding.seen(value, why))

    if dim < PROJECTED_FROM:
        note(None, f"codes see all {dim} dimensions: from {PROJECTED_FROM} on fewer components may do.")
        return config
    needed = components_for(vectors, VARIANCE_SEEN, normalize=metric == "cosine")
    seen = -(-needed // COMPONENTS_MULTIPLE) * COMPONENTS_MULTIPLE
    carry = f"{needed} of {dim} principal components carry {VARIANCE_SEEN:g} of the variance"
    if seen > PROJECTED_SHARE * dim:
        note(None, f"{carry}, more than {PROJECTED_SHARE:g} of all: codes see every dimension.")
        return config
    note(seen, f"{carry}; rounded up to {COMPONENTS_MULTIPLE}s, codes and routing see no more.")
    return dataclasses.replace(config, score=dataclasses.replace(config.score, pca_dimensions=seen))


def _routed(config: Config, vectors: NDArray[np.float32], metric: Metric, told: list[Decision]) -> Config:
    """Let routing go by AVQ centroids, where the rows' norms ask for it."""
    if config.tree is None or metric != "dot_product":
        return config
    norms = _norms(vectors)
    with np.errstate(all="ignore"):
        spread = float(norms.std() / norms.mean())
    differ = NORMS_DIFFER <= spread < math.inf
    told.append(deciding.routed(AVQ_ETA if differ else None, spread, NORMS_DIFFER))
    if not differ:
        return config
    return dataclasses.replace(config, tree=dataclasses.replace(config.tree, avq_eta=AVQ_ETA))


def _leaves(leaves: int, of: int) -> Decision:
    return deciding.leaves(leaves, of, SEARCHED_SHARE, SEARCHED_AT_LEAST)


def _searched(leaves: int) -> int:
    return min(leaves, max(SEARCHED_AT_LEAST, math.ceil(SEARCHED_SHARE * leaves)))


def _resolve_tree(tree: Tree, metric: Metric, told: list[Decision]) -> Tree:
    if metric == "squared_l2":
        if tree.spherical:
            raise ValueError(
                "Tree's spherical partitions by direction, which squared_l2 does not go by; leave it out, "
                'give False, or build with metric="cosine" or "dot_product".'
            )
        if tree.avq_eta is not None and tree.avq_eta > 1:
            raise ValueError(
                "Tree's avq_eta weighs errors of dot products; with squared_l2 leave it out or give 1; "
                f"received {tree.avq_eta}."
            )
    spherical = tree.spherical
    if spherical is None:
        spherical = metric == "cosine"
        told.append(deciding.spherical(spherical, metric))
    return dataclasses.replace(tree, spherical=spherical)


def _resolve_hash(
    score: AsymmetricHash, vectors: NDArray[np.float32], metric: Metric, told: list[Decision]
) -> AsymmetricHash:
    dim = vectors.shape[1]
    threshold = score.anisotropic_quantization_threshold
    if score.dimensions_per_block > dim:
        raise ValueError(
            f"AsymmetricHash's dimensions_per_block must be at most the number of dimensions, {dim}; "
            f"received {score.dimensions_per_block}."
        )
    seen = score.pca_dimensions or dim
    if seen > dim:
        raise ValueError(
            f"AsymmetricHash's pca_dimensions must be at most the number of dimensions, {dim}; "
            f"received {seen}."
        )
    if score.dimensions_per_block > seen:
        raise ValueError(
            f"AsymmetricHash's dimensions_per_block must be at most pca_dimensions, {seen}; "
            f"received {score.dimensions_per_block}."
        )
    if -(-seen // score.dimensions_per_block) > MAX_BLOCKS:
        raise ValueError(
            f"AsymmetricHash must come to at most {MAX_BLOCKS:,} blocks; "
            f"received {seen:,} dimensions in blocks of {score.dimensions_per_block}. "
            "Give more dimensions_per_block, or pca_dimensions."
        )
    if metric == "squared_l2":
        _check_plain("AsymmetricHash", threshold)
    if threshold is None:
        threshold = 0.0 if metric == "squared_l2" else _threshold(vectors, metric)
        told.append(deciding.threshold(threshold, ETA))
    return dataclasses.replace(score, anisotropic_quantization_threshold=threshold)


def _check_plain(part: str, threshold: float | None) -> None:
    if threshold:
        raise ValueError(
            f"{part}'s anisotropic_quantization_threshold is for dot products; with squared_l2 leave it out "
            f"or give 0; received {threshold}."
        )


def _threshold(vectors: NDArray[np.float32], metric: Metric) -> float:
    """Return the T that gives a row of the median norm the weight `ETA`; 0 where no T does."""
    dim = vectors.shape[1]
    if dim == 1:
        return 0.0  # A single dimension has no error across the row to weigh against.
    share = math.sqrt(ETA / (dim - 1 + ETA))
    if metric == "cosine":
        return share
    threshold = share * float(np.median(_norms(vectors)))
    return threshold if math.isfinite(threshold) else 0.0


def _norms(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the norms of a sample of the rows."""
    # Rows that are not finite are for the engine to name; here they must only do no harm.
    with np.errstate(all="ignore"):
        sample = vectors[:: max(1, len(vectors) // NORM_SAMPLE)].astype(np.float64)
        norms: NDArray[np.float64] = np.linalg.norm(sample, axis=1)
    return norms


def is_resolved(config: Config) -> bool:
    """Return whether `resolve` has nothing left to fill in ``config``.

    Examples
    --------
    >>> is_resolved(Config()), is_resolved(Config(tree=Tree(num_leaves=3)))
    (True, False)
    """
    score, search, tree = config.score, config.search, config.tree
    return not (
        (isinstance(score, AsymmetricHash) and score.anisotropic_quantization_threshold is None)
        or (tree is not None and search.leaves is None)
        or (tree is not None and tree.upper_leaves is not None and search.upper_leaves is None)
        or (config.reorder is not None and search.candidates is None)
    )
