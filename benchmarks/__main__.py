"""The command line: ``python -m benchmarks --help``."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.data import SETS
from benchmarks.measure import Effort
from benchmarks.peers import PEERS
from benchmarks.places import REPOSITORY, folder
from benchmarks.report.results import NoResultsError, results_page
from benchmarks.run import Run

QUICK_SETS = ("glove-100", "fashion-mnist")
QUICK_ROWS, QUICK_QUERIES, QUICK_POINTS, QUICK_ROUNDS = 40_000, 2_000, 8, 2
QUICK_PROBE, QUICK_PATIENCE = 200, 0.5

app = typer.Typer(add_completion=False, help=__doc__)

SetsOption = Annotated[str, typer.Option("--sets", help="Comma-separated; " + ", ".join(SETS))]
PeersOption = Annotated[str, typer.Option("--peers", help="Comma-separated; " + ", ".join(PEERS))]
Write = Annotated[bool, typer.Option("--write-results", help="Write benchmarks/RESULTS.md.")]
Rebuild = Annotated[bool, typer.Option(help="Build every index again, also those that a run kept.")]
Rounds = Annotated[int, typer.Option(min=1, help="Times each point or call is measured.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads allowed to every call.")]
Repeats = Annotated[int, typer.Option(min=1, help="Calls in a row in each round.")]


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    sets: SetsOption = "",
    peers: PeersOption = "",
    quick: Annotated[
        bool, typer.Option("--quick", envvar="QUICK", help="Small sets, one index each, under 5 minutes.")
    ] = False,
    rows: Annotated[int | None, typer.Option(min=1000, help="Cut each set to its first rows.")] = None,
    queries: Annotated[int, typer.Option(min=100, help="Distinct queries of each set, at most.")] = 5_000,
    points: Annotated[int, typer.Option(min=2, help="Operating points of each peer.")] = 24,
    rounds: Rounds = 3,
    rebuild: Rebuild = False,
    write_results: Write = False,
) -> None:
    """Measure leafscan and its peers, interleaved, over recall@10."""
    if context.invoked_subcommand is not None:
        return
    chosen = _names(sets, SETS, "set") or list(QUICK_SETS if quick else SETS)
    if quick:
        queries, points, rounds = (
            min(asked, most)
            for asked, most in zip(
                (queries, points, rounds), (QUICK_QUERIES, QUICK_POINTS, QUICK_ROUNDS), strict=True
            )
        )
    effort = Effort(points=points, rounds=rounds)
    if quick:
        effort = replace(effort, probe=QUICK_PROBE, patience=QUICK_PATIENCE)
    bench = Run(
        peers=_names(peers, PEERS, "peer") or list(PEERS),
        effort=effort,
        queries=queries,
        rows=min(rows or QUICK_ROWS, QUICK_ROWS) if quick else rows,
        quick=quick,
        rebuild=rebuild,
    )
    for dataset in bench.fetch(chosen):
        bench.sweep(dataset)
        if dataset.name == "tutorial":
            bench.tutorial(dataset, threads=2, rounds=7, repeats=300)
    _finish(bench, write_results)


@app.command()
def tutorial(
    peers: PeersOption = "",
    threads: Threads = 2,
    rounds: Rounds = 11,
    repeats: Repeats = 500,
    rebuild: Rebuild = False,
    write_results: Write = False,
) -> None:
    """Time the tutorial's own call: 4 users against 270,882 candidates, at the tutorial's parameters."""
    chosen = _names(peers, PEERS, "peer") or list(PEERS)
    bench = Run(peers=chosen, effort=Effort(), queries=943, rebuild=rebuild)
    for dataset in bench.fetch(["tutorial"]):
        bench.tutorial(dataset, threads, rounds, repeats)
    _finish(bench, write_results)


@app.command()
def sets(names: Annotated[list[str] | None, typer.Argument(help="Which; all if none.")] = None) -> None:
    """Fetch the data sets and say what they are."""
    bench = Run(peers=[], effort=Effort(), queries=0)
    bench.fetch(_names(",".join(names or []), SETS, "set") or list(SETS))
    _finish(bench, write_results=False)


@app.command()
def results() -> None:
    """Write benchmarks/RESULTS.md from what runs left in out/raw."""
    try:
        page = results_page(folder("raw"), "python -m benchmarks results")
    except NoResultsError as error:
        raise typer.BadParameter(str(error)) from error
    file = REPOSITORY / "benchmarks" / "RESULTS.md"
    file.write_text(page)
    print(f"Wrote {file}.")


def _names(text: str, known: Iterable[str], kind: str) -> list[str]:
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise typer.BadParameter(f"There is no {kind} {name!r}; there are {', '.join(known)}.")
    return wanted


def _finish(bench: Run, write_results: bool) -> None:
    if write_results:
        results()
    if bench.complaints:
        Console(stderr=True).print("\n".join(["[bold red]Not everything ran:[/]", *bench.complaints]))
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
