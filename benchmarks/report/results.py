"""``RESULTS.md``, from the JSON files that runs left: never by hand, never from memory."""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.data import SETS
from benchmarks.report.summary import (
    Record,
    build_table,
    set_table,
    speed_table,
    ten_million_table,
    tutorial_table,
)
from benchmarks.report.table import Table

TUTORIAL, TEN_MILLION = "tutorial-call", "ten-million"

#: What is told of the machine, beside the date and the load of each run.
TOLD = ("processor", "cores", "memory_gib", "system", "python")


class NoResultsError(RuntimeError):
    """There is nothing to write a page from."""


def results_page(raw: Path, command: str) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    raw
        The folder of the files: for each whole set ``NAME.json``, ``tutorial-call.json``, and
        ``ten-million.json``. Those of cut sets are passed over.
    command
        What writes the page.

    Raises
    ------
    NoResultsError
        If none of the files is there.
    """
    found = dict(_found(raw))
    if not found:
        raise NoResultsError(f"There is no result in {raw}; `python -m benchmarks` makes them.")
    records = {name: found[name]["results"][name] for name in SETS if name in found}
    machines = {tuple(str(content["machine"].get(key, "-")) for key in TOLD) for content in found.values()}
    parts = [
        "# Results",
        f"Written by `{command}` from what runs recorded; how to read it is in `README.md`.",
    ]
    parts += ["\n".join(f"- {key}: {value}" for key, value in zip(TOLD, m, strict=True)) for m in machines]
    parts.append(_dates(found).markdown())
    if records:
        parts.append(set_table(record["dataset"] for record in records.values()).markdown())
    for name, record in records.items():
        parts += [f"## {name}", *_left_out(found[name])]
        parts += [speed_table(record).markdown(), build_table(record).markdown()]
    if TUTORIAL in found:
        parts += ["## The tutorial's call", *_left_out(found[TUTORIAL])]
        parts.append(tutorial_table(found[TUTORIAL]["results"][TUTORIAL]).markdown())
    if TEN_MILLION in found:
        parts += [
            "## Ten million vectors",
            ten_million_table(found[TEN_MILLION]["results"][TEN_MILLION]).markdown(),
        ]
    return "\n\n".join(parts) + "\n"


def _found(raw: Path) -> Iterator[tuple[str, Record]]:
    for name in (*SETS, TUTORIAL, TEN_MILLION):
        file = raw / f"{name}.json"
        content = json.loads(file.read_text()) if file.exists() else {}
        if name in content.get("results", {}):
            yield name, content


def _dates(found: dict[str, Record]) -> Table:
    """Say when each was run, and what else the machine was doing."""
    rows = [
        [name, *(str(content["machine"][key]) for key in ("date", "load_1min"))]
        for name, content in found.items()
    ]
    return Table("Runs", ["what", "ended", "load of the last minute"], rows)


def _left_out(content: Record) -> list[str]:
    complaints = content.get("complaints")
    return ["Said by the run:\n\n" + "\n".join(f"- {c}" for c in complaints)] if complaints else []
