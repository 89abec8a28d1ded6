"""Answers of a search in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.cli.failing import CommandError, needs
from leafscan.cli.outputs import check_output
from leafscan.index.atomic import replacing

__all__ = ["check_answers_file", "write_answers"]

_ENDINGS = (".parquet", ".arrow", ".npz", ".jsonl")


def check_answers_file(path: Path) -> None:
    """Check that answers can be written to a file, before they are looked for.

    Raises
    ------
    CommandError
        If its ending is not known, there is no such folder, or what it needs is not installed.
    """
    check_output(path)
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise CommandError(
            f"--output must end on {', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]}; received {path}."
        )
    if ending in (".parquet", ".arrow"):
        with needs(f"Writing {path}", "arrow"):
            import pyarrow  # noqa: F401


def write_answers(path: Path, ids: NDArray[Any], scores: NDArray[np.float32]) -> None:
    r"""Write ids and scores, all or nothing.

    Parameters
    ----------
    path
        With an ending that `check_answers_file` accepts. A .npz file has the arrays ``ids`` and ``scores``;
        the others have a row for each query, with ``query``, its place from 0, and lists of both.
    ids, scores
        (q, k), as a search returns them.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_answers(Path(folder, "some.jsonl"), np.array([[3, 5]]), np.array([[0.5, 0.25]], np.float32))
    ...     Path(folder, "some.jsonl").read_text()
    '{"query": 0, "ids": [3, 5], "scores": [0.5, 0.25]}\n'
    """
    ending = path.suffix.lower()
    with replacing(path) as temporary:
        if ending == ".npz":
            with temporary.open("wb") as file:
                np.savez(file, ids=ids, scores=scores)
        elif ending == ".jsonl":
            with temporary.open("w", encoding="utf-8") as text:
                for place, (names, values) in enumerate(zip(ids.tolist(), scores.tolist(), strict=True)):
                    text.write(json.dumps({"query": place, "ids": names, "scores": values}) + "\n")
        else:
            _write_table(temporary, ids, scores, parquet=ending == ".parquet")


def _write_table(path: Path, ids: NDArray[Any], scores: NDArray[np.float32], *, parquet: bool) -> None:
    import pyarrow as pa
    import pyarrow.ipc
    import pyarrow.parquet

    count, k = ids.shape
    names = pa.array(ids.ravel().tolist(), pa.string()) if ids.dtype.kind == "U" else pa.array(ids.ravel())
    table = pa.table(
        {
            "query": np.arange(count, dtype=np.int64),
            "ids": pa.FixedSizeListArray.from_arrays(names, k),
            "scores": pa.FixedSizeListArray.from_arrays(pa.array(scores.ravel()), k),
        }
    )
    if parquet:
        pyarrow.parquet.write_table(table, path)
        return
    with pyarrow.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
