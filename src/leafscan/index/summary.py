"""An index in one line."""

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.metric import Metric

__all__ = ["size_of", "summary"]

_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def summary(n: int, dim: int, metric: Metric, config: Config, nbytes: int) -> str:
    """Tell size, metric and plan.

    Examples
    --------
    >>> summary(1_000, 32, "cosine", Config(), 128_000)
    '1,000 x 32, cosine, exact, 128 kB'
    """
    parts = [f"{n:,} x {dim}", metric]
    if config.tree is not None:
        parts.append(f"{config.tree.num_leaves:,} leaves")
    if isinstance(config.score, AsymmetricHash):
        parts.append(f"{config.score.lookup_bits}-bit codes")
        if config.reorder is not None:
            first = f"{config.reorder.first_dtype} and " if config.reorder.first_dtype else ""
            parts.append(f"{first}{config.reorder.dtype} reordering")
    else:
        parts.append("exact" if config.row_dtype == "float32" else f"exact in {config.row_dtype}")
    return ", ".join([*parts, size_of(nbytes)])


def size_of(nbytes: int) -> str:
    """Tell a number of bytes.

    Examples
    --------
    >>> size_of(999), size_of(12_345)
    ('999 bytes', '12.3 kB')
    """
    if nbytes < 1000:
        return f"{nbytes} bytes"
    unit = next((unit for unit in _UNITS if nbytes < 1000 * _UNITS[unit]), "GB")
    return f"{nbytes / _UNITS[unit]:.3g} {unit}"
