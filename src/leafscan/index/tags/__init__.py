"""What is known of rows beside their vectors, kept in SQLite and asked by ``filter(where=...)``."""

from leafscan.index.tags.store import Tags

__all__ = ["Tags"]
