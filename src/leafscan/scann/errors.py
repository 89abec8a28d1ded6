"""The errors of what ScaNN's native part refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

from leafscan import FileFormatError

__all__ = ["ScannError", "ScannFileError", "as_scann_error"]


class ScannError(RuntimeError, ValueError):
    """What ScaNN raises a RuntimeError for, and leafscan a ValueError: code that catches either goes on.

    Examples
    --------
    >>> issubclass(ScannError, RuntimeError), issubclass(ScannError, ValueError)
    (True, True)
    """


class ScannFileError(ScannError, FileFormatError):
    """A folder that holds no searcher, or a damaged one: ScaNN's RuntimeError, leafscan's FileFormatError.

    Examples
    --------
    >>> issubclass(ScannFileError, RuntimeError), issubclass(ScannFileError, FileFormatError)
    (True, True)
    """


@contextmanager
def as_scann_error() -> Iterator[None]:
    """Raise a ValueError of leafscan's, in its own words, as what code written for ScaNN catches, too.

    Examples
    --------
    >>> with as_scann_error():
    ...     raise ValueError("k must be at least 1; received 0.")
    Traceback (most recent call last):
    leafscan.scann.errors.ScannError: k must be at least 1; received 0.
    """
    try:
        yield
    except ScannError:
        raise
    except FileFormatError as error:
        raise ScannFileError(str(error)) from error
    except ValueError as error:
        raise ScannError(str(error)) from error
