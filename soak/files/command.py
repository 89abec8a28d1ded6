"""The subject "files": its options, its run, and what it leaves behind."""

import json
import os
import platform
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from soak.files.crew import run_job
from soak.files.worker import Job
from soak.places import OUT

__all__ = ["files"]

_STATUSES = ("refused", "accepted", "failed", "crashed")


def files(
    count: Annotated[int, typer.Option(min=1, help="How many files.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Makes the same files again.")] = 1,
    first: Annotated[int, typer.Option(min=0, help="The number of the first, to try one again.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
    engine: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, resolve_path=True, help="Another build of the native module."
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="The JSON file for the results.")] = OUT / "files.json",
) -> None:
    """Load, search and verify damaged, crafted and foreign files; none may crash or answer wrongly."""
    run = _Run(count)
    began = time.perf_counter()
    shares = [count // workers + (worker < count % workers) for worker in range(workers)]
    with run.progress, ThreadPoolExecutor(workers) as pool:
        waiting = []
        for worker, share in enumerate(shares):
            begin = first + sum(shares[:worker])
            job = Job(seed=seed, first=begin, count=share, engine="" if engine is None else str(engine))
            waiting.append(pool.submit(run_job, job, run.add))
        for future in waiting:
            future.result()
    results = {
        "subject": "files",
        "workload": {"count": count, "seed": seed, "first": first, "workers": workers},
        "engine": "installed" if engine is None else engine.parent.parent.name,
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "processors": os.cpu_count(),
        },
        "seconds": round(time.perf_counter() - began, 1),
        "totals": {status: run.totals[status] for status in _STATUSES},
        "verified": run.verified,
        "mutations": {
            mutation: {
                status: run.counts[mutation, status] for status in _STATUSES if run.counts[mutation, status]
            }
            for mutation in sorted({mutation for mutation, _ in run.counts})
        },
        "problems": sorted(run.problems, key=lambda trial: int(trial["number"])),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    run.show(Console(highlight=False), seed)
    if run.problems:
        raise typer.Exit(1)


class _Run:
    """What came of the files so far."""

    def __init__(self, count: int) -> None:
        self.totals: Counter[str] = Counter()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.verified = 0
        self.problems: list[dict[str, Any]] = []
        self.progress = Progress(console=Console(stderr=True), transient=True)
        self._task = self.progress.add_task("Trying files", total=count)
        self._lock = threading.Lock()

    def add(self, trial: dict[str, Any]) -> None:
        with self._lock:
            self.totals[trial["status"]] += 1
            self.counts[trial["mutation"], trial["status"]] += 1
            self.verified += trial["verified"]
            if trial["status"] in ("failed", "crashed"):
                self.problems.append(trial)
            self.progress.update(self._task, advance=1)

    def show(self, console: Console, seed: int) -> None:
        table = Table("what was done to a file", *_STATUSES)
        for mutation in sorted({mutation for mutation, _ in self.counts}):
            cells = (str(self.counts[mutation, status] or "") for status in _STATUSES)
            table.add_row(mutation or "(not known)", *cells)
        table.add_section()
        table.add_row("all", *(str(self.totals[status]) for status in _STATUSES))
        console.print(table)
        for trial in self.problems:
            console.print(
                f"{trial['status']}: {trial['family']} {trial['mutation']}, again by "
                f"python -m soak files --seed {seed} --first {trial['number']} --count 1\n{trial['problem']}",
                markup=False,
            )
