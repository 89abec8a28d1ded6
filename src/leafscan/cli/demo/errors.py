"""What ends the demo with a sentence instead of a traceback."""

from __future__ import annotations

__all__ = ["DemoError"]


class DemoError(Exception):
    """The demo cannot go on; the message is a sentence for the one who called it."""
