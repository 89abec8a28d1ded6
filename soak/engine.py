"""Another build of the engine in the place of the installed one, for example one with sanitizers."""

import importlib.util
import sys
from pathlib import Path

__all__ = ["use_engine"]


def use_engine(path: Path) -> None:
    """Make ``import leafscan`` take its native module from ``path``; before leafscan's first import.

    Parameters
    ----------
    path
        The module's file. One that was built with AddressSanitizer needs the sanitizer's library preloaded.

    Raises
    ------
    ImportError
        If it is no native module of this Python's.
    RuntimeError
        If leafscan is imported already.
    """
    name = "leafscan._engine"
    if name in sys.modules:
        raise RuntimeError("leafscan is imported already, with its own engine.")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a native module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
