"""Files that are something else altogether."""

import io
import json
import pickle
import zipfile

import numpy as np

from soak.files import hostile

__all__ = ["foreign_file"]


def foreign_file(rng: np.random.Generator, data: bytes) -> bytes:
    """Return a file of another kind, perhaps with some of ``data`` in it."""
    make = hostile.pick(
        rng,
        (_nothing, _noise, _text, _pickled, _npy, _npz, _zipped, _safetensors, _others_description, _twice),
    )
    made: bytes = make(rng, data)
    return made


def _nothing(rng: np.random.Generator, data: bytes) -> bytes:
    return bytes(int(rng.integers(0, 20)) if rng.random() < 0.5 else int(rng.integers(0, 5000)))


def _noise(rng: np.random.Generator, data: bytes) -> bytes:
    return rng.bytes(int(rng.integers(1, 5000)))


def _text(rng: np.random.Generator, data: bytes) -> bytes:
    return str(hostile.pick(rng, ("#!/bin/sh\n", "{}", "<html>", "a,b\n1,2\n", "\ufeff"))).encode() * 30


def _pickled(rng: np.random.Generator, data: bytes) -> bytes:
    # Unpickling it would raise ZeroDivisionError: a reader that did so would be told.
    return pickle.dumps(_Trap()) + data[: int(rng.integers(len(data)))]


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[int, int]]:
        return divmod, (1, 0)


def _npy(rng: np.random.Generator, data: bytes) -> bytes:
    file = io.BytesIO()
    np.save(file, rng.random(20))
    return file.getvalue()


def _npz(rng: np.random.Generator, data: bytes) -> bytes:
    file = io.BytesIO()
    np.savez(file, rows=rng.random(20))
    return file.getvalue()


def _zipped(rng: np.random.Generator, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.leafscan", data)
    return file.getvalue()


def _safetensors(rng: np.random.Generator, data: bytes) -> bytes:
    entry = {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}
    text = json.dumps({"__metadata__": {"format": "pt"}, "weight": entry}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(16)


def _others_description(rng: np.random.Generator, data: bytes) -> bytes:
    entry = {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}
    said = hostile.pick(rng, ("", "{}", "[]", "3", '{"format": 1}', '{"format": 99}', "[" * 3000))
    text = json.dumps({"__metadata__": {"leafscan": said}, "weight": entry}).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text + bytes(64)


def _twice(rng: np.random.Generator, data: bytes) -> bytes:
    return data + data
