"""Columns of Parquet and Arrow files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
from numpy.typing import NDArray

from leafscan.cli.failing import CommandError
from leafscan.index.progress import Progress

__all__ = ["ArrowFile", "open_arrow"]

#: So many rows of a Parquet file are decoded at a time.
BATCH = 16_384


def open_arrow(path: Path, *, parquet: bool) -> ArrowFile:
    """Open a file of columns.

    Parameters
    ----------
    path
        The file.
    parquet
        Whether it is a Parquet file; else an Arrow file or stream.

    Returns
    -------
    ArrowFile
        Its columns.

    Raises
    ------
    CommandError
        If it is damaged.
    """
    try:
        return _ParquetFile(path) if parquet else _IpcFile(path)
    except pa.ArrowException as error:
        kind = "a Parquet" if parquet else "an Arrow"
        raise CommandError(f"{path} cannot be read as {kind} file: {error}") from error


class ArrowFile:
    """Columns by name; only those that are asked for are read."""

    noun = "column"

    def __init__(self, path: Path, schema: Any, rows: int) -> None:
        self._path = path
        self._rows = rows
        self.shapes = {field.name: str(field.type) for field in schema}
        self.candidates = [field.name for field in schema if _is_vectors(field.type)]

    def vectors(self, name: str, progress: Progress | None) -> NDArray[Any]:
        """Read a column of lists, all of one length, as (n, d).

        Raises
        ------
        CommandError
            If a row is missing, holds a null, or has another length than the first.
        """
        rows: NDArray[Any] | None = None
        done = 0
        for chunk in self._read(name):
            block = self._block(chunk, name, done, None if rows is None else rows.shape[1])
            if len(block) == self._rows:
                # All in one piece, which may be a map of the file.
                rows = block
            elif rows is None:
                rows = np.empty((self._rows, block.shape[1]), block.dtype)
            if rows is not block:
                rows[done : done + len(block)] = block
            done += len(block)
            if progress is not None:
                progress(f"Reading {self._path.name}", done, self._rows)
        if rows is None:
            raise CommandError(f"The column {name!r} of {self._path} has no rows.")
        return rows

    def ids(self, name: str) -> NDArray[Any] | Sequence[str]:
        """Read a column of integers or strings.

        Raises
        ------
        CommandError
            If it is of another type, or a row has no value.
        """
        chunks = list(self._read(name))
        column = pa.chunked_array(chunks) if chunks else pa.chunked_array([], pa.int64())
        where = f"The column {name!r} of {self._path}"
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.null_count:
            raise CommandError(
                f"{where} has no value in {column.null_count:,} rows; each vector needs an id."
            )
        if pa.types.is_integer(column.type):
            integers: NDArray[Any] = column.to_numpy()
            return integers
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            strings: list[str] = column.to_pylist()
            return strings
        raise CommandError(f"{where} is {column.type}; ids must be integers or strings.")

    def _read(self, name: str) -> Iterator[Any]:
        try:
            yield from self._chunks(name)
        except pa.ArrowException as error:
            raise CommandError(f"The column {name!r} of {self._path} cannot be read: {error}") from error

    def _chunks(self, name: str) -> Iterator[Any]:
        raise NotImplementedError

    def _block(self, chunk: Any, name: str, before: int, dim: int | None) -> NDArray[Any]:
        if isinstance(chunk.type, pa.BaseExtensionType):
            chunk = chunk.storage
        where = f"The column {name!r} of {self._path}"
        if chunk.null_count:
            missing = before + int(np.flatnonzero(chunk.is_null().to_numpy(zero_copy_only=False))[0])
            raise CommandError(f"{where} has no vector in row {missing:,}.")
        lengths = np.diff(chunk.offsets.to_numpy()) if _varies(chunk.type) else None
        wanted = dim if dim is not None else int(chunk.type.list_size if lengths is None else lengths[0])
        if lengths is not None and (lengths != wanted).any():
            row = int(np.flatnonzero(lengths != wanted)[0])
            raise CommandError(
                f"{where} has {lengths[row]} numbers in row {before + row:,} and {wanted} in the first; "
                "vectors must be of one length."
            )
        values = chunk.flatten()
        if values.null_count:
            row = before + int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0]) // wanted
            raise CommandError(f"{where} has a null in the vector of row {row:,}.")
        block: NDArray[Any] = values.to_numpy(zero_copy_only=False).reshape(len(chunk), wanted)
        return block


class _ParquetFile(ArrowFile):
    def __init__(self, path: Path) -> None:
        self._file = pyarrow.parquet.ParquetFile(path, memory_map=True)
        super().__init__(path, self._file.schema_arrow, self._file.metadata.num_rows)

    def _chunks(self, name: str) -> Iterator[Any]:
        for batch in self._file.iter_batches(BATCH, columns=[name]):
            if batch.num_rows:
                yield batch.column(name)


class _IpcFile(ArrowFile):
    def __init__(self, path: Path) -> None:
        source = pa.memory_map(str(path))
        try:
            table = pyarrow.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            table = pyarrow.ipc.open_stream(source).read_all()
        self._table = table
        super().__init__(path, table.schema, table.num_rows)

    def _chunks(self, name: str) -> Iterator[Any]:
        yield from (chunk for chunk in self._table.column(name).chunks if len(chunk))


def _is_vectors(kind: Any) -> bool:
    if isinstance(kind, pa.FixedShapeTensorType):
        return len(kind.shape) == 1 and _is_number(kind.value_type)
    lists = pa.types.is_fixed_size_list(kind) or _varies(kind)
    return lists and _is_number(kind.value_type)


def _varies(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
