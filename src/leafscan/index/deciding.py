"""The reasons for the parts of a plan, in words; `leafscan.index.plan` has the numbers that are choices."""

from leafscan.index.decisions import Decision

__all__ = [
    "candidates",
    "exact",
    "float32_rows",
    "hashed",
    "leaves",
    "num_leaves",
    "routed",
    "seen",
    "spherical",
    "threshold",
    "upper_leaves",
]


def exact(n: int, below: int) -> Decision:
    """Tell why every row is scored."""
    why = f"{n:,} rows are below {below:,}: exact search is as quick as anyone would notice."
    return Decision(part="score", value="brute_force", why=why)


def hashed(n: int, width: int) -> Decision:
    """Tell why rows have codes."""
    why = (
        f"{n:,} rows are too many to score each; codes of 4 bits for {width} dimensions are far fewer bytes."
    )
    return Decision(part="score", value="asymmetric_hash", why=why)


def float32_rows() -> Decision:
    """Tell why rows are kept as they are."""
    return Decision(part="reorder.dtype", value="float32", why="rows as they are given, so scores are exact.")


def num_leaves(count: int, n: int, per_root: float, per_leaf: int) -> Decision:
    """Tell why there are so many leaves.

    Examples
    --------
    >>> num_leaves(4_000, 1_000_000, 4, 40).why
    '4 times the square root of 1,000,000 rows, 250 to a leaf.'
    """
    if count == round(per_root * n**0.5):
        why = f"{per_root:g} times the square root of {n:,} rows, {n / count:.0f} to a leaf."
    else:
        why = f"one for {per_leaf} of {n:,} rows, since codes are scanned in groups of 32."
    return Decision(part="tree.num_leaves", value=count, why=why)


def leaves(count: int, of: int, share: float, at_least: int) -> Decision:
    """Tell why a query visits so many leaves.

    Examples
    --------
    >>> leaves(10, 10, 0.1, 10).why, leaves(10, 50, 0.1, 10).why
    ('all of them, which are few.', 'at least 10, of 50.')
    """
    if count == of:
        why = "all of them, which are few."
    elif count == at_least:
        why = f"at least {at_least}, of {of:,}."
    else:
        why = f"{share:.0%} of {of:,}, which reach a recall of .99 and more on the packaged sets."
    return Decision(part="search.leaves", value=count, why=why)


def upper_leaves(count: int, of: int, share: float) -> Decision:
    """Tell why a query goes through so many upper leaves."""
    why = f"{share:.0%} of {of:,} keep nearly all of what a search of all finds."
    return Decision(part="search.upper_leaves", value=count, why=why)


def candidates(count: int) -> Decision:
    """Tell why so many rows are scored again."""
    why = "thirty for each of the usual k = 10: 100 lose .01 of recall, 500 win .001 to .004."
    return Decision(part="search.candidates", value=count, why=why)


def seen(value: int | None, why: str) -> Decision:
    """Tell why codes see so many components, or all dimensions."""
    return Decision(part="score.pca_dimensions", value=value, why=why)


def routed(eta: float | None, spread: float, differ: float) -> Decision:
    """Tell what leaves are routed by."""
    lengths = f"the rows' norms differ by {spread:.2g} of their mean"
    if eta is None:
        why = f"{lengths}, less than {differ:g}: leaves are routed by their means."
    else:
        why = f"{lengths}, at least {differ:g}: centroids that weigh errors along a row route better."
    return Decision(part="tree.avq_eta", value=eta, why=why)


def spherical(value: bool, metric: str) -> Decision:
    """Tell what leaves are partitioned by."""
    why = "cosine goes by directions alone."
    if not value:
        why = f"{metric} goes by more than directions: leaves are partitioned by distance."
    return Decision(part="tree.spherical", value=value, why=why)


def threshold(value: float, eta: float) -> Decision:
    """Tell how errors of codes are weighed."""
    why = "errors weigh alike in every direction."
    if value:
        why = f"errors along a row of median norm weigh {eta:g} times those across: best scores move by them."
    return Decision(part="score.anisotropic_quantization_threshold", value=value, why=why)
