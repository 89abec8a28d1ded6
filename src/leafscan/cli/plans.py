"""Plans, sizes and times in words."""

from __future__ import annotations

from leafscan.index.config import AsymmetricHash, Config, SearchParams

__all__ = ["params_in_words", "plan_in_words", "size_in_words", "time_in_words"]

_UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def size_in_words(nbytes: int) -> str:
    """Tell a number of bytes.

    Examples
    --------
    >>> size_in_words(999), size_in_words(12_345_678)
    ('999 bytes', '12.3 MB')
    """
    if nbytes < 1000:
        return f"{nbytes} bytes"
    unit = next((unit for unit in _UNITS if nbytes < 1000 * _UNITS[unit]), "TB")
    return f"{nbytes / _UNITS[unit]:.3g} {unit}"


def plan_in_words(config: Config) -> str:
    """Tell what a plan consists of.

    Examples
    --------
    >>> from leafscan import Reorder, Tree
    >>> plan_in_words(Config())
    'exact search in float32'
    >>> plan_in_words(Config(tree=Tree(num_leaves=900), score=AsymmetricHash(), reorder=Reorder()))
    '900 leaves, 4-bit codes of 2 dimensions, float32 reordering'
    """
    parts = []
    tree, score, reorder = config.tree, config.score, config.reorder
    if tree is not None:
        parts.append(
            f"{tree.num_leaves:,} leaves" + (" twice (SOAR)" if tree.soar_lambda is not None else "")
        )
        if tree.upper_leaves is not None:
            parts.append(f"{tree.upper_leaves:,} upper leaves")
        if tree.avq_eta is not None and tree.avq_eta > 1:
            parts.append("AVQ routing")
    if isinstance(score, AsymmetricHash):
        seen = f" of {score.pca_dimensions} components, by" if score.pca_dimensions is not None else " of"
        parts.append(f"{score.lookup_bits}-bit codes{seen} {score.dimensions_per_block} dimensions")
        if reorder is None:
            parts.append("no reordering")
        else:
            first = f"{reorder.first_dtype} and " if reorder.first_dtype else ""
            parts.append(f"{first}{reorder.dtype} reordering")
    else:
        parts.append(f"exact search in {score.dtype}" if tree is None else f"exact in {score.dtype}")
    return ", ".join(parts)


def params_in_words(params: SearchParams) -> str:
    """Tell how thoroughly a search goes.

    Examples
    --------
    >>> params_in_words(SearchParams(leaves=30, candidates=1_500)), params_in_words(SearchParams())
    ('30 leaves, 1,500 candidates', 'all rows')
    """
    said = [f"{value:,} {name.replace('_', ' ')}" for name, value in params.to_dict().items() if value]
    return ", ".join(said) or "all rows"


def time_in_words(microseconds: float) -> str:
    """Tell a time of one query.

    Examples
    --------
    >>> time_in_words(41.26), time_in_words(2_500)
    ('41.3 us', '2.5 ms')
    """
    return f"{microseconds:.3g} us" if microseconds < 1000 else f"{microseconds / 1000:.3g} ms"
