"""The error of what ScaNN's native part refuses."""

__all__ = ["ScannError"]


class ScannError(RuntimeError, ValueError):
    """What ScaNN raises a RuntimeError for, and leafscan a ValueError: code that catches either goes on.

    Examples
    --------
    >>> issubclass(ScannError, RuntimeError), issubclass(ScannError, ValueError)
    (True, True)
    """
