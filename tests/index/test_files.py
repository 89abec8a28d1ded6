import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from leafscan import (
    AsymmetricHash,
    Config,
    FileFormatError,
    Reorder,
    SearchParams,
    Tree,
    build,
    inspect,
    load,
    verify,
)
from leafscan.index import files
from leafscan.index.container import ALIGNMENT, KEY, map_arrays

Matrix = NDArray[np.float32]

CONFIGS = {
    "exact": Config(),
    "tree": Config(tree=Tree(num_leaves=9)),
    "codes": Config(score=AsymmetricHash(dimensions_per_block=3)),
    "all": Config(
        tree=Tree(num_leaves=9),
        score=AsymmetricHash(anisotropic_quantization_threshold=0),
        reorder=Reorder(),
        search=SearchParams(leaves=2),
    ),
}
IDS: dict[str, Any] = {
    "positions": None,
    "integers": np.arange(600)[::-1] * 3,
    "strings": [f"id {i} ö" for i in range(600)],
}


@pytest.fixture
def path(tmp_path: Path, vectors: Matrix) -> Path:
    index = build(vectors, metric="squared_l2", config=CONFIGS["all"], ids=IDS["strings"])
    index.save(tmp_path / "file.leafscan")
    return tmp_path / "file.leafscan"


def describe(path: Path, change: Callable[[dict[str, Any]], Any], *, sign: bool = True) -> None:
    """Change the description in a file, and give it a checksum that agrees."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    description = json.loads(header["__metadata__"][KEY])
    change(description)
    if sign and isinstance(description, dict):
        description["checksum"] = files._description_digest(description)
    header["__metadata__"][KEY] = json.dumps(description)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def section_bytes(path: Path, name: str) -> tuple[int, int]:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    begin, end = json.loads(data[8 : 8 + length])[name]["data_offsets"]
    return 8 + length + begin, 8 + length + end


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("ids", IDS.values(), ids=IDS.keys())
@pytest.mark.parametrize("memory", [False, True])
def test_a_loaded_index_gives_the_same(
    tmp_path: Path, vectors: Matrix, queries: Matrix, metric: str, config: Config, ids: Any, memory: bool
) -> None:
    index = build(vectors, metric=metric, config=config, ids=ids, seed=5)
    index.save(tmp_path / "file")
    verify(tmp_path / "file")
    again = load(tmp_path / "file", memory=memory, verify=True)
    for asked in (queries, queries[0]):
        expected, result = index.search(asked, k=9), again.search(asked, k=9)
        np.testing.assert_array_equal(result.ids, expected.ids)
        np.testing.assert_array_equal(result.scores, expected.scores)
    np.testing.assert_array_equal(again.ids, index.ids)
    assert (again.config, again.seed, again.metric, again.dim) == (index.config, 5, metric, 24)
    assert (len(again), again.nbytes, repr(again)) == (len(index), index.nbytes, repr(index))
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "file").read_bytes()


def test_the_file_is_plain_safetensors(path: Path) -> None:
    loaded = load_file(path)
    index = load(path)
    for name, section in index._contents.sections.items():
        np.testing.assert_array_equal(loaded[name], section)
    assert bytes(loaded["ids"]).decode().startswith("id 0 öid 1 ö")


def test_sections_are_mapped_or_copied(path: Path) -> None:
    mapped, copied = load(path), load(path, memory=True)
    for name, section in mapped._contents.sections.items():
        assert section.ctypes.data % ALIGNMENT == 0, name
        assert not section.flags.owndata
        assert copied._contents.sections[name].flags.owndata


@pytest.mark.skipif(sys.platform == "win32", reason="a mapped file cannot be replaced there")
def test_a_mapped_index_may_be_saved_over_its_own_file(path: Path, queries: Matrix) -> None:
    index = load(path)
    before = index.search(queries)
    content = path.read_bytes()
    index.save(path)
    assert path.read_bytes() == content
    build(queries, metric="cosine").save(path)
    np.testing.assert_array_equal(index.search(queries).ids, before.ids)
    assert len(load(path)) == len(queries)


def test_a_failed_save_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, content = load(path, memory=True), path.read_bytes()

    def fail(target: Path, *others: Any) -> None:
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_arrays", fail)
    with pytest.raises(KeyboardInterrupt):
        index.save(path)
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]


def test_what_cannot_be_mapped_never_gets_the_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, content = load(path, memory=True), path.read_bytes()
    monkeypatch.setattr(
        files, "write_arrays", lambda target, *others: target.write_bytes(b"not a file of ours")
    )
    with pytest.raises(FileFormatError):
        index.save(path)
    assert path.read_bytes() == content


def test_paths_may_be_strings(path: Path, queries: Matrix) -> None:
    index = load(str(path))
    index.save(str(path.with_name("other")))
    verify(str(path.with_name("other")))


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none")


def test_a_truncated_file_is_refused_wherever_it_ends(path: Path) -> None:
    whole = path.read_bytes()
    lengths = sorted(
        {0, 1, 7, 8, 9, len(whole) - 1, *np.random.default_rng(0).integers(0, len(whole), 150).tolist()}
    )
    for length in lengths:
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            load(path)


def test_a_flipped_byte_of_the_header_is_refused_or_harmless(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    length = int.from_bytes(whole[:8], "little")
    blank = 0
    for place in range(0, 8 + length, 3):
        flipped = whole.copy()
        flipped[place] ^= 1 << (place % 8)
        path.write_bytes(flipped)
        try:
            load(path)
        except FileFormatError:
            continue
        # Blanks between the numbers of JSON may become other blanks, and nothing else may pass.
        assert whole[place : place + 1].isspace()
        assert flipped[place : place + 1].isspace()
        blank += 1
    assert blank < length / 8


def test_verify_finds_a_flipped_byte_of_any_section(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    length = int.from_bytes(whole[:8], "little")
    names = [name for name in json.loads(whole[8 : 8 + length]) if name != "__metadata__"]
    assert {"rows", "codes", "order", "ids", "term_scale.padding"} < set(names)
    for name in names:
        begin, end = section_bytes(path, name)
        for place in {begin, (begin + end) // 2, end - 1}:
            flipped = whole.copy()
            flipped[place] ^= 0x10
            path.with_name("flipped").write_bytes(flipped)
            with pytest.raises(FileFormatError, match=f"the section '{name}'"):
                verify(path.with_name("flipped"))
            with pytest.raises(FileFormatError, match=f"the section '{name}'"):
                load(path.with_name("flipped"), verify=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(format=2), r"the format 2, of leafscan '.*', .* a newer leafscan reads it"),
        (lambda d: d.update(format=0), "the format 0, which there is not"),
        (lambda d: d.update(format="1"), "the format '1', which there is not"),
        (lambda d: d.update(format=True), "the format True, which there is not"),
        (lambda d: d.update(rows=599), "the section 'order' is wrong"),
        (lambda d: d.update(rows=0), "the number of rows in the header must be between"),
        (lambda d: d.update(rows="600"), "the number of rows in the header must be a whole number"),
        (lambda d: d.update(dim=25), "the section 'rows' is wrong"),
        (lambda d: d.update(dim=2**40), "the number of dimensions in the header must be between"),
        (lambda d: d.update(seed=-1), "the seed in the header must be between"),
        (lambda d: d.update(metric="l2"), "metric must be"),
        (lambda d: d.update(metric="cosine"), "the section 'leaf_scales' is wrong: it is missing"),
        (lambda d: d.update(ids="names"), "the kind of ids as 'names'"),
        (
            lambda d: d.update(ids="positions"),
            "the section 'id.*' is wrong: the plan of the index has no such",
        ),
        (lambda d: d.update(ids="integers"), "the section 'ids' is missing, or is not a list of int64"),
        (lambda d: d["config"].update(tree=None), "search.leaves is 2, but there is no tree"),
        (lambda d: d["config"]["tree"].update(soar=1), "Tree has no parameter 'soar'"),
        (lambda d: d["config"]["search"].update(leaves=None), "the plan in the header leaves something open"),
        (lambda d: d["config"]["search"].update(candidates=None), "leaves something open"),
        (
            lambda d: d["config"]["score"]["asymmetric_hash"].update(anisotropic_quantization_threshold=None),
            "leaves something open",
        ),
        (lambda d: d.update(config=[]), "takes a mapping"),
        (lambda d: d["sections"].pop("rows"), "the section 'rows' has not the type and shape"),
        (lambda d: d["sections"].update(more={}), "the section 'more' is missing"),
        (
            lambda d: d["sections"]["rows"].update(shape=[24, 600]),
            "the section 'rows' has not the type and shape",
        ),
        (lambda d: d["sections"].update(rows=3), "the section 'rows' has not the type and shape"),
        (lambda d: d.update(sections=[]), "does not list the sections"),
        (lambda d: d.pop("seed"), "must hold format, library, .* and nothing else"),
        (lambda d: d.update(extra=1), "must hold format, library, .* and nothing else"),
    ],
)
def test_a_wrong_description_gets_a_sentence(path: Path, change: Callable[[Any], Any], sentence: str) -> None:
    describe(path, change)
    with pytest.raises(FileFormatError, match=f"file.leafscan: .*{sentence}"):
        load(path)


def test_a_description_without_its_checksum_is_refused(path: Path) -> None:
    describe(path, lambda d: d.update(seed=9), sign=False)
    with pytest.raises(FileFormatError, match="does not agree with its checksum"):
        load(path)
    describe(path, lambda d: d.update(seed=9))
    assert load(path).seed == 9


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 20000])
def test_a_description_that_is_no_object_is_refused(
    path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, arrays = map_arrays(path)
    monkeypatch.setattr(files, "map_arrays", lambda where: (text, arrays))
    with pytest.raises(FileFormatError, match="the header's description is not"):
        load(path)


@pytest.mark.parametrize("ids", [IDS["integers"], IDS["strings"]], ids=["integers", "strings"])
def test_verify_finds_repeated_ids(tmp_path: Path, vectors: Matrix, ids: Any) -> None:
    path = tmp_path / "file.leafscan"
    build(vectors, metric="cosine", ids=ids).save(path)
    begin, end = section_bytes(path, "ids")
    data = bytearray(path.read_bytes())
    size = 8 if isinstance(ids, np.ndarray) else len("id 0 ö".encode())
    data[begin + size : begin + 2 * size] = data[begin : begin + size]
    path.write_bytes(data)
    digest = hashlib.sha256(data[begin:end]).hexdigest()
    describe(path, lambda d: d["sections"]["ids"].update(sha256=digest))
    load(path)
    with pytest.raises(FileFormatError, match="the section 'ids' holds an id twice"):
        verify(path)


def test_ids_of_nul_characters_are_refused(tmp_path: Path, vectors: Matrix) -> None:
    path = tmp_path / "file.leafscan"
    build(vectors, metric="cosine", ids=IDS["strings"]).save(path)
    begin, _ = section_bytes(path, "ids")
    data = bytearray(path.read_bytes())
    data[begin + 3] = 0
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="the section 'ids' is wrong: an id holds a NUL character"):
        load(path)


def test_progress_of_verify_counts_bytes(path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    verify(path, progress=lambda *step: told.append(step))
    total = sum(section.nbytes for section in inspect(path).sections)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert {total for _, _, total in told} == {total}
    assert told[0][1] == 0
    assert told[-1][1] == total
    assert "checking rows" in {stage for stage, _, _ in told}


def test_random_damage_is_refused_or_searched_safely(path: Path, queries: Matrix) -> None:
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            damaged[place] = rng.integers(256)
        path.with_name("damaged").write_bytes(damaged)
        try:
            index = load(path.with_name("damaged"), memory=True)
        except FileFormatError:
            refused += 1
            continue
        result = index.search(queries, k=20, params=SearchParams(leaves=9))
        assert set(result.ids.ravel().tolist()) <= {*index.ids.tolist(), ""}
    assert refused > 20


def test_a_big_index_is_not_doubled_by_saving(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    index = build(np.ones((200_000, 128), np.float32), metric="dot_product", config=Config())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    index.save(tmp_path / "big")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    grown *= 1 if sys.platform == "darwin" else 1024
    assert grown < index.nbytes / 4
