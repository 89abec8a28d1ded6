"""Whether a layer is being called for a program that is to run elsewhere, which cannot have its index."""

import sys

import keras

__all__ = ["refuse_export"]


def refuse_export(name: str) -> None:
    """Raise where Keras, or PyTorch, is exporting what calls this, whatever the format.

    A program that leaves the process would carry the number of a slot that is open here alone: some formats
    are written all the same, and fail where they are loaded. On TensorFlow the operation itself refuses
    whatever is no ``model.export``.

    Parameters
    ----------
    name
        Of the layer.

    Raises
    ------
    NotImplementedError
        If it is so.
    """
    if _exporting():
        raise NotImplementedError(
            f"{name}: no exported program can carry a leafscan index, since its search is native code of "
            "this process. Export the query tower alone, and the index beside it: leafscan.keras.export("
            "layer, folder), which leafscan.keras.load_exported(folder) joins; or save the whole as a .keras "
            "file: model.save. (A leafscan.keras.Streaming layer is ordinary operations and can be exported.)"
        )


def _exporting() -> bool:
    if keras.backend.backend() == "torch":
        import torch

        # Also torch.export and torch.jit.trace of a user's own; not torch.compile, which stays here: to its
        # tracing is_exporting() is true in releases before 2.13, but the flag behind it is not. Before 2.7
        # an export sets this other one alone, and only where it is not strict.
        flag = "_is_exporting_flag" if hasattr(torch.compiler, "is_exporting") else "_is_compiling_flag"
        told: bool = getattr(torch.compiler, flag)
        traced: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        return told or traced
    # Keras has no flag of it.
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("keras.src.export."):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
