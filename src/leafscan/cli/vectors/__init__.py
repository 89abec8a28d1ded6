"""Vectors, and ids, out of the files that people keep them in."""

from leafscan.cli.vectors.reading import Vectors, read_vectors

__all__ = ["Vectors", "read_vectors"]
