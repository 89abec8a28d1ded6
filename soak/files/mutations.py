"""What is done to a valid file: one function a way of breaking it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from leafscan import Config, SearchParams
from soak.families import made_up_tuning
from soak.files import foreign, hostile
from soak.files.craft import TYPES, Crafted, join, split

__all__ = ["MUTATIONS", "SIGNED", "Mutation"]

#: Takes a source of chance and a valid file; returns another file.
Mutation = Callable[[np.random.Generator, bytes], bytes]

Rng = np.random.Generator


# Damage: bytes that changed on a disk or on the way.


def flipped_bits(rng: Rng, data: bytes) -> bytes:
    """Flip one to eight bits anywhere."""
    return _flipped(rng, data, 0, len(data))


def flipped_header_bits(rng: Rng, data: bytes) -> bytes:
    """Flip one to three bits of the header or its length."""
    return _flipped(rng, data, 0, 8 + int.from_bytes(data[:8], "little"), most=3)


def random_bytes(rng: Rng, data: bytes) -> bytes:
    """Replace a stretch by random bytes."""
    begin, end = _stretch(rng, data)
    return data[:begin] + rng.bytes(end - begin) + data[end:]


def zeros(rng: Rng, data: bytes) -> bytes:
    """Replace a stretch by zeros, as a lost block of a disk reads."""
    begin, end = _stretch(rng, data)
    return data[:begin] + bytes(end - begin) + data[end:]


def truncated(rng: Rng, data: bytes) -> bytes:
    """Cut the end off."""
    return data[: int(rng.integers(len(data)))]


def cut_out(rng: Rng, data: bytes) -> bytes:
    """Leave a stretch out."""
    begin, end = _stretch(rng, data)
    return data[:begin] + data[end:]


def repeated(rng: Rng, data: bytes) -> bytes:
    """Write a stretch twice."""
    begin, end = _stretch(rng, data)
    return data[:end] + data[begin:]


def appended(rng: Rng, data: bytes) -> bytes:
    """Write something behind the end."""
    more = int(rng.integers(1, 200))
    return data + (bytes(more) if rng.random() < 0.5 else rng.bytes(more))


def header_length(rng: Rng, data: bytes) -> bytes:
    """Give another length of the header."""
    length = hostile.count(rng) if rng.random() < 0.5 else int.from_bytes(data[:8], "little")
    length += int(rng.integers(-70, 70))
    return (length % 2**64).to_bytes(8, "little") + data[8:]


# The container: the header that safetensors wrote.


def entry_values(rng: Rng, data: bytes) -> bytes:
    """Replace a number, list or string in a section's entry."""
    header, body = split(data)
    entry = header[_section(rng, header)]
    what = hostile.pick(rng, ("dtype", "shape", "data_offsets"))
    if isinstance(entry[what], list) and rng.random() < 0.8:
        place = int(rng.integers(len(entry[what])))
        old = entry[what][place]
        entry[what][place] = (
            old + int(rng.integers(-64, 65)) if rng.random() < 0.4 else hostile.any_value(rng)
        )
    elif what == "dtype" and rng.random() < 0.7:
        entry[what] = hostile.pick(rng, (*TYPES, "F64", "BOOL", "BF16", "F8_E4M3", "u64"))
    else:
        entry[what] = hostile.any_value(rng)
    return join(header, body)


def swapped_entries(rng: Rng, data: bytes) -> bytes:
    """Exchange what the header says of two sections, in whole or in part."""
    header, body = split(data)
    one, other = _section(rng, header), _section(rng, header)
    for what in ("dtype", "shape", "data_offsets"):
        if rng.random() < 0.7:
            header[one][what], header[other][what] = header[other][what], header[one][what]
    return join(header, body)


def renamed_entries(rng: Rng, data: bytes) -> bytes:
    """Drop, rename or add an entry."""
    header, body = split(data)
    entry = header.pop(_section(rng, header))
    if rng.random() < 0.7:
        header[hostile.pick(rng, ("rows", "ids", "x", "", ".padding", "codes.padding", "é", "a" * 999))] = (
            entry
        )
    return join(header, body)


def repeated_names(rng: Rng, data: bytes) -> bytes:
    """Give a name twice, which JSON readers settle in different ways."""
    header, body = split(data)
    name = hostile.pick(rng, header)
    text = json.dumps(header, separators=(",", ":"))
    again = json.dumps({name: hostile.any_value(rng) if rng.random() < 0.5 else header[name]})
    return join((text[:-1] + "," + again[1:]).encode(errors="surrogatepass"), body)


def odd_text(rng: Rng, data: bytes) -> bytes:
    """Write a header that is deep, long, no UTF-8 or no object."""
    header, body = split(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    depth = int(rng.integers(1, 200_000))
    odd = (
        b"[" * depth,
        b'{"a":' * depth,
        b"[" * depth + b"]" * depth,
        text[:-1] + b',"a":' + b"[" * depth + b"]" * depth + b"}",
        text[:-1] + b',"a":' + b"9" * depth + b"}",
        text[:-1] + b',"\xff\xfe":1}',
        text.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + text,
        text + b"\0" * 7,
        text.replace(b"leafscan", b"leafscan\\u0000"),
        b"null",
        b'""',
        b"{}",
        b"NaN",
    )
    return join(hostile.pick(rng, odd), body)


# The description: hostile, with a checksum that agrees.


def unsigned_values(rng: Rng, data: bytes) -> bytes:
    """Replace something in the description, and leave its checksum as it was."""
    crafted = Crafted.of(data)
    _describe(rng, crafted.description)
    return crafted.plain()


def description_values(rng: Rng, data: bytes) -> bytes:
    """Replace something in the description."""
    crafted = Crafted.of(data)
    _describe(rng, crafted.description)
    return crafted.sealed()


def tuning_values(rng: Rng, data: bytes) -> bytes:
    """Replace something in what was measured, or give it to an index that it was not measured of."""
    crafted = Crafted.of(data)
    if "tuning" not in crafted.description:
        crafted.description["tuning"] = made_up_tuning(Config(search=SearchParams())).to_dict()
    for _ in range(int(rng.integers(3))):
        _describe(rng, crafted.description["tuning"])
    return crafted.sealed()


def _describe(rng: Rng, holder: Any) -> None:
    while True:
        name = hostile.pick(rng, holder if isinstance(holder, dict) else range(len(holder)))
        if isinstance(holder[name], (dict, list)) and len(holder[name]) and rng.random() < 0.9:
            holder = holder[name]
            continue
        holder[name] = hostile.any_value(rng)
        return


def plan_values(rng: Rng, data: bytes) -> bytes:
    """Give the plan other numbers and parts."""
    crafted = Crafted.of(data)
    config = crafted.description["config"]
    for _ in range(int(rng.integers(1, 4))):
        kind, score = next(iter(config["score"].items())) if _is_score(config) else ("brute_force", {})
        parts = [
            part for part in (config["tree"], score, config["reorder"]) if isinstance(part, dict) and part
        ]
        search = config["search"]
        chance = rng.random()
        if chance < 0.4 and isinstance(search, dict) and search:
            given = [name for name in search if search[name] is not None]
            search[hostile.pick(rng, given or search)] = hostile.any_value(rng)
        elif chance < 0.75 and parts:
            part = hostile.pick(rng, parts)
            part[hostile.pick(rng, part)] = hostile.any_value(rng)
        elif chance < 0.8:
            config[hostile.pick(rng, config)] = hostile.pick(
                rng, (None, {}, [], {kind: None}, {"num_leaves": 1})
            )
        elif chance < 0.9:
            config["search"] = {"candidates": hostile.count(rng), "leaves": hostile.count(rng)}
        else:
            crafted.description["metric"] = hostile.pick(rng, ("dot_product", "cosine", "squared_l2"))
    return crafted.sealed()


def description_fields(rng: Rng, data: bytes) -> bytes:
    """Drop, rename or add a field of the description."""
    crafted = Crafted.of(data)
    name = hostile.pick(rng, crafted.description)
    value = crafted.description.pop(name)
    if rng.random() < 0.5:
        crafted.description[hostile.pick(rng, ("more", "", name.upper(), "é"))] = value
    return crafted.sealed()


# The sections: hostile values, types and shapes, with checksums that agree.


def indexing_values(rng: Rng, data: bytes) -> bytes:
    """Put hostile values into what a search uses as indexes, offsets and bits."""
    return _values(rng, data, ("order", "offsets", "spill_rows", "live"))


def id_values(rng: Rng, data: bytes) -> bytes:
    """Put hostile values or bytes into the ids."""
    return _values(rng, data, ("ids", "id_offsets"))


def float_values(rng: Rng, data: bytes) -> bytes:
    """Put NaN, infinity, and numbers at the edges into sections of floats."""
    crafted = Crafted.of(data)
    names = [name for name, array in crafted.sections.items() if array.dtype.kind == "f"]
    if not names:
        return indexing_values(rng, data)
    for _ in range(int(rng.integers(1, 4))):
        name = hostile.pick(rng, names)
        array = crafted.sections[name].reshape(-1)
        if rng.random() < 0.3:
            with np.errstate(all="ignore"):
                array *= hostile.pick(rng, (1e38, 1e30, 1e19, 1e-19, 1e-38, 1e-45, 0.0, -1.0))
        elif rng.random() < 0.3:
            array[:] = hostile.number(rng, array.dtype)
        else:
            _put(rng, array)
    return crafted.signed()


def code_and_row_bytes(rng: Rng, data: bytes) -> bytes:
    """Put any bytes into rows and codes, which an engine must read safely."""
    crafted = Crafted.of(data)
    names = [name for name in crafted.sections if name.endswith(("rows", "codes", "terms", "tags"))]
    for name in names:
        if not name.startswith("spill_rows") and rng.random() < 0.7:
            array = crafted.sections[name]
            taken = rng.random(array.shape) < hostile.pick(rng, (0.01, 0.3, 1.0))
            noise = np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape)
            array[taken] = noise[taken]
    return crafted.signed()


def section_shapes(rng: Rng, data: bytes) -> bytes:
    """Give a section more, fewer or no items, another shape or another type."""
    crafted = Crafted.of(data)
    for _ in range(int(rng.integers(1, 3))):
        name = hostile.pick(rng, crafted.sections)
        array = crafted.sections[name]
        chance = rng.random()
        if chance < 0.25:
            array = np.repeat(array, 2, axis=0)
        elif chance < 0.5 and len(array) > 1:
            array = array[: int(rng.integers(1, len(array)))].copy()
        elif chance < 0.75:
            array = array.reshape(hostile.pick(rng, ((-1,), (1, -1), (-1, 1), (1, 1, -1), array.shape[::-1])))
        else:
            with np.errstate(all="ignore"):
                array = array.astype(hostile.pick(rng, TYPES.values()))
        crafted.sections[name] = array
    return crafted.signed()


def section_names(rng: Rng, data: bytes) -> bytes:
    """Drop or rename a section, add one, or exchange two."""
    crafted = Crafted.of(data)
    sections = crafted.sections
    one, other = hostile.pick(rng, sections), hostile.pick(rng, sections)
    chance = rng.random()
    if chance < 0.3:
        del sections[one]
    elif chance < 0.5:
        sections["center" if rng.random() < 0.5 else "surprise"] = sections[one].copy()
    else:
        sections[one], sections[other] = sections[other], sections[one]
    return crafted.signed()


def row_count(rng: Rng, data: bytes) -> bytes:
    """Claim another number of rows or dimensions, and make the sections of that size where it is small."""
    crafted = Crafted.of(data)
    n, dim = crafted.description["rows"], crafted.description["dim"]
    rows, dims = (hostile.count(rng), dim) if rng.random() < 0.6 else (n, hostile.count(rng))
    crafted.description.update(rows=rows, dim=dims)
    if 0 < rows < 500 and 0 < dims < 500:
        for name, array in crafted.sections.items():
            shape: Any = tuple({n: rows, n + 1: rows + 1, dim: dims}.get(size, size) for size in array.shape)
            crafted.sections[name] = np.resize(array, shape)
    return crafted.signed()


MUTATIONS: Mapping[str, Mutation] = {
    function.__name__.replace("_", "-"): function
    for function in (
        flipped_bits,
        flipped_header_bits,
        random_bytes,
        zeros,
        truncated,
        cut_out,
        repeated,
        appended,
        header_length,
        entry_values,
        swapped_entries,
        renamed_entries,
        repeated_names,
        odd_text,
        unsigned_values,
        description_values,
        plan_values,
        tuning_values,
        description_fields,
        indexing_values,
        id_values,
        float_values,
        code_and_row_bytes,
        section_shapes,
        section_names,
        row_count,
        foreign.foreign_file,
    )
}

#: Those whose files carry checksums that agree: `verify` may pass them, and their answers may be others.
SIGNED = frozenset(
    (
        "description-values",
        "plan-values",
        "tuning-values",
        "description-fields",
        "indexing-values",
        "id-values",
        "float-values",
        "code-and-row-bytes",
        "section-shapes",
        "section-names",
        "row-count",
    )
)


def _flipped(rng: Rng, data: bytes, begin: int, end: int, *, most: int = 8) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, most + 1))):
        changed[int(rng.integers(begin, end))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _stretch(rng: Rng, data: bytes) -> tuple[int, int]:
    begin = int(rng.integers(len(data)))
    return begin, min(len(data), begin + int(rng.integers(1, hostile.pick(rng, (4, 64, 5000)))))


def _section(rng: Rng, header: dict[str, Any]) -> str:
    return str(hostile.pick(rng, (name for name in header if name != "__metadata__")))


def _is_score(config: dict[str, Any]) -> bool:
    score = config["score"]
    return isinstance(score, dict) and len(score) == 1 and isinstance(next(iter(score.values())), dict)


def _values(rng: Rng, data: bytes, wanted: tuple[str, ...]) -> bytes:
    crafted = Crafted.of(data)
    names = [name for name in crafted.sections if name in wanted or name.endswith(wanted)]
    if not names:
        return indexing_values(rng, data)
    for _ in range(int(rng.integers(1, 3))):
        _put(rng, crafted.sections[hostile.pick(rng, names)].reshape(-1))
    return crafted.signed()


def _put(rng: Rng, array: Any) -> None:
    """Change some values of a flat array: to an edge, by one, to one another, or to anything."""
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(array)))
        chance = rng.random()
        if chance < 0.5:
            array[place] = hostile.number(rng, array.dtype)
        elif chance < 0.7:
            with np.errstate(all="ignore"):
                array[place] += array.dtype.type(1) if rng.random() < 0.5 else -array.dtype.type(1)
        elif chance < 0.85:
            other = int(rng.integers(len(array)))
            array[place], array[other] = array[other], array[place]
        else:
            array[place : place + 1] = np.frombuffer(rng.bytes(array.itemsize), array.dtype)
