"""The command line: ``python -m soak --help``.

A subject is one command, from a module or a package of its own beside this file.
"""

import typer

from soak.files.command import files
from soak.kills.command import kills
from soak.mix.command import mix
from soak.power.command import power
from soak.scann_calls.command import scann_calls

app = typer.Typer(add_completion=False, help="Long runs that try to break leafscan.")
app.command()(files)
app.command()(kills)
app.command()(mix)
app.command()(power)
app.command("scann")(scann_calls)


@app.callback(invoke_without_command=True)
def soak(context: typer.Context) -> None:
    """Run one subject, or all of them; raw results go to soak/out/."""
    if context.invoked_subcommand is not None:
        return
    command = context.command
    assert isinstance(command, typer.core.TyperGroup)
    codes = [
        subject.main(args=[], prog_name=f"{context.info_name} {name}", standalone_mode=False)
        for name, subject in command.commands.items()
    ]
    if any(codes):
        raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m soak")
