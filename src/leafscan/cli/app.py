"""The commands."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

import leafscan
from leafscan.cli.build import build
from leafscan.cli.demo.command import demo
from leafscan.cli.evaluate import evaluate
from leafscan.cli.inspect import inspect
from leafscan.cli.search import search
from leafscan.cli.tune import tune
from leafscan.cli.verify import verify

__all__ = ["app"]

app = typer.Typer(
    name="leafscan",
    help="Find the best k of millions of embeddings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(build)
app.command()(search)
app.command()(tune)
app.command()(evaluate)
app.command()(inspect)
app.command()(verify)
app.command()(demo)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"leafscan {leafscan.__version__} (Python {platform.python_version()})")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end."),
    ] = False,
) -> None:
    """Find the best k of millions of embeddings."""
