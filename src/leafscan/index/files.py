"""An index as one file: what is written beside the sections, and what is checked when it is read.

The file's own entry in the metadata is JSON with a checksum over itself: the version of the format and of the
library, metric, sizes, seed, the resolved plan, and type, shape and SHA-256 of every section. Nothing in it
depends on the time or the machine, so equal indexes give equal files.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.atomic import replacing
from leafscan.index.config import Config
from leafscan.index.container import PADDING, map_arrays, write_arrays
from leafscan.index.contents import Contents
from leafscan.index.errors import FileFormatError
from leafscan.index.ids import StringIds, first_repeated
from leafscan.index.metric import check_metric
from leafscan.index.numbers import whole_number
from leafscan.index.plan import is_resolved
from leafscan.index.progress import Progress, reporting
from leafscan.index.sections import check_contents
from leafscan.index.tuning.record import Tuning
from leafscan.index.version import __version__

__all__ = ["FORMAT", "described", "pack", "read", "unpack", "verify", "write"]

#: The version of the format that this library writes; it reads this and older ones.
FORMAT = 1

#: So many bytes are summed up between two looks at the progress.
_AT_ONCE = 1 << 24

#: What a description may hold besides `_FIELDS`.
_OPTIONAL = ("tuning",)

_FIELDS = ("format", "library", "metric", "rows", "dim", "seed", "config", "ids", "sections", "checksum")


def write(contents: Contents, path: str | os.PathLike[str]) -> None:
    """Write an index to one file, all or nothing.

    Parameters
    ----------
    contents
        The index.
    path
        Where to.

    Raises
    ------
    OSError
        If it cannot be written; what was at ``path`` stays as it was.
    """
    description, arrays = pack(contents, digests=True)
    with replacing(path) as temporary:
        write_arrays(temporary, arrays, description)
        # Whatever the library made of it: what cannot be mapped never takes the place of what was there.
        map_arrays(temporary)


def read(
    path: str | os.PathLike[str],
    *,
    memory: bool = False,
    checksums: bool = False,
    report: Progress | None = None,
) -> Contents:
    """Read an index and check its structure.

    Parameters
    ----------
    path
        The file.
    memory
        Copy it into memory instead of mapping it.
    checksums
        Check every byte of it, too.
    report
        Receives what is being checked, and how many bytes of all are, where every byte is.

    Returns
    -------
    Contents
        Consistent in everything that a search uses as an index.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not an index of ours, is damaged or is too new.
    """
    path = Path(path)
    text, arrays = map_arrays(path)
    if memory:
        arrays = {name: array.copy() for name, array in arrays.items()}
    return unpack(text, arrays, os.fspath(path), checksums=checksums, report=report)


def described(path: str | os.PathLike[str]) -> tuple[dict[str, Any], int]:
    """Read what an index file says of itself, and check that its sections are there as it says.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    description : dict
        As it was written.
    nbytes : int
        The bytes of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not an index of ours, is damaged or is too new.
    """
    path = Path(path)
    text, arrays = map_arrays(path)
    with _naming(os.fspath(path)):
        description = _described(text)
        padding = {name: arrays.pop(name) for name in list(arrays) if name.endswith(PADDING)}
        _check_summaries(description["sections"], arrays, padding, digests=True)
        check_metric(description["metric"])
        Config.from_dict(description["config"])
    return description, path.stat().st_size


def verify(path: str | os.PathLike[str], *, progress: Progress | bool | None = None) -> None:
    """Check a file to the last byte: its structure, the checksum of every section, and that ids are unique.

    Parameters
    ----------
    path
        The file.
    progress
        A callable that receives (stage, done, total), in bytes; True for a bar on stderr, False for none.
        None shows a bar if it takes more than two seconds, stderr is a terminal and tqdm is installed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If anything is wrong; the message names the section.

    Examples
    --------
    >>> import leafscan, numpy as np, os, tempfile
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index.save(os.path.join(folder, "four.leafscan"))
    ...     verify(os.path.join(folder, "four.leafscan"))
    """
    with reporting(progress) as report:
        read(path, checksums=True, report=report)


def pack(contents: Contents, *, digests: bool) -> tuple[str, dict[str, NDArray[Any]]]:
    """Take an index apart into arrays and what describes them.

    Parameters
    ----------
    contents
        The index.
    digests
        Say the SHA-256 of every array, too, which means to read them all.

    Returns
    -------
    description : str
        JSON, in ASCII.
    arrays : dict of str to NDArray
        The sections and the ids.
    """
    arrays = _arrays(contents)
    ids = contents.ids
    description: dict[str, Any] = {
        "format": FORMAT,
        "library": __version__,
        "metric": contents.metric,
        "rows": len(contents.sections["order"]),
        "dim": contents.dim,
        "seed": contents.seed,
        "config": contents.config.to_dict(),
        "ids": "positions" if ids is None else "strings" if isinstance(ids, StringIds) else "integers",
        "sections": {
            name: _summary(array, _digest(array) if digests else None)
            for name, array in sorted(arrays.items())
        },
    }
    if contents.tuning is not None:
        description["tuning"] = contents.tuning.to_dict()
    description["checksum"] = _description_digest(description)
    return json.dumps(description), arrays


def unpack(
    text: str,
    arrays: dict[str, NDArray[Any]],
    source: str,
    *,
    digests: bool = True,
    checksums: bool = False,
    report: Progress | None = None,
) -> Contents:
    """Put an index together from what `pack` gave, and check its structure.

    Parameters
    ----------
    text
        What describes the arrays; whatever else it is, is told.
    arrays
        The arrays, and what fills them up in a file.
    source
        Where they come from, which errors begin with.
    digests
        As `pack` was told.
    checksums
        Check every byte of them, too.
    report
        Receives what is being checked, and how many bytes of all are, where every byte is.

    Returns
    -------
    Contents
        Consistent in everything that a search uses as an index.

    Raises
    ------
    FileFormatError
        If anything is wrong; the message names the section.
    """
    with _naming(source):
        description = _described(text)
        padding = {name: arrays.pop(name) for name in list(arrays) if name.endswith(PADDING)}
        _check_summaries(description["sections"], arrays, padding, digests=digests)
        if checksums:
            _check_bytes(description["sections"], arrays, padding, report)
        contents = _contents(description, arrays)
        check_contents(contents, description["rows"])
        if checksums:
            _check_unique(contents)
            if contents.tags is not None:
                contents.tags.check(description["rows"])
    return contents


def _arrays(contents: Contents) -> dict[str, NDArray[Any]]:
    arrays = dict(contents.sections)
    if isinstance(contents.ids, StringIds):
        arrays["ids"], arrays["id_offsets"] = contents.ids.data, contents.ids.offsets
    elif contents.ids is not None:
        arrays["ids"] = contents.ids
    if contents.tags is not None:
        arrays["tags"] = contents.tags.to_section(np.arange(len(contents.sections["order"])))
    return arrays


def _contents(description: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> Contents:
    metric = check_metric(description["metric"])
    config = Config.from_dict(description["config"])
    if not is_resolved(config):
        raise FileFormatError("the plan in the header leaves something open")
    tuning = Tuning.from_dict(description["tuning"]) if "tuning" in description else None
    ids: NDArray[np.int64] | StringIds | None = None
    if description["ids"] == "strings":
        data, offsets = _taken(arrays, "ids", np.uint8), _taken(arrays, "id_offsets", np.uint64)
        ids = StringIds(data, offsets)
    elif description["ids"] == "integers":
        ids = _taken(arrays, "ids", np.int64)
    tags = None
    if "tags" in arrays:
        # Only who asks for tags pays for SQLite; the section is opened when it is first asked.
        from leafscan.index.tags import Tags

        tags = Tags.from_section(_taken(arrays, "tags", np.uint8))
    return Contents(
        sections=arrays,
        dim=description["dim"],
        metric=metric,
        config=config,
        seed=description["seed"],
        ids=ids,
        tags=tags,
        tuning=tuning,
    )


def _taken(arrays: dict[str, NDArray[Any]], name: str, dtype: type[np.generic]) -> NDArray[Any]:
    array = arrays.pop(name, None)
    if array is None or array.ndim != 1 or array.dtype != dtype:
        raise FileFormatError(f"the section {name!r} is missing, or is not a list of {np.dtype(dtype)}")
    return array


def _described(text: str) -> dict[str, Any]:
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"the header's description is not JSON ({error})") from error
    if not isinstance(description, dict):
        raise FileFormatError("the header's description is not a JSON object")
    version = description.get("format")
    if type(version) is not int or version < 1:
        raise FileFormatError(f"the header gives the format {version!r:.20}, which there is not")
    if version > FORMAT:
        raise FileFormatError(
            f"it has the format {version}, of leafscan {description.get('library')!r:.20}, and this one "
            f"({__version__}) reads formats up to {FORMAT}; a newer leafscan reads it"
        )
    if set(description) - set(_OPTIONAL) != set(_FIELDS):
        raise FileFormatError(
            f"the header's description must hold {', '.join(_FIELDS)}, may hold {', '.join(_OPTIONAL)}, and "
            "nothing else"
        )
    if description["checksum"] != _description_digest(description):
        raise FileFormatError("the header's description does not agree with its checksum")
    whole_number(description["rows"], "the number of rows in the header", low=1, high=2**32 - 1)
    whole_number(description["dim"], "the number of dimensions in the header", low=1, high=2**31 - 1)
    whole_number(description["seed"], "the seed in the header", low=0, high=2**64 - 1)
    if not isinstance(description["library"], str):
        raise FileFormatError("the header does not name the version of leafscan that wrote it")
    if description["ids"] not in ("positions", "integers", "strings"):
        raise FileFormatError(f"the header gives the kind of ids as {description['ids']!r:.20}")
    return description


def _check_summaries(
    sections: Any,
    arrays: Mapping[str, NDArray[Any]],
    padding: Mapping[str, NDArray[Any]],
    *,
    digests: bool,
) -> None:
    if not isinstance(sections, dict):
        raise FileFormatError("the header's description does not list the sections")
    for name in sorted(sections.keys() | arrays.keys() | {name.removesuffix(PADDING) for name in padding}):
        if name not in arrays:
            raise FileFormatError(f"the section {name!r:.80} is missing")
        summary = sections.get(name)
        digest = summary.get("sha256") if isinstance(summary, dict) else None
        summed_up = isinstance(digest, str) if digests else digest is None
        if summary != _summary(arrays[name], digest) or not summed_up:
            raise FileFormatError(
                f"the section {name!r:.80} has not the type and shape that it was written with"
            )


def _check_bytes(
    sections: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    padding: Mapping[str, NDArray[Any]],
    report: Progress | None,
) -> None:
    total = sum(array.nbytes for array in arrays.values())
    done = 0
    for name, array in arrays.items():
        digest = hashlib.sha256()
        for begin in range(0, array.nbytes, _AT_ONCE):
            if report is not None:
                report(f"checking {name}", done + begin, total)
            digest.update(array.reshape(-1).view(np.uint8)[begin : begin + _AT_ONCE].data)
        done += array.nbytes
        if digest.hexdigest() != sections[name]["sha256"]:
            raise FileFormatError(f"the section {name!r} does not agree with its checksum")
    if report is not None:
        report("checking ids", total, total)
    for name, array in padding.items():
        if array.any():
            raise FileFormatError(f"the section {name!r:.80} is not all zeros")


def _check_unique(contents: Contents) -> None:
    ids: Any = contents.ids
    if isinstance(ids, StringIds):
        ids = ids.take(np.arange(len(ids), dtype=np.int64))
    if ids is not None and first_repeated(ids) is not None:
        raise FileFormatError("the section 'ids' holds an id twice")


def _summary(array: NDArray[Any], digest: str | None) -> dict[str, Any]:
    return {"dtype": array.dtype.name, "shape": list(array.shape), "sha256": digest}


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.data).hexdigest()


def _description_digest(description: Mapping[str, Any]) -> str:
    said = {name: value for name, value in description.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@contextmanager
def _naming(source: str) -> Iterator[None]:
    """Turn what the parts of a description find wrong with it into errors of where it comes from."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"{source}: {str(error).removesuffix('.')}.") from error
