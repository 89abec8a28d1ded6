"""ScaNN's four figures of health, out of leafscan's."""

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
    raise NotImplementedError
