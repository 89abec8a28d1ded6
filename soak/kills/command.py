"""``python -m soak kills``."""

import json
import platform
import time
from pathlib import Path
from typing import Annotated

import typer

import leafscan
from soak.kills.run import Results, run
from soak.places import OUT

__all__ = ["kills"]


def kills(
    count: Annotated[int, typer.Option(min=1, help="How many writers are killed.")] = 500,
    seed: Annotated[int, typer.Option(min=0, help="Of the work and of the moments.")] = 1,
    folder: Annotated[
        Path | None, typer.Option(help="Where the catalogues go and stay; a temporary folder by default.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the raw results go.")] = OUT / "kills.json",
) -> None:
    """Kill a writer at random moments; all that it acknowledged must be there, and answers right."""
    begin = time.perf_counter()

    def told(results: Results) -> None:
        if results.kills % 25 == 0:
            acknowledged = sum(results.acknowledged.values())
            typer.echo(
                f"{results.kills} kills, {acknowledged:,} acknowledged updates and checkpoints, all there"
            )

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    results = run(count, seed, folder=folder, progress=told)
    report = {
        **results.to_dict(),
        "seconds": round(time.perf_counter() - begin, 1),
        "leafscan": leafscan.__version__,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")
    for sentence in results.wrong:
        typer.echo(sentence, err=True)
    typer.echo(f"{results.kills} kills, {len(results.wrong)} broken promises; raw results in {out}")
    raise typer.Exit(1 if results.wrong else 0)
