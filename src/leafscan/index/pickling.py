"""An index as a pickle: its bytes and what describes them, never a path.

With protocol 5 and a ``buffer_callback`` the sections go out of band, each as one buffer over the memory, or
the mapped file, that the index has them in. What comes out of a pickle is checked as a file is.
"""

import math
import operator
import pickle
from collections.abc import Callable
from typing import Any, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from leafscan.index.container import TYPES
from leafscan.index.contents import Contents
from leafscan.index.errors import FileFormatError
from leafscan.index.files import pack, unpack

__all__ = ["reduced", "restored"]

Restored = TypeVar("Restored")

#: What errors call it.
_SOURCE = "the pickled index"

_NAMES = {np.dtype(code): name for name, code in TYPES.items()}


def reduced(
    kind: Callable[[Contents], Restored], contents: Contents, protocol: SupportsIndex
) -> tuple[Callable[..., Restored], tuple[Any, ...]]:
    """Give what `pickle` writes for an index.

    Parameters
    ----------
    kind
        What makes an index of contents.
    contents
        The index.
    protocol
        Of pickle. From 5 on the sections are ``pickle.PickleBuffer``, which are not copied where the pickler
        has a ``buffer_callback``.

    Returns
    -------
    tuple
        `restored`, and its arguments.
    """
    text, arrays = pack(contents, digests=False)
    out_of_band = operator.index(protocol) >= 5
    sections = tuple(
        (
            name,
            _NAMES[array.dtype],
            array.shape,
            # Read-only, so that a copy of it in the pickle is bytes, which cannot change either.
            pickle.PickleBuffer(array.data.toreadonly()) if out_of_band else array.tobytes(),
        )
        for name, array in arrays.items()
    )
    return restored, (kind, text, sections)


def restored(kind: Callable[[Contents], Restored], text: Any, sections: Any) -> Restored:
    """Make an index of what a pickle held, once all of it is checked as `leafscan.load` checks a file.

    Parameters
    ----------
    kind
        What makes an index of contents.
    text
        What describes the sections.
    sections
        Of each its name, type, shape and bytes. The bytes are used where they lie, and must not change.

    Returns
    -------
    Index
        As it was.

    Raises
    ------
    FileFormatError
        If anything is wrong; the message names the section.
    """
    if not isinstance(text, str) or not isinstance(sections, tuple):
        raise FileFormatError(f"{_SOURCE} does not hold a description and sections.")
    arrays: dict[str, NDArray[Any]] = {}
    for section in sections:
        if not isinstance(section, tuple) or len(section) != 4 or not isinstance(section[0], str):
            raise FileFormatError(f"{_SOURCE} holds a section without name, type, shape and bytes.")
        if section[0] in arrays:
            raise _damaged(section[0], "it is there twice")
        arrays[section[0]] = _array(*section)
    return kind(unpack(text, arrays, _SOURCE, digests=False))


def _array(name: str, dtype: Any, shape: Any, buffer: Any) -> NDArray[Any]:
    if not isinstance(dtype, str) or dtype not in TYPES:
        raise _damaged(name, f"its type is {dtype!r:.20}, which no section has")
    if (
        not isinstance(shape, tuple)
        or not 1 <= len(shape) <= 3
        or not all(type(size) is int and size > 0 for size in shape)
    ):
        raise _damaged(name, f"its shape is {shape!r:.80}")
    try:
        data = np.frombuffer(buffer, np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        raise _damaged(name, f"it cannot be read as bytes ({error})") from error
    if len(data) != math.prod(shape) * np.dtype(TYPES[dtype]).itemsize:
        raise _damaged(name, f"{dtype} of the shape {list(shape)} does not take {len(data)} bytes")
    array = data.view(TYPES[dtype]).reshape(shape)
    if not array.flags.aligned:
        array = array.copy()
    array.flags.writeable = False
    return array


def _damaged(name: str, why: str) -> FileFormatError:
    return FileFormatError(f"{_SOURCE}: the section {name!r:.80} is damaged: {why}.")
