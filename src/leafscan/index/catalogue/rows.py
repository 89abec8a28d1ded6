"""One row of the journal: an update, or a part of a long one, with a checksum over all of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leafscan.index.errors import FileFormatError
from leafscan.index.update import Update

__all__ = ["PART_BYTES", "Row", "decode", "encode"]

#: The vectors of one row take no more than this, far below what SQLite can hold in one value.
PART_BYTES = 1 << 26

#: The ids of one row are no more than this.
PART_IDS = 1 << 17


class Row(NamedTuple):
    """A row as SQLite holds it.

    Attributes
    ----------
    sequence
        From 1, one more than that of the row before.
    kind
        "upsert" or "delete".
    closing
        1 if the update ends with this row, 0 if the next row goes on with it.
    ids
        int64, little-endian, or a JSON list of strings.
    vectors
        float32, little-endian, one after the other; None in a deletion.
    tags
        A JSON object of lists, or None.
    checksum
        SHA-256 of all the others.
    """

    sequence: int
    kind: str
    closing: int
    ids: bytes | str
    vectors: bytes | None
    tags: str | None
    checksum: bytes


def encode(update: Update, after: int) -> Iterator[Row]:
    """Write ``update`` as rows that follow the row ``after``.

    Parameters
    ----------
    update
        Of at least one id.
    after
        The sequence number of the latest row.

    Yields
    ------
    Row
        The parts in order.

    Raises
    ------
    TypeError
        If a tag's value is nothing that JSON can hold.
    """
    m = len(update.ids)
    columns = None if update.tags is None else {name: _column(v, name, m) for name, v in update.tags.items()}
    step = PART_IDS
    if update.vectors is not None:
        step = max(1, min(step, PART_BYTES // max(1, 4 * update.vectors.shape[1])))
    for number, begin in enumerate(range(0, m, step), after + 1):
        end = min(begin + step, m)
        some = update.ids[begin:end]
        ids: bytes | str = (
            np.ascontiguousarray(some, dtype="<i8").tobytes()
            if isinstance(some, np.ndarray)
            else json.dumps(some, ensure_ascii=False)
        )
        vectors = update.vectors
        data = None if vectors is None else np.ascontiguousarray(vectors[begin:end], dtype="<f4").tobytes()
        tags = None if columns is None else _written(columns, begin, end)
        kind = "delete" if vectors is None else "upsert"
        row = Row(number, kind, int(end == m), ids, data, tags, b"")
        yield row._replace(checksum=_digest(row))


def decode(row: Row, wanted: int) -> Update:
    """Read a row back.

    Parameters
    ----------
    row
        As SQLite gave it, of any types.
    wanted
        The sequence number that it must have.

    Returns
    -------
    Update
        What it says.

    Raises
    ------
    FileFormatError
        If it is another row than the one wanted, or is not what was written.
    """
    if row.sequence != wanted:
        raise FileFormatError(f"the row {wanted} of the journal is missing")
    try:
        right = row.checksum == _digest(row)
    except (TypeError, ValueError, AttributeError):
        right = False
    if not right:
        raise _wrong(row, "does not agree with its checksum")
    # From here on it is what a journal wrote, or what somebody made to look so.
    ids = _ids(row)
    if row.kind not in ("upsert", "delete") or (row.kind == "delete") != (row.vectors is None):
        raise _wrong(row, f"is of the kind {row.kind!r:.20}")
    if row.vectors is None:
        return Update(ids=ids, vectors=None, tags=None)
    if len(row.vectors) % (4 * len(ids)):
        raise _wrong(row, f"holds {len(row.vectors)} bytes of vectors for {len(ids)} ids")
    vectors = np.frombuffer(row.vectors, "<f4").astype(np.float32, copy=False).reshape(len(ids), -1)
    return Update(ids=ids, vectors=vectors, tags=_tags(row, len(ids)))


def _ids(row: Row) -> NDArray[np.int64] | list[str]:
    if isinstance(row.ids, bytes):
        if not row.ids or len(row.ids) % 8:
            raise _wrong(row, f"holds {len(row.ids)} bytes of ids")
        return np.frombuffer(row.ids, "<i8").astype(np.int64, copy=False)
    strings = _json(row, row.ids)
    if not isinstance(strings, list) or not strings or not all(isinstance(one, str) for one in strings):
        raise _wrong(row, "holds no list of ids")
    return strings


def _tags(row: Row, m: int) -> dict[str, list[Any]] | None:
    if row.tags is None:
        return None
    tags = _json(row, row.tags)
    if not isinstance(tags, dict) or not all(isinstance(v, list) and len(v) == m for v in tags.values()):
        raise _wrong(row, f"holds no tags for {m} ids")
    return tags


def _json(row: Row, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(row, f"is not JSON ({error})") from error


def _column(values: Any, name: str, m: int) -> list[Any]:
    column = list(np.asarray(values).tolist() if hasattr(values, "__array__") else values)
    if len(column) != m:
        raise ValueError(
            f"the tag {name!r:.80} must hold one value for each of the {m} ids; received {len(column)}."
        )
    return column


def _written(columns: Mapping[str, list[Any]], begin: int, end: int) -> str:
    some = {name: values[begin:end] for name, values in columns.items()}
    return json.dumps(some, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(
        "tags must be strings, numbers, booleans, lists of them or None; "
        f"received {value!r:.80} ({type(value).__name__})."
    )


def _digest(row: Row) -> bytes:
    digest = hashlib.sha256()
    for value in row[:-1]:
        kind, data = _bytes(value)
        digest.update(b"%s%d:" % (kind, len(data)))
        digest.update(data)
    return digest.digest()


def _bytes(value: int | str | bytes | None) -> tuple[bytes, bytes]:
    if value is None:
        return b"n", b""
    if isinstance(value, bytes):
        return b"b", value
    return (b"i", b"%d" % value) if isinstance(value, int) else (b"s", value.encode())


def _wrong(row: Row, why: str) -> FileFormatError:
    return FileFormatError(f"the row {row.sequence} of the journal is damaged: it {why}")
