"""ScaNN's protos, as text and as bytes, read strictly with Google's own library.

The library needs descriptors; they are made of `leafscan.scann.schema` on first use.
"""

import functools
import importlib
from types import SimpleNamespace
from typing import Any

import numpy as np

from leafscan.scann.schema import ENUMS, MESSAGES, SCALARS

__all__ = ["read_binary", "read_text"]

_PACKAGE = "leafscan.scann"


def read_text(message: str, text: str, name: str) -> dict[str, Any]:
    """Read a text proto.

    Parameters
    ----------
    message
        The message that it is, a name of `leafscan.scann.schema.MESSAGES`.
    text
        The proto.
    name
        What the caller knows it as.

    Returns
    -------
    dict
        The fields that are set, as nested dictionaries; enumerators are strings.

    Raises
    ------
    ModuleNotFoundError
        If protobuf is not installed.
    TypeError
        If ``text`` is not a string.
    ValueError
        If it is no such proto; the field, or the line, is named.
    """
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a text proto; received {text!r:.80} ({type(text).__name__}).")
    google = _google(name)
    parsed = _classes()[message]()
    try:
        google.text_format.Parse(str(text), parsed)
    except (google.text_format.ParseError, UnicodeError, RecursionError) as error:
        told = str(error).replace(f"{_PACKAGE}.", "").strip().removesuffix(".")
        raise ValueError(
            f"{name} is not a {message} that leafscan can follow: {told}. "
            "It reads what ScaNN's builder writes."
        ) from None
    return _as_dict(parsed, message)


def read_binary(message: str, data: bytes, name: str) -> dict[str, Any]:
    """Read a binary proto.

    Parameters
    ----------
    message, name
        As for `read_text`.
    data
        The proto.

    Returns
    -------
    dict
        The fields that are set, as nested dictionaries; enumerators are strings.

    Raises
    ------
    ModuleNotFoundError
        If protobuf is not installed.
    ValueError
        If it is no such proto, or has a field or an enumerator that leafscan does not know.
    """
    google = _google(name)
    parsed = _classes()[message]()
    try:
        parsed.ParseFromString(data)
    except google.message.DecodeError:
        raise ValueError(f"{name} is not a {message} of ScaNN's, or is damaged.") from None
    _refuse_unknown(google, parsed, message, name)
    return _as_dict(parsed, message)


def _google(name: str) -> SimpleNamespace:
    try:
        modules = {
            module: importlib.import_module(f"google.protobuf.{module}")
            for module in (
                "descriptor_pb2",
                "descriptor_pool",
                "message",
                "message_factory",
                "text_format",
                "unknown_fields",
            )
        }
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'to read {name}, a proto of ScaNN\'s, install protobuf: pip install "leafscan[scann]".',
            name=error.name,
        ) from error
    return SimpleNamespace(**modules)


@functools.cache
def _classes() -> dict[str, Any]:
    google = _google("a configuration")
    file = google.descriptor_pb2.FileDescriptorProto(
        name="leafscan/scann.proto", package=_PACKAGE, syntax="proto2"
    )
    for enum, values in ENUMS.items():
        # Enumerators live beside their type, so that each type goes into a message of its own.
        described = file.message_type.add(name=f"{enum}Enum").enum_type.add(name="Value")
        for name, number in values.items():
            described.value.add(name=name, number=number)
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            base = kind.removeprefix("*")
            field = described.field.add(name=name, number=number, label=3 if kind.startswith("*") else 1)
            if base in SCALARS:
                field.type = SCALARS[base]
            elif base in ENUMS:
                field.type, field.type_name = 14, f".{_PACKAGE}.{base}Enum.Value"
            else:
                field.type, field.type_name = 11, f".{_PACKAGE}.{base}"
    pool = google.descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        message: google.message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{message}"))
        for message in MESSAGES
    }


def _as_dict(parsed: Any, message: str) -> dict[str, Any]:
    fields = MESSAGES[message]
    return {field.name: _value(value, fields[field.name][1]) for field, value in parsed.ListFields()}


def _value(value: Any, kind: str) -> Any:
    if kind.startswith("*"):
        base = kind[1:]
        if base in ("float", "double"):
            return np.array(value, np.float32 if base == "float" else np.float64)
        return [_value(each, base) for each in value]
    if kind in ENUMS:
        return next(name for name, number in ENUMS[kind].items() if number == value)
    if kind == "float":
        return float(str(np.float32(value)))  # 0.2, not what 32 bits make of it
    return value if kind in SCALARS else _as_dict(value, kind)


def _refuse_unknown(google: SimpleNamespace, parsed: Any, message: str, name: str) -> None:
    for unknown in google.unknown_fields.UnknownFieldSet(parsed):
        known = {number: field for field, (number, _) in MESSAGES[message].items()}
        told = known.get(unknown.field_number)
        what = (
            f"the field {unknown.field_number} of {message}, which leafscan does not know"
            if told is None
            else f"a value of {message}'s {told} that leafscan does not know"
        )
        raise ValueError(f"{name} sets {what}; it reads what ScaNN's builder writes.")
    for field, value in parsed.ListFields():
        kind = MESSAGES[message][field.name][1].removeprefix("*")
        if kind in MESSAGES:
            for each in value if MESSAGES[message][field.name][1].startswith("*") else [value]:
                _refuse_unknown(google, each, kind, name)
