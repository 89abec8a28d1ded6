"""The version of the library, which its files record too."""

__version__ = "0.1.0"
