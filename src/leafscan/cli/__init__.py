"""The command line: ``leafscan``. It needs typer and rich, which ``pip install "leafscan[cli]"`` has."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line.

    Raises
    ------
    SystemExit
        Always; with a sentence where typer or rich is not installed.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # Movie titles have letters that not every terminal has; a question mark is better than an end.
            reconfigure(errors="replace")
    try:
        from leafscan.cli.app import app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        sys.exit(
            f"The leafscan command needs {missing}, which is not installed; "
            'pip install "leafscan[cli]" has it.'
        )
    app(prog_name="leafscan")
