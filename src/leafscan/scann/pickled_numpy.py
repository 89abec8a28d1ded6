"""NumPy's strings and whole numbers in a pickle, told by their names alone: nothing is imported or called."""

from typing import Any

import numpy as np

__all__ = ["Dtype", "Name", "Vector", "built", "reduced"]

#: The four names that NumPy's pickles of such values use; before NumPy 2 one module had another name.
_NAMES = frozenset(
    {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        *(
            (module, name)
            for module in ("numpy.core.multiarray", "numpy._core.multiarray")
            for name in ("scalar", "_reconstruct")
        ),
    }
)


class Name:
    """A name that a pickle would import.

    Raises
    ------
    ValueError
        If it is none of those that NumPy's strings and whole numbers need.

    Examples
    --------
    >>> Name("numpy", "dtype").name
    'dtype'
    >>> Name("os", "system")
    Traceback (most recent call last):
    ValueError: os.system
    """

    def __init__(self, module: Any, name: Any) -> None:
        if (module, name) not in _NAMES:
            raise ValueError(f"{module!s:.40}.{name!s:.40}")
        self.name: str = name


class Dtype:
    """What a pickle tells of a dtype: strings or whole numbers, and the order of their bytes."""

    def __init__(self, code: Any) -> None:
        kind, size = code[:1], code[1:]
        if not (kind in ("i", "u") and size in ("1", "2", "4", "8")) and not (
            kind == "U" and size.isdecimal() and 0 < int(size) <= 2**16
        ):
            raise ValueError(f"the dtype {code!s:.20}")
        self.code = code
        self.order = "="

    def read(self, data: Any, n: int) -> list[Any]:
        """Read ``n`` values out of bytes."""
        dtype = np.dtype(self.order + self.code)
        if type(data) is not bytes or len(data) != n * dtype.itemsize:
            raise ValueError("an array of another size")
        values: list[Any] = np.frombuffer(data, dtype).tolist()
        return values


class Vector:
    """A NumPy array of one dimension, before and after its values are known."""

    values: list[Any] | None = None


def reduced(called: Any, arguments: Any) -> Any:
    """Answer a call of one of the names, without calling anything.

    Raises
    ------
    ValueError, TypeError
        If no string or whole number of NumPy's is made like that.
    """
    name = called.name if isinstance(called, Name) else ""
    if name == "dtype":
        code, align, copy = arguments
        if (align, copy) == (False, True):
            return Dtype(code)
    elif name == "scalar":
        dtype, data = arguments
        if isinstance(dtype, Dtype):
            return dtype.read(data, 1)[0]
    elif name == "_reconstruct":
        kind, shape, code = arguments
        if isinstance(kind, Name) and kind.name == "ndarray" and shape == (0,) and code == b"b":
            return Vector()
    raise ValueError("a call")


def built(value: Any, state: Any) -> None:
    """Give a dtype its order of bytes, or an array its values.

    Raises
    ------
    ValueError, TypeError
        If they are none.
    """
    if isinstance(value, Dtype):
        version, order, *rest = state
        if version != 3 or order not in ("<", ">", "|", "=") or rest[:3] != [None, None, None]:
            raise ValueError("a dtype of parts")
        value.order = order
    elif isinstance(value, Vector):
        version, shape, dtype, fortran, data = state
        if version != 1 or len(shape) != 1 or not isinstance(dtype, Dtype) or type(fortran) is not bool:
            raise ValueError("an array of more than one dimension")
        value.values = dtype.read(data, shape[0])
    else:
        raise ValueError("a state")
