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

PROGRAM = Path(__file__).parent / "program.py"

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
    calls = [name for name in theirs if name not in traps]
    failed = [name for name in calls if not _agree(theirs[name], ours[name])]
    out.write_text(HEAD + _calls(calls, theirs, ours) + _traps(traps, theirs, ours), encoding="utf-8")
    typer.echo(f"{len(calls) - len(failed)} of {len(calls)} calls agree; {len(traps)} traps; {out}")
    for name in failed:
        typer.echo(f"differs: {name}: {theirs[name]['told']} and {ours[name]['told']}")
    raise typer.Exit(bool(failed))


def _answers(python: Path, module: str, out: Path) -> dict[str, Any]:
    done = subprocess.run([python, PROGRAM, module, out], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"The program over {module} ended with {done.returncode}: {done.stderr[-2000:]}")
    answers: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return answers


def _agree(theirs: dict[str, Any], ours: dict[str, Any]) -> bool:
    same = theirs["told"] == ours["told"] and theirs.get("sorted") == ours.get("sorted")
    return bool(same and ours.get("recall", 1.0) >= theirs.get("recall", 1.0) - 0.005)


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


def _traps(names: list[str], theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    lines = ["## Traps\n", "| call | scann 1.4.2 | leafscan.scann |", "|---|---|---|"]
    lines += [f"| {name} | {_cell(theirs[name]['told'])} | {_cell(ours[name]['told'])} |" for name in names]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


if __name__ == "__main__":
    typer.run(main)
