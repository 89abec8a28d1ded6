"""An index file taken apart, and put together again with checksums that agree or don't.

Nothing of leafscan is used: what is written here goes by the documented format alone.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["TYPES", "Crafted", "join", "split"]

#: safetensors' names of the types that sections have.
TYPES = {
    "U64": "<u8",
    "I64": "<i8",
    "F32": "<f4",
    "U32": "<u4",
    "U16": "<u2",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
}
_NAMES = {np.dtype(code): name for name, code in TYPES.items()}

_ALIGNMENT = 64


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a valid file's header, as JSON gives it, and what follows it."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def join(header: dict[str, Any] | bytes, body: bytes) -> bytes:
    """Return a file of this header, filled up with blanks, and this body."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + body


@dataclass
class Crafted:
    """The parts of a file, to be changed at will.

    Parameters
    ----------
    description
        The file's own entry in the header.
    sections
        The arrays by name, without what fills them up.
    """

    description: dict[str, Any]
    sections: dict[str, NDArray[Any]]

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Take a valid file apart."""
        header, body = split(data)
        description = json.loads(header.pop("__metadata__")["leafscan"])
        sections = {}
        for name, entry in header.items():
            if not name.endswith(".padding"):
                begin, end = entry["data_offsets"]
                array = np.frombuffer(body[begin:end], TYPES[entry["dtype"]])
                sections[name] = array.reshape(entry["shape"]).copy()
        return cls(description, sections)

    def signed(self) -> bytes:
        """Return the file with every type, shape and checksum in its description made right."""
        self.description["sections"] = {
            name: {
                "dtype": array.dtype.name,
                "shape": list(array.shape),
                "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
            }
            for name, array in sorted(self.sections.items())
        }
        return self.sealed()

    def sealed(self) -> bytes:
        """Return the file with only the description's checksum over itself made right."""
        said = {name: value for name, value in self.description.items() if name != "checksum"}
        self.description["checksum"] = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        return self.plain()

    def text(self) -> str:
        """Return the description as it is."""
        return json.dumps(self.description)

    def plain(self) -> bytes:
        """Return the file as its parts are."""
        header: dict[str, Any] = {"__metadata__": {"leafscan": self.text()}}
        body = bytearray()
        for name, array in self.sections.items():
            missing = -array.nbytes % _ALIGNMENT
            header[name] = _entry(_NAMES[array.dtype], array.shape, len(body), array.nbytes)
            body += array.tobytes()
            if missing:
                count = missing // array.itemsize
                header[f"{name}.padding"] = _entry(_NAMES[array.dtype], (count,), len(body), missing)
                body += bytes(missing)
        return join(header, bytes(body))


def _entry(dtype: str, shape: tuple[int, ...], begin: int, nbytes: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, begin + nbytes]}
