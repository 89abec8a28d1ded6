"""ScaNN's configuration as a text proto that still knows what it says."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

__all__ = ["ConfigText", "Settings"]

#: A ``ScannConfig`` as nested dictionaries under the proto's own names; enumerators are strings.
Settings = Mapping[str, Any]

# The one field that holds text; every other string is the name of an enumerator, which goes without quotes.
_QUOTED = "distance_measure"


class ConfigText(str):
    """A text proto, which remembers the settings it was written from.

    A string in every way; whoever joins something to it or replaces something in it has a plain string, which
    is then read as ScaNN's own texts are.

    Attributes
    ----------
    settings
        What the text says, as nested dictionaries.

    Examples
    --------
    >>> text = ConfigText.write({"num_neighbors": 10, "brute_force": {"fixed_point": {"enabled": False}}})
    >>> print(text)
    num_neighbors: 10
    brute_force {
      fixed_point {
        enabled: false
      }
    }
    <BLANKLINE>
    """

    settings: Settings

    @classmethod
    def write(cls, settings: Settings, beside: Settings | None = None) -> Self:
        """Write ``settings``.

        Parameters
        ----------
        settings
            What the text says, and what it remembers.
        beside
            What it says besides, for people to read; it is not remembered.
        """
        text = cls("".join(line + "\n" for line in _lines({**settings, **(beside or {})}, "")))
        text.settings = settings
        return text

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Copy and pickle as the plain string."""
        return str, (str(self),)


def _lines(settings: Settings, indent: str) -> Iterator[str]:
    for name, value in settings.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping):
                yield f"{indent}{name} {{"
                yield from _lines(each, indent + "  ")
                yield f"{indent}}}"
            else:
                yield f"{indent}{name}: {_scalar(name, each)}"


def _scalar(name: str, value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if name == _QUOTED else value
    return repr(value)
