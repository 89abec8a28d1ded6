"""Scores by the rows themselves."""

from dataclasses import dataclass

from leafscan.index.config.part import Part
from leafscan.index.config.row_dtype import RowDtype, check_row_dtype


@dataclass(frozen=True, kw_only=True, slots=True)
class BruteForce(Part):
    """Score by the rows themselves, exactly.

    Parameters
    ----------
    dtype
        What the rows are kept in, and so what "exactly" means: "float32"; "bfloat16", half the bytes, each
        component within 1/256 of itself; or "int8", a quarter of the bytes, each component within 1/254 of
        the largest that its dimension has in any row. Scores are those of the rows as they are kept.

    Examples
    --------
    >>> BruteForce(dtype="int8").to_dict()
    {'dtype': 'int8'}
    """

    dtype: RowDtype = "float32"

    def __post_init__(self) -> None:
        check_row_dtype(self.dtype, "BruteForce")
