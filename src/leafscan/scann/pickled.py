"""Docids out of a pickle, without unpickling: its instructions are read, and those of plain lists obeyed."""

import pickletools
from typing import Any

from leafscan import FileFormatError
from leafscan.scann import pickled_numpy

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
        # What NumPy's pickles need besides.
        "BINBYTES",
        "NONE",
        "SHORT_BINBYTES",
    }
)
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_FLAGS = {"NEWFALSE": False, "NEWTRUE": True}
_STORES = frozenset({"BINPUT", "LONG_BINPUT", "PUT"})
_LOADS = frozenset({"BINGET", "LONG_BINGET", "GET"})


def read_list(data: bytes, name: str) -> list[str | int]:
    """Read a pickled list, tuple or NumPy array of strings and whole numbers; NumPy's own ones, too.

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
            if kind == "STOP":
                break
            _obey(kind, argument, stack, memo)
    except _OtherError as error:
        raise _more(name, str(error)) from None
    except Exception as error:  # whatever a damaged file makes of the instructions
        raise FileFormatError(f"{name}: it is no pickled list, or is damaged ({error}).") from None
    listed: Any = stack[0] if len(stack) == 1 else None
    if isinstance(listed, pickled_numpy.Vector):
        listed = listed.values
    if type(listed) not in (list, tuple):
        raise _more(name, "something other than one list")
    if any(type(value) not in (str, int) for value in listed):
        raise _more(name, "a list of something else")
    return list(listed)


class _OtherError(Exception):
    """An instruction that no such list needs."""


def _obey(kind: str, argument: Any, stack: list[Any], memo: dict[Any, Any]) -> None:
    if kind in _CONSTANTS:
        if isinstance(argument, bool):
            raise _OtherError("a bool")
        stack.append(argument)
    elif kind in _FLAGS:
        stack.append(_FLAGS[kind])
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
    elif kind == "TUPLE":
        stack.append(tuple(_above_mark(stack)))
    elif kind in _TUPLES:
        stack.append(_last(stack, _TUPLES[kind]))
    elif kind == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif kind in _STORES:
        memo[argument] = stack[-1]
    elif kind in _LOADS:
        stack.append(memo[argument])
    elif kind in ("STACK_GLOBAL", "GLOBAL", "REDUCE", "BUILD"):
        _of_numpy(kind, argument, stack)
    elif kind not in ("PROTO", "FRAME"):
        raise _OtherError(kind)


def _of_numpy(kind: str, argument: Any, stack: list[Any]) -> None:
    try:
        if kind == "GLOBAL":
            stack.append(pickled_numpy.Name(*argument.split(" ")))
        elif kind == "STACK_GLOBAL":
            stack.append(pickled_numpy.Name(*_last(stack, 2)))
        elif kind == "REDUCE":
            stack.append(pickled_numpy.reduced(*_last(stack, 2)))
        else:
            pickled_numpy.built(stack[-2], stack.pop())
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise _OtherError(f"{kind}: {error}") from None


def _last(stack: list[Any], n: int) -> tuple[Any, ...]:
    """Take the last n values off the stack."""
    return tuple(reversed([stack.pop() for _ in range(n)]))


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
