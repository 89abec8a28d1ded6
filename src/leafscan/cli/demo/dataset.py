"""Load MovieLens, or say in a sentence what the options would take."""

from __future__ import annotations

from pathlib import Path

from leafscan.cli.demo.errors import DemoError
from leafscan.recommend import MovieLens, Progress, load_movielens

__all__ = ["load_dataset"]


def load_dataset(path: Path | None, *, progress: Progress) -> MovieLens:
    """Load MovieLens from the path that was given, from the cache, or from the network.

    Parameters
    ----------
    path
        A local copy, or None.
    progress
        Where to show how far it is.

    Returns
    -------
    MovieLens
        The tables.

    Raises
    ------
    DemoError
        If there is nothing to be had.
    """
    try:
        return load_movielens(path, progress=progress)
    except (OSError, ValueError) as error:
        if path is None:
            raise DemoError(f"{error}\nOr run leafscan demo --dataset PATH.") from error
        raise DemoError(
            "--dataset must be ml-100k.zip, the folder it extracts to, or RecBole's wheel or folder: "
            f"{str(error).rstrip('.')}."
        ) from error
