"""Docids out of a pickle, without unpickling: its instructions are read, and those of plain lists obeyed."""

import pickletools
from typing import Any

from leafscan import FileFormatError

__all__ = ["read_list"]

_MARK = object()

_CONSTANTS = frozenset(
    {
        "BININT",
        "BININT1",
        "BININT2",
        "BINUNICODE",
        "BINUNICODE8",
        "INT",
        "LONG",
        "LONG1",
        "LONG4",
        "SHORT_BINUNICODE",
        "UNICODE",
    }
)
_STORES = frozenset({"BINPUT", "LONG_BINPUT", "PUT"})
_LOADS = frozenset({"BINGET", "LONG_BINGET", "GET"})


def read_list(data: bytes, name: str) -> list[str | int]:
    """Read a pickled list of strings and whole numbers.

    Parameters
    ----------
    data
        What ``pickle.dump`` wrote.
    name
        The file.

    Returns
    -------
    list
        Its values.

    Raises
    ------
    leafscan.FileFormatError
        If it is anything else, or damaged; nothing of it is run.

    Examples
    --------
    >>> import pickle
    >>> read_list(pickle.dumps(["a", 2, "a"]), "docids")
    ['a', 2, 'a']
    >>> read_list(pickle.dumps([print]), "docids")
    Traceback (most recent call last):
    leafscan.index.errors.FileFormatError: docids: it is a pickle of more than a list of strings and whole ...
    """
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(data):
            kind = opcode.name
            if kind in _CONSTANTS:
                if isinstance(argument, bool):
                    raise _more(name, "a bool")
                stack.append(argument)
            elif kind == "EMPTY_LIST":
                stack.append([])
            elif kind == "MARK":
                stack.append(_MARK)
            elif kind == "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            elif kind == "APPENDS":
                values = _above_mark(stack)
                stack[-1].extend(values)
            elif kind == "LIST":
                stack.append(_above_mark(stack))
            elif kind == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif kind in _STORES:
                memo[argument] = stack[-1]
            elif kind in _LOADS:
                stack.append(memo[argument])
            elif kind == "STOP":
                break
            elif kind not in ("PROTO", "FRAME"):
                raise _more(name, kind)
    except FileFormatError:
        raise
    except Exception as error:  # whatever a damaged file makes of the instructions
        raise FileFormatError(f"{name}: it is no pickled list, or is damaged ({error}).") from None
    if len(stack) != 1 or type(stack[0]) is not list:
        raise _more(name, "something other than one list")
    if any(type(value) not in (str, int) for value in stack[0]):
        raise _more(name, "a list in a list")
    return stack[0]


def _above_mark(stack: list[Any]) -> list[Any]:
    values = []
    while (value := stack.pop()) is not _MARK:
        values.append(value)
    return values[::-1]


def _more(name: str, what: str) -> FileFormatError:
    return FileFormatError(
        f"{name}: it is a pickle of more than a list of strings and whole numbers ({what}), and leafscan "
        "unpickles nothing. Write the docids anew as such a list, where they can be trusted."
    )
