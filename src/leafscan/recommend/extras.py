"""Imports of what is not needed to install leafscan, with a sentence when it is missing."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

__all__ = ["require"]


def require(module: str, *, purpose: str, install: str = '"leafscan[recommend]"') -> ModuleType:
    """Import an optional module, or say what to install.

    Parameters
    ----------
    module
        The dotted name of the module, for example ``"matplotlib.pyplot"``.
    purpose
        What needs it, as the subject of a sentence, for example ``"Plotting a history"``.
    install
        What ``pip install`` must be given to have it.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    ModuleNotFoundError
        If the module, or something that it needs itself, is not installed.

    Examples
    --------
    >>> require("math", purpose="Counting").floor(2.5)
    2
    >>> require("no_such_module", purpose="Nothing")
    Traceback (most recent call last):
    ModuleNotFoundError: Nothing needs the module no_such_module, which is not installed; ...
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] == top:
            raise ModuleNotFoundError(
                f"{purpose} needs the module {module}, which is not installed; pip install {install} has it.",
                name=error.name,
            ) from error
        if top in ("keras", "keras_rs"):
            chosen = os.environ.get("KERAS_BACKEND")
            setting = f"KERAS_BACKEND={chosen}" if chosen else "KERAS_BACKEND unset"
            raise ModuleNotFoundError(
                f"{purpose} needs Keras, and Keras ({setting}) could not import {error.name}; "
                "install that backend, or set KERAS_BACKEND to the one that is installed (jax, tensorflow or "
                "torch) before Keras is imported.",
                name=error.name,
            ) from error
        raise
