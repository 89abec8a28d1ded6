"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "Confidence",
    "Count",
    "Key",
    "MaxLatency",
    "Queries",
    "QueriesKey",
    "Recall",
    "Threads",
    "parse_bytes",
]

_FORMATS = ".npy, .npz, Parquet, Arrow or safetensors"
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

Queries: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help=f"Queries as those that will be asked: {_FORMATS}. By default rows of the index are queries, "
        "each never its own answer.",
        show_default=False,
    ),
]
QueriesKey: TypeAlias = Annotated[
    str | None, typer.Option(help="The array or column of the queries in their file.", show_default=False)
]
Key: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--key",
        "--column",
        help="The array or column that holds them; not needed where only one can.",
        show_default=False,
    ),
]
Recall: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0.0, max=1.0, help="The recall that is asked for, as .95.", show_default=False),
]
Count: TypeAlias = Annotated[int, typer.Option("--k", "-k", min=1, help="How many answers a query has.")]
Confidence: TypeAlias = Annotated[float, typer.Option(min=0.5, max=0.9999, help="Of what is said of recall.")]
MaxLatency: TypeAlias = Annotated[
    float | None,
    typer.Option(help="At most so many microseconds a query, alone and on one thread.", show_default=False),
]
Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many to use; by default all that this process may have.", show_default=False
    ),
]


def parse_bytes(text: str) -> int:
    """Read a number of bytes.

    Raises
    ------
    typer.BadParameter
        If it is none.

    Examples
    --------
    >>> parse_bytes("1500"), parse_bytes("1.5GB"), parse_bytes("2 MiB")
    (1500, 1500000000, 2097152)
    """
    number = text.strip().rstrip("kKmMgGiIbB ")
    unit = text.strip()[len(number) :].strip().lower()
    try:
        count = int(float(number) * _UNITS["" if unit == "b" else unit])
    except (ValueError, KeyError, OverflowError):
        raise typer.BadParameter(f"give a number of bytes, as 500MB or 1.5GiB; received {text!r}.") from None
    if count < 1:
        raise typer.BadParameter(f"give at least one byte; received {text!r}.")
    return count
