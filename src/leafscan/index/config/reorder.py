"""Scores of the best candidates once more."""

from dataclasses import dataclass

from leafscan.index.config.part import Part
from leafscan.index.config.row_dtype import BYTES, RowDtype, check_row_dtype
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
    first_dtype
        Keep the rows once more in this smaller dtype, and reorder in two stages: all candidates are scored by
        the smaller rows, and only the best of them, `SearchParams` ``refined``, by the rows in ``dtype``,
        whose scores are returned. A search then reads little more than the smaller rows take and finds nearly
        always what the larger ones would; the index grows by the smaller rows. None reorders in one stage.
    anisotropic_quantization_threshold
        ScaNN's threshold T, in the scale of the rows, of every rounding to bfloat16 or int8 ("noise
        shaping"): errors along a row weigh more than those across it, as with `AsymmetricHash`, so that some
        components are rounded the other way and large dot products come out nearer to what they were. 0
        rounds each component to the nearest, which alone serves squared_l2 and float32.

    Examples
    --------
    >>> Reorder(dtype="int8", anisotropic_quantization_threshold=0.2).dtype
    'int8'
    >>> Reorder(dtype="int4")
    Traceback (most recent call last):
    ValueError: Reorder's dtype must be "float32", "bfloat16" or "int8"; received 'int4'.
    >>> Reorder(dtype="bfloat16", first_dtype="float32")
    Traceback (most recent call last):
    ValueError: Reorder's first_dtype must take fewer bytes than dtype, "bfloat16"; received 'float32'. ...
    """

    dtype: RowDtype = "float32"
    first_dtype: RowDtype | None = None
    anisotropic_quantization_threshold: float = 0.0

    def __post_init__(self) -> None:
        check_row_dtype(self.dtype, "Reorder")
        if self.first_dtype is not None:
            check_row_dtype(self.first_dtype, "Reorder", "first_dtype")
            if BYTES[self.first_dtype] >= BYTES[self.dtype]:
                raise ValueError(
                    f'Reorder\'s first_dtype must take fewer bytes than dtype, "{self.dtype}"; '
                    f"received {self.first_dtype!r}. Give a smaller one, or leave it out."
                )
        name = "Reorder's anisotropic_quantization_threshold"
        threshold = real_number(self.anisotropic_quantization_threshold, name, low=0)
        self.set_plain("anisotropic_quantization_threshold", threshold)
        if threshold > 0 and self.dtype == "float32" and self.first_dtype is None:
            raise ValueError(
                f"{name} is for the rounding to bfloat16 or int8, and float32 is not rounded; "
                f"leave it out, or give another dtype or first_dtype; received {threshold}."
            )
