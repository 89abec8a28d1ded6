"""The command line: ``python -m soak --help``.

A subject is one command, from a module or a package of its own beside this file.
"""

import typer

from soak.kills.command import kills
from soak.power.command import power
from soak.scann_calls import scann_calls

app = typer.Typer(add_completion=False, help="Long runs that try to break leafscan.")
app.command()(kills)
app.command()(power)
app.command("scann")(scann_calls)


@app.callback()
def soak() -> None:
    """Run one subject at a time; raw results go to soak/out/."""


if __name__ == "__main__":
    app()
