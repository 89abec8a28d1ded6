"""A crafted file's sections as a pickle, which must fare as the file does."""

import pickle

import numpy as np

import leafscan
from leafscan.index.pickling import restored
from soak.files.craft import TYPES, Crafted

__all__ = ["unpickles"]

_NAMES = {np.dtype(code): name for name, code in TYPES.items()}


def unpickles(data: bytes) -> bool:
    """Return whether an index' pickle with these sections in it comes out.

    Parameters
    ----------
    data
        A file whose container is whole and whose checksums agree.

    Raises
    ------
    Exception
        Whatever unpickling raises, but for `leafscan.FileFormatError`.
    """
    crafted = Crafted.of(data)
    sections = tuple(
        (name, _NAMES[array.dtype], array.shape, array.tobytes()) for name, array in crafted.sections.items()
    )
    listed = crafted.description.get("sections")
    for entry in listed.values() if isinstance(listed, dict) else ():
        if isinstance(entry, dict):
            # None has a pickle where a file has text; what is neither must be refused in both.
            entry["sha256"] = None if isinstance(entry.get("sha256"), str) else 0
    crafted.sealed()
    try:
        pickle.loads(pickle.dumps(_Forged(crafted.text(), sections)))
    except leafscan.FileFormatError:
        return False
    return True


class _Forged:
    """Pickles as an index does."""

    def __init__(self, text: str, sections: tuple[object, ...]) -> None:
        self._arguments = (leafscan.Index, text, sections)

    def __reduce__(self) -> tuple[object, ...]:
        return restored, self._arguments
