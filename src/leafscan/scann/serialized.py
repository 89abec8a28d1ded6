"""A searcher in a folder: the index as its own file, the docids, and a small file that holds them together.

The small file is replaced last: whoever reads finds the old searcher or the new one, never parts of both.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import leafscan
from leafscan import FileFormatError
from leafscan.index.atomic import replacing
from leafscan.scann.config_text import Settings
from leafscan.scann.docids import Docids, as_docids
from leafscan.scann.errors import ScannError
from leafscan.scann.living import Living
from leafscan.scann.plan import plan

__all__ = ["MANIFEST", "read", "write"]

#: The file that holds the others together.
MANIFEST = "leafscan-searcher.json"

#: The version of the manifest that this library writes.
FORMAT = 1

_FIELDS = ("format", "library", "dimensions", "settings", "rows", "index", "docids")
_INDEX, _DOCIDS = "index-{}.leafscan", "docids-{}.json"


def write(
    living: Living,
    settings: Settings,
    keyed: tuple[list[Any], list[int]] | None,
    folder: str | os.PathLike[str],
) -> None:
    """Write a searcher.

    Parameters
    ----------
    living
        What it searches.
    settings
        Its configuration.
    keyed
        Its docids and their keys; None where it has none.
    folder
        Where to; it must be there.

    Raises
    ------
    ScannError
        If there is no such folder.
    OSError
        If it cannot be written; what was there stays as it was.
    TypeError
        If a docid is neither a string nor a whole number.
    """
    place = Path(folder)
    if not place.is_dir():
        raise ScannError(f"artifacts_dir must be a folder that is there; received {os.fspath(folder)!r}.")
    docids = None if keyed is None else _encoded(*keyed)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "library": leafscan.__version__,
        "dimensions": living.dim,
        "settings": settings,
        "rows": len(living),
        "index": None,
        "docids": None,
    }
    if living.index is not None:
        with _named_by_content(place, _INDEX) as temporary:
            living.index.save(temporary)
            manifest["index"] = _keep(temporary, place, _INDEX)
    if docids is not None:
        with _named_by_content(place, _DOCIDS) as temporary:
            temporary.write_bytes(docids)
            manifest["docids"] = _keep(temporary, place, _DOCIDS)
    with replacing(place / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    _sweep(place, manifest)


def read(folder: Path) -> tuple[Living, Settings, Docids | None]:
    """Read a searcher.

    Parameters
    ----------
    folder
        Where `write` wrote it, or where that was moved to.

    Raises
    ------
    FileFormatError
        If it is damaged, or newer than this library.
    """
    path = folder / MANIFEST
    manifest = _manifest(path)
    dim, rows = manifest["dimensions"], manifest["rows"]
    index = None
    if manifest["index"] is not None:
        file = _file(folder, manifest["index"], _INDEX, path)
        index = leafscan.load(file, memory=True)
        if index.dim != dim or len(index) != rows:
            raise FileFormatError(f"{path}: the index has other sizes than are told of it.")
    elif rows:
        raise FileFormatError(f"{path}: the index is missing.")
    try:
        resolved = plan(manifest["settings"], np.empty((0, dim), np.float32))
    except (TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    if index is not None:
        if index.metric != resolved.measure:
            raise FileFormatError(f"{path}: the index has another measure than the configuration.")
        resolved = dataclasses.replace(resolved, config=index.config)
    docids = None
    if manifest["docids"] is not None:
        docids = _decoded(_file(folder, manifest["docids"], _DOCIDS, path), index, path)
    return Living(index, dim, resolved, None), manifest["settings"], docids


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: it is not JSON ({error}).") from error
    if not isinstance(manifest, dict) or type(manifest.get("format")) is not int:
        raise FileFormatError(f"{path}: it is not the manifest of a searcher.")
    if manifest["format"] > FORMAT:
        raise FileFormatError(
            f"{path}: it has the format {manifest['format']}, of leafscan {manifest.get('library')!r:.20}; "
            f"this one reads formats up to {FORMAT}."
        )
    if set(manifest) != set(_FIELDS):
        raise FileFormatError(f"{path}: it must hold {', '.join(_FIELDS)}, and nothing else.")
    for name, low in (("dimensions", 1), ("rows", 0)):
        if type(manifest[name]) is not int or not low <= manifest[name] < 2**31:
            raise FileFormatError(f"{path}: {name} is {manifest[name]!r:.80}.")
    if not isinstance(manifest["settings"], Mapping):
        raise FileFormatError(f"{path}: settings is no configuration.")
    return manifest


def _file(folder: Path, digest: Any, pattern: str, path: Path) -> Path:
    if not (isinstance(digest, str) and len(digest) == 64 and set(digest) <= set("0123456789abcdef")):
        raise FileFormatError(f"{path}: {digest!r:.80} is no SHA-256.")
    file = folder / pattern.format(digest[:16])
    if not file.is_file():
        raise FileFormatError(f"{path}: the file {file.name} is missing.")
    if _digest(file) != digest:
        raise FileFormatError(f"{file}: it does not agree with its checksum in {MANIFEST}.")
    return file


def _encoded(docids: list[Any], keys: list[int]) -> bytes:
    plain: list[str | int] = []
    for docid in docids:
        value = docid.item() if isinstance(docid, np.generic) else docid
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise TypeError(
                "docids must be strings or whole numbers to be serialized, since nothing is pickled; "
                f"received {docid!r:.80} ({type(docid).__name__})."
            )
        plain.append(value)
    return json.dumps({"docids": plain, "keys": keys}).encode()


def _decoded(file: Path, index: leafscan.Index | None, path: Path) -> Docids:
    try:
        told = json.loads(file.read_bytes())
        docids, keys = as_docids(told["docids"]), told["keys"]
        if any(type(docid) not in (str, int) for docid in docids) or any(
            type(key) is not int for key in keys
        ):
            raise ValueError("a docid or a key is of another kind")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FileFormatError(f"{file}: it does not hold docids ({error}).") from error
    known = np.empty(0, np.int64) if index is None else index.ids
    if len(docids) != len(keys) or sorted(keys) != sorted(known.tolist()):
        raise FileFormatError(f"{path}: the docids are not those of the index.")
    return Docids(docids, keys)


@contextlib.contextmanager
def _named_by_content(place: Path, pattern: str) -> Any:
    temporary = place / f".{pattern.format(os.urandom(8).hex())}"
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _keep(temporary: Path, place: Path, pattern: str) -> str:
    digest = _digest(temporary)
    with replacing(place / pattern.format(digest[:16])) as target:
        os.replace(temporary, target)
    return digest


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _sweep(place: Path, manifest: Mapping[str, Any]) -> None:
    """Remove what an earlier searcher left, now that nothing leads to it."""
    kept = {
        pattern.format(manifest[name][:16])
        for name, pattern in (("index", _INDEX), ("docids", _DOCIDS))
        if manifest[name] is not None
    }
    for pattern in (_INDEX, _DOCIDS):
        for old in place.glob(pattern.format("?" * 16)):
            if old.name not in kept:
                with contextlib.suppress(OSError):  # Windows: mapped by somebody; the next sweep takes it.
                    old.unlink()
