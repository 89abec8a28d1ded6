"""The options of ``leafscan demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from leafscan.cli.bars import Bars
from leafscan.cli.demo.backend import choose_backend
from leafscan.cli.demo.dataset import load_dataset
from leafscan.cli.demo.errors import DemoError
from leafscan.cli.demo.settings import Backend, PresetName, Settings
from leafscan.index.threads import default_threads

__all__ = ["demo"]


def demo(
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="A local copy of MovieLens-100K: ml-100k.zip, the folder that it extracts to, or RecBole's "
            "wheel or folder. By default it is taken from the cache, or fetched.",
            show_default=False,
        ),
    ] = None,
    backend: Annotated[
        Backend, typer.Option(help="The Keras backend that trains and searches by brute force.")
    ] = Backend.jax,
    preset: Annotated[
        PresetName, typer.Option(help="The model whose candidates are searched.")
    ] = PresetName.tutorial,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Epochs of that model. By default 50, or 6 for quality.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=1_000_000_000, help="Seeds everything.")] = 42,
    output: Annotated[Path, typer.Option(help="The folder for the report and the plots.")] = Path("demo"),
) -> None:
    """Train on MovieLens, index the candidates, race leafscan against brute force, and recommend movies."""
    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    try:
        try:
            threads = default_threads()
        except ValueError as error:
            raise DemoError(str(error)) from error
        with Bars(err) as bars:
            data = load_dataset(dataset, progress=bars)
            bars("Importing Keras", 0, 0)
            choose_backend(backend, threads=threads)
            from leafscan.cli.demo.run import run
        settings = Settings(
            backend=backend, preset=preset, epochs=epochs, seed=seed, output=output, threads=threads
        )
        run(data, settings, out=out, err=err)
    except DemoError as error:
        err.print(Text.assemble(("Error: ", "bold red"), str(error)))
        raise typer.Exit(1) from error
