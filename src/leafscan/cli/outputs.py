"""Where a command writes to."""

from __future__ import annotations

from pathlib import Path

from leafscan.cli.failing import CommandError

__all__ = ["check_output"]


def check_output(path: Path) -> None:
    """Say that a file cannot be written before, not after, all the work.

    Parameters
    ----------
    path
        What --output names.

    Raises
    ------
    CommandError
        If it is a folder, or lies in none.

    Examples
    --------
    >>> check_output(Path("nowhere/some.leafscan"))
    Traceback (most recent call last):
    leafscan...CommandError: --output nowhere/some.leafscan: there is no folder nowhere; make it first.
    """
    if path.is_dir():
        raise CommandError(f"--output {path} is a folder; give a file in it.")
    if not path.absolute().parent.is_dir():
        raise CommandError(f"--output {path}: there is no folder {path.parent}; make it first.")
