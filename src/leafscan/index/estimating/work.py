"""How much work each stage of a build is, so that the time of one build tells that of another.

Work is counted in multiply-adds of the dense kernels, one number of one row against one of another; what
goes slower is weighed by how much slower it was measured to go. Only ratios of it are used, between two
builds of the same kind on the same machine.
"""

import math
from dataclasses import dataclass

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.plan import PROJECTED_FROM
from leafscan.index.projection import SAMPLE

__all__ = ["Size", "build_work"]

#: As the engine has them (native/leafscan/train): from so many centroids on they start from groups; rows of
#: a group see at least so many of them, and this share; rows near a centroid are compared with so many.
GROUPED_FROM = 512
FEWEST_SEEN, SHARE_SEEN = 256, 1 / 6
NEIGHBOURS = 128
FEW_ROUNDS, FEW_POINTS = 4, 32
POINTS_PER_GROUP, GROUP_ROUNDS = 512, 8
POINTS_PER_CLUSTER, CLUSTER_ROUNDS = 128, 6
CENTROID_ROUNDS = 6

#: In multiply-adds (some 20 ps of one Zen 4 core): choosing the better of two centroids for a row; putting
#: one of a centroid's neighbours in its place; adding a number of a row to a mean, its way from memory
#: included, and what goes with every row.
CHOSEN = 4.3
SORTED = 286.0
MOVED = 69.0
ROW = 413.0

#: Ahead of the stages, in multiply-adds of NumPy's products: looking at a number; centring one; and the
#: components of a covariance, for each of its numbers and dimensions.
LOOKED = 4.0
CENTRED = 30.0
EIGEN = 45.0


@dataclass(frozen=True, slots=True)
class Size:
    """What is built: n rows of so many dimensions, by a resolved plan."""

    n: int
    dim: int
    config: Config
    chosen: bool = False  # the plan is leafscan's own, for which it looks at the components of the rows


def build_work(size: Size) -> dict[str, float]:
    """Return the work of each stage of a build, by the names that the engine gives them.

    "before" is what comes ahead of the first stage: looking at every row.

    Examples
    --------
    >>> from leafscan.index.config import Tree
    >>> plan = Config(tree=Tree(num_leaves=100, soar_lambda=1.0), score=AsymmetricHash())
    >>> small, large = (build_work(Size(n, 50, plan)) for n in (10_000, 100_000))
    >>> large["spilling into second leaves"] / small["spilling into second leaves"]
    10.0
    """
    n, dim, tree = size.n, size.dim, size.config.tree
    work = {"before": LOOKED * n * dim + _components(size)}
    if tree is not None:
        leaves = tree.num_leaves
        trained = min(n, max(tree.training_sample_size, leaves))
        work["training the tree"] = _kmeans(trained, leaves, tree.training_iterations, dim)
        if trained < n:
            work["filling the leaves"] = _assign_all(n, leaves, dim) + _nearby(n, leaves, dim)
        if tree.upper_leaves is not None:
            work["training the upper tree"] = _kmeans(
                leaves, tree.upper_leaves, tree.training_iterations, dim
            )
        if tree.soar_lambda is not None and leaves > 1:
            work["spilling into second leaves"] = 2.0 * n * leaves * dim
        if tree.avq_eta is not None and tree.avq_eta > 1:
            work["refitting the centroids"] = float(n * dim)
    score = size.config.score
    if isinstance(score, AsymmetricHash):
        seen = score.pca_dimensions or dim
        # A row is projected, and each of its numbers compared with every codeword, some three times.
        coded = seen * 2.0**score.lookup_bits * 3 + (dim * seen if score.pca_dimensions else dim)
        sample = min(n, score.training_sample_size)
        work["training the codes"] = sample * coded * score.training_iterations
        listings = 2 if tree is not None and tree.soar_lambda is not None and tree.num_leaves > 1 else 1
        work["coding the rows"] = listings * n * coded
    if size.config.row_dtype is not None:
        work["laying out the rows"] = float(n * dim)
    return work


def _components(size: Size) -> float:
    """Return the work of principal components: of a sample's rows, once to choose and once to use them."""
    score, n, dim = size.config.score, size.n, size.dim
    times = int(size.chosen and isinstance(score, AsymmetricHash) and dim >= PROJECTED_FROM)
    times += int(isinstance(score, AsymmetricHash) and score.pca_dimensions is not None)
    rows = -(-n // max(1, n // SAMPLE))
    return times * (rows * dim * (dim + CENTRED) + EIGEN * dim**3)


def _kmeans(points: int, clusters: int, rounds: int, dim: int, *, from_points: bool = False) -> float:
    if clusters < GROUPED_FROM or from_points:
        few = min(FEW_ROUNDS, rounds - 1)
        chosen = min(points, FEW_POINTS * clusters)
        starts = few * (_compared(chosen, clusters, dim) + _moved(chosen, dim)) + _compared(
            points, clusters, dim
        )
        later = rounds - few - 1
    else:
        groups = math.isqrt(clusters)
        coarse = _kmeans(min(points, groups * POINTS_PER_GROUP), groups, GROUP_ROUNDS, dim)
        # Each group's own clusters, whose number is again about the square root.
        own = clusters / groups
        members = round(min(points / groups, POINTS_PER_CLUSTER * own))
        fine = groups * _kmeans(members, max(1, round(own)), CLUSTER_ROUNDS, dim, from_points=True)
        starts = coarse + _compared(points, groups, dim) + fine + _assign_all(points, clusters, dim)
        later = rounds - 1
    return starts + _moved(points, dim) + later * (_nearby(points, clusters, dim) + _moved(points, dim))


def _assign_all(points: int, centroids: int, dim: int) -> float:
    if centroids < GROUPED_FROM:
        return _compared(points, centroids, dim)
    groups = math.isqrt(centroids)
    seen = min(centroids, max(FEWEST_SEEN, round(SHARE_SEEN * centroids)))
    each = _compared(points, groups, dim) + _compared(points, seen, dim)
    return each + _kmeans(centroids, groups, CENTROID_ROUNDS, dim)


def _nearby(points: int, centroids: int, dim: int) -> float:
    around = centroids * centroids * (dim + SORTED)
    return _compared(points, min(NEIGHBOURS, centroids), dim) + around


def _compared(points: int, centroids: int, dim: int) -> float:
    return float(points) * centroids * (dim + CHOSEN)


def _moved(points: int, dim: int) -> float:
    return points * (MOVED * dim + ROW)
