"""What rows are kept in."""

from typing import Literal, TypeAlias, get_args

RowDtype: TypeAlias = Literal["float32", "bfloat16", "int8"]


def check_row_dtype(value: object, part: str) -> None:
    """Check that ``value`` is a `RowDtype`; ``part`` is whose it is."""
    if not isinstance(value, str) or value not in get_args(RowDtype):
        raise ValueError(f'{part}\'s dtype must be "float32", "bfloat16" or "int8"; received {value!r:.80}.')
