"""``python -m soak power``."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

import leafscan
from soak.places import OUT
from soak.power.run import run
from soak.power.trace import NoTraceError

__all__ = ["power"]


def power(
    count: Annotated[int, typer.Option(min=1, help="How often the power fails.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the work, the moments and the disk's whims.")] = 1,
    out: Annotated[Path, typer.Option(help="Where the raw results go.")] = OUT / "power.json",
) -> None:
    """Replay a writer's system calls up to a random one, lose what was not synced, and open what is left."""
    begin = time.perf_counter()
    try:
        results = run(count, seed)
    except NoTraceError as error:
        typer.echo(f"Left out: {error}")
        return
    seconds = round(time.perf_counter() - begin, 1)
    report = {**results.to_dict(), "seconds": seconds, "leafscan": leafscan.__version__}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")
    for sentence in results.wrong[:20]:
        typer.echo(sentence, err=True)
    typer.echo(f"{results.cuts} power cuts, {len(results.wrong)} broken promises; raw results in {out}")
    raise typer.Exit(1 if results.wrong else 0)
