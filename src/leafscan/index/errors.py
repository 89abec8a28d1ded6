"""What can be wrong with a file."""

__all__ = ["FileFormatError"]


class FileFormatError(ValueError):
    """A file is not a leafscan index, or is damaged; the message names the section and what is wrong with it.

    Examples
    --------
    >>> issubclass(FileFormatError, ValueError)
    True
    """
