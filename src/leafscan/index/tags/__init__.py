"""What is said of rows beside their vectors, in SQLite: set at build or upsert, asked by ``filter(where=...)``."""

from leafscan.index.tags.store import Tags

__all__ = ["Tags"]
