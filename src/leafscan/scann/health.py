"""ScaNN's four figures of health."""

import numpy as np

from leafscan.scann.living import Living

__all__ = ["stats"]


def stats(living: Living) -> dict[str, float]:
    """Return ScaNN's figures.

    Parameters
    ----------
    living
        What a searcher searches.

    Returns
    -------
    dict
        ``avg_quantization_error``, ``partition_weighted_avg_relative_imbalance``,
        ``partition_avg_relative_positive_imbalance`` and ``sum_partition_sizes``.
    """
    leaves = living.leaves()
    total = 0 if leaves is None else int(leaves.sizes.sum())
    error = weighted = positive = 0.0
    if leaves is not None and total:
        # By how many times its share a leaf holds more than its share.
        excess = leaves.sizes * (len(leaves.sizes) / total) - 1
        weighted = float(np.average(excess, weights=leaves.sizes))
        positive = float(excess[excess > 0].mean()) if (excess > 0).any() else 0.0
        error = leaves.error
    return {
        "avg_quantization_error": error,
        "partition_weighted_avg_relative_imbalance": weighted,
        "partition_avg_relative_positive_imbalance": positive,
        "sum_partition_sizes": total,
    }
