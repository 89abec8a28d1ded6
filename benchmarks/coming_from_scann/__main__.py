"""Run the program over ScaNN and over `leafscan.scann`, each in its environment, and write what differs.

python -m benchmarks.coming_from_scann docs/scann-call-by-call.md
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.environments import python_of
from benchmarks.peers.scann import ScaNN

PROGRAM = "benchmarks.coming_from_scann.program"

ROOT = Path(__file__).resolve().parents[2]

HEAD = """# ScaNN and leafscan.scann, call by call

`python -m benchmarks.coming_from_scann docs/scann-call-by-call.md` wrote this page: it runs
`benchmarks/coming_from_scann/program.py` once with `scann` 1.4.2 and once with `leafscan.scann`, each in an
environment of its own, over 4,000 rows of 32 dimensions, and compares shapes, dtypes, order and recall@10.

"""


def main(out: Annotated[Path, typer.Argument(help="The page to write.")]) -> None:
    """Compare all calls; fail where shapes, dtypes or orders differ, or leafscan finds less."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = _answers(python_of("scann", ScaNN.requirements), "scann", Path(folder, "theirs.json"))
        ours = _answers(Path(sys.executable), "leafscan.scann", Path(folder, "ours.json"))
    traps = [name for name in theirs if theirs[name].get("trap")]
    refusals = [name for name in theirs if theirs[name].get("refusal")]
    calls = [name for name in theirs if name not in traps and name not in refusals]
    failed = [name for name in calls if not _agree(theirs[name], ours[name])]
    failed += [name for name in refusals if not _refused_alike(theirs[name], ours[name])]
    page = _calls(calls, theirs, ours) + _refusals(refusals, theirs, ours) + _traps(traps, theirs, ours)
    out.write_text(HEAD + page, encoding="utf-8")
    both = len(calls) + len(refusals)
    typer.echo(f"{both - len(failed)} of {both} calls agree; {len(traps)} traps; {out}")
    for name in failed:
        typer.echo(f"differs: {name}: {theirs[name]['told']} and {ours[name]['told']}")
    raise typer.Exit(bool(failed))


def _answers(python: Path, module: str, out: Path) -> dict[str, Any]:
    done = subprocess.run([python, "-m", PROGRAM, module, out], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"The program over {module} ended with {done.returncode}: {done.stderr[-2000:]}")
    answers: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return answers


def _agree(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    same = theirs["told"] == ours["told"] and theirs.get("sorted") == ours.get("sorted")
    return bool(same and ours.get("recall", 1.0) >= theirs.get("recall", 1.0) - 0.005)


def _refused_alike(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    # Where ScaNN raises a bare Exception, any will do.
    return bool("raises" in theirs and theirs["raises"][0] in ours.get("raises", []))


def _calls(names: list[str], theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    lines = [
        "## Calls that both answer\n",
        "| call | both give | order | ids | recall of scann | of leafscan |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        left, right = theirs[name], ours[name]
        told = left["told"] if left["told"] == right["told"] else f"{left['told']} / {right['told']}"
        ids = "" if "ids" not in left else "the same" if left["ids"] == right.get("ids") else "differ"
        recalls = [f"{answer['recall']:.3f}" if "recall" in answer else "" for answer in (left, right)]
        order = left.get("sorted", "")
        lines.append(f"| {_cell(name)} | {_cell(told)} | {order} | {ids} | {recalls[0]} | {recalls[1]} |")
    return "\n".join(lines) + "\n\n"


def _refusals(names: list[str], theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    lines = [
        "## Calls that both refuse\n",
        "What catches ScaNN's error catches leafscan's: a `ScannError` is a `RuntimeError` and a "
        "`ValueError`.\n",
        "| call | scann 1.4.2 | leafscan.scann |",
        "|---|---|---|",
    ]
    for name in names:
        kind = theirs[name].get("raises", ["nothing"])[0]
        lines.append(f"| {_cell(name)} | {_cell(kind)} | {_cell(ours[name]['told'])} |")
    return "\n".join(lines) + "\n\n"


def _traps(names: list[str], theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    lines = ["## Traps\n", "| call | scann 1.4.2 | leafscan.scann |", "|---|---|---|"]
    lines += [f"| {name} | {_cell(theirs[name]['told'])} | {_cell(ours[name]['told'])} |" for name in names]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


if __name__ == "__main__":
    typer.run(main)
