"""How many bytes a plan takes, before it is built: good to a few percent, for choosing what may be tried."""

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.config.row_dtype import BYTES
from leafscan.index.metric import Metric

__all__ = ["expected_nbytes"]

#: Codes lie in groups of so many points, a block of which takes so many bytes with codes of 4 bits, and is
#: filled up to whole cache lines.
GROUP, BLOCK_BYTES, LINE = 32, 16, 64


def expected_nbytes(config: Config, n: int, dim: int, metric: Metric) -> int:
    """Return about how many bytes the sections of a plan will take.

    Examples
    --------
    >>> expected_nbytes(Config(), 1_000, 16, "cosine")
    68008
    """
    total = 4 * n + 8  # the order, and where leaves begin
    if config.row_dtype is not None:
        total += n * dim * BYTES[config.row_dtype]
    if config.reorder is not None and config.reorder.first_dtype is not None:
        total += n * dim * BYTES[config.reorder.first_dtype]
    leaves = 1 if config.tree is None else config.tree.num_leaves
    if config.tree is not None:
        total += leaves * (4 * dim * (2 if (config.tree.avq_eta or 1) > 1 else 1) + 16)
    score = config.score
    if isinstance(score, AsymmetricHash):
        seen = score.pca_dimensions or dim
        blocks = -(-seen // score.dimensions_per_block)
        group = -(-blocks * BLOCK_BYTES * (score.lookup_bits // 4) // LINE) * LINE
        group += 4 + (2 * GROUP if metric == "squared_l2" else 0)
        groups = n / GROUP + leaves / 2  # a leaf's last group is half full
        spilled = config.tree is not None and config.tree.soar_lambda is not None
        total += round(groups * group)
        if spilled:
            total += round(groups * (group + 4 * GROUP))
        total += blocks * 2**score.lookup_bits * score.dimensions_per_block * 4
        total += 4 * dim * score.pca_dimensions if score.pca_dimensions else 0
    return total
