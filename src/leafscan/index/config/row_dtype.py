"""What rows are kept in."""

from typing import Literal, TypeAlias, get_args

RowDtype: TypeAlias = Literal["float32", "bfloat16", "int8"]


#: The bytes of a component.
BYTES: dict[str, int] = {"float32": 4, "bfloat16": 2, "int8": 1}


def check_row_dtype(value: object, part: str, name: str = "dtype") -> None:
    """Check that ``value`` is a `RowDtype`; ``part`` is whose it is, and ``name`` what it is called there."""
    if not isinstance(value, str) or value not in get_args(RowDtype):
        raise ValueError(f'{part}\'s {name} must be "float32", "bfloat16" or "int8"; received {value!r:.80}.')
