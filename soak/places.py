"""Where the soaks' results lie."""

from pathlib import Path

__all__ = ["OUT", "REPOSITORY"]

REPOSITORY = Path(__file__).resolve().parents[1]

#: Raw results, which git ignores.
OUT = REPOSITORY / "soak" / "out"
