"""The report as a file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leafscan.cli.demo.errors import DemoError
from leafscan.cli.demo.retrieval import Retrieval
from leafscan.index.atomic import replacing

__all__ = ["prepare_folder", "write_report"]


def prepare_folder(path: Path) -> None:
    """Make the output's folder, and see that something can be written into it before the work begins.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    DemoError
        If it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise DemoError(
            f"--output must be a folder that can be written to; received {path} ({error})."
        ) from error


def write_report(
    path: Path,
    *,
    retrieval: Sequence[Retrieval],
    quality: Sequence[dict[str, Any]],
    machine: dict[str, Any],
) -> Path:
    """Write the report as JSON; the file is there whole or not at all.

    Parameters
    ----------
    path
        Where to; the folder exists.
    retrieval
        The methods' results.
    quality
        The models' results, as `leafscan.recommend.quality_report` gives them.
    machine
        What `describe_machine` gave.

    Returns
    -------
    Path
        The path.
    """
    report = {
        "retrieval": [row.to_dict() for row in retrieval],
        "quality": [{name: row[name] for name in ("model", "ndcg_at_10", "recall_at_10")} for row in quality],
        "machine": machine,
    }
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return path
