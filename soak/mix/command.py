"""``python -m soak mix``."""

import json
import os
import platform
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import leafscan
from soak.mix import looks, run, subjects, writer
from soak.mix.memory import MOST_ABOVE, MOST_SLOPE
from soak.places import OUT

__all__ = ["mix"]


def mix(
    minutes: Annotated[float, typer.Option(min=0.05, help="How long.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Of what each thread does.")] = 1,
    out: Annotated[Path, typer.Option(help="Where the raw results go.")] = OUT / "mix.json",
) -> None:
    """Mix searches, filters, updates and all else over threads, checked against an exact model.

    Raw results are written every minute, so that a run that is stopped leaves what it had.
    """
    said = 0.0

    def told(results: run.Results) -> None:
        nonlocal said
        if results.seconds >= said + 60:
            said = results.seconds
            _write(results, out)
            tally = results.tally
            updates = tally.total("upsert") + tally.total("delete")
            memory = f", {results.samples[-1][1]:.0f} MiB" if results.samples else ""
            typer.echo(f"{said / 60:.0f} min: {tally.total():,} calls, {updates:,} updates{memory}")

    results = run.run(60 * minutes, seed, progress=told)
    report = _write(results, out)
    for sentence in results.tally.wrong:
        typer.echo(sentence, err=True)
    if results.grows:
        typer.echo(f"memory grows: {report['memory']}", err=True)
    typer.echo(
        f"{results.tally.total():,} calls in {results.seconds / 60:.1f} minutes, "
        f"{len(results.tally.wrong)} wrong; raw results in {out}"
    )
    raise typer.Exit(1 if results.tally.wrong or results.grows else 0)


def _write(results: run.Results, out: Path) -> dict[str, Any]:
    report = {
        **results.to_dict(),
        "workload": _workload(),
        "leafscan": leafscan.__version__,
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, NumPy {np.__version__}",
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    return report


def _workload() -> dict[str, object]:
    return {
        "plans": {name: repr(plan) for name, plan in subjects.PLANS.items()},
        "ids": {"universe": subjects.UNIVERSE, "fewest": subjects.FEWEST, "most": subjects.MOST},
        "dim": subjects.DIM,
        "threads_of_each_index": {"writers": 1, "searchers": run.SEARCHERS},
        "writer": {
            "pause_s": writer.PAUSE,
            "burst_every": writer.BURST_EVERY,
            "burst": writer.BURST,
            "largest_batch": writer.LARGEST,
        },
        "searcher": {
            "pause_s": run.PAUSE,
            "filters": run.FILTERS,
            "percent_compile": run.COMPILES,
            "percent_look": run.ASKS,
            "share_filtered": run.FILTERED,
            "looks_percent": looks.LOOKS,
        },
        "switch_interval_s": run.TURN,
        "memory_limits": {"slope_an_hour": MOST_SLOPE, "last_above_warm": MOST_ABOVE},
    }
