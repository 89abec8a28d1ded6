"""Scores of the best candidates once more."""

from dataclasses import dataclass

from leafscan.index.config.part import Part
from leafscan.index.config.row_dtype import RowDtype, check_row_dtype
from leafscan.index.numbers import real_number


@dataclass(frozen=True, kw_only=True, slots=True)
class Reorder(Part):
    """Score the best candidates of the codes again, by the rows.

    Parameters
    ----------
    dtype
        What the rows are kept in: "float32"; "bfloat16", half the bytes, each component within 1/256 of
        itself; or "int8", a quarter of the bytes, each component within 1/254 of the largest that its
        dimension has in any row. Scores are those of the rows as they are kept, and fewer bytes are read
        sooner.
    anisotropic_quantization_threshold
        ScaNN's threshold T, in the scale of the rows, of the rounding to bfloat16 or int8 ("noise shaping"):
        errors along a row weigh more than those across it, as with `AsymmetricHash`, so that some components
        are rounded the other way and large dot products come out nearer to what they were. 0 rounds each
        component to the nearest, which alone serves squared_l2 and float32.

    Examples
    --------
    >>> Reorder(dtype="int8", anisotropic_quantization_threshold=0.2).dtype
    'int8'
    >>> Reorder(dtype="int4")
    Traceback (most recent call last):
    ValueError: Reorder's dtype must be "float32", "bfloat16" or "int8"; received 'int4'.
    """

    dtype: RowDtype = "float32"
    anisotropic_quantization_threshold: float = 0.0

    def __post_init__(self) -> None:
        check_row_dtype(self.dtype, "Reorder")
        name = "Reorder's anisotropic_quantization_threshold"
        threshold = real_number(self.anisotropic_quantization_threshold, name, low=0)
        self.set_plain("anisotropic_quantization_threshold", threshold)
        if threshold > 0 and self.dtype == "float32":
            raise ValueError(
                f"{name} is for the rounding to bfloat16 or int8, and float32 is not rounded; "
                f"leave it out, or give another dtype; received {threshold}."
            )
