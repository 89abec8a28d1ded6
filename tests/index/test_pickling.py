import copy
import multiprocessing
import operator
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, FileFormatError, Reorder, SearchParams, Tree
from leafscan.index.pickling import reduced, restored

Matrix = NDArray[np.float32]

IDS: dict[str, Any] = {
    "positions": None,
    "integers": np.arange(600)[::-1] * 3,
    "strings": [f"id {i} ö" for i in range(600)],
}
CONFIG = Config(
    tree=Tree(num_leaves=9, soar_lambda=1.0),
    score=AsymmetricHash(),
    reorder=Reorder(dtype="bfloat16"),
    search=SearchParams(leaves=3),
)


def built(vectors: Matrix, ids: str = "strings", metric: str = "squared_l2") -> leafscan.Index:
    return leafscan.build(vectors, metric=metric, config=CONFIG, ids=IDS[ids], seed=5)


def assert_same(again: leafscan.Index, index: leafscan.Index, queries: Matrix) -> None:
    for asked in (queries, queries[0]):
        expected, result = index.search(asked, k=9), again.search(asked, k=9)
        np.testing.assert_array_equal(result.ids, expected.ids)
        np.testing.assert_array_equal(result.scores, expected.scores)
    np.testing.assert_array_equal(again.ids, index.ids)
    assert (again.config, again.seed, again.metric, again.dim) == (
        index.config,
        index.seed,
        index.metric,
        index.dim,
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("ids", IDS)
def test_every_protocol_brings_it_back(vectors: Matrix, queries: Matrix, protocol: int, ids: str) -> None:
    index = built(vectors, ids)
    assert_same(pickle.loads(pickle.dumps(index, protocol=protocol)), index, queries)


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_copies_are_the_same(vectors: Matrix, queries: Matrix, metric: str) -> None:
    index = built(vectors, metric=metric)
    for again in (copy.copy(index), copy.deepcopy(index)):
        assert again is not index
        assert_same(again, index, queries)


def test_buffers_out_of_band_are_not_copied(vectors: Matrix, queries: Matrix) -> None:
    index = built(vectors)
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(index, protocol=5, buffer_callback=buffers.append)
    assert len(pickled) < 8000 < index.nbytes
    assert sum(len(buffer.raw()) for buffer in buffers) == index.nbytes
    again = pickle.loads(pickled, buffers=buffers)
    assert_same(again, index, queries)
    for name, section in index._contents.sections.items():
        assert np.shares_memory(section, again._contents.sections[name]), name
    assert np.shares_memory(index._contents.ids.data, again._contents.ids.data)


def test_a_mapped_index_sends_its_bytes_and_no_path(tmp_path: Path, vectors: Matrix, queries: Matrix) -> None:
    path = tmp_path / "a-name-to-be-found.leafscan"
    built(vectors).save(path)
    index = leafscan.load(path)
    pickled = pickle.dumps(index)
    assert b"a-name-to-be-found" not in pickled
    expected = built(vectors)
    del index
    path.unlink()
    assert_same(pickle.loads(pickled), expected, queries)


def test_what_comes_back_cannot_be_written_to(vectors: Matrix) -> None:
    index = pickle.loads(pickle.dumps(built(vectors)))
    assert not any(section.flags.writeable for section in index._contents.sections.values())


@pytest.mark.parametrize("ids", IDS)
def test_another_process_searches_it(vectors: Matrix, queries: Matrix, ids: str) -> None:
    index = built(vectors, ids)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(operator.methodcaller("search", queries, k=9), index).result()
    expected = index.search(queries, k=9)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def parts(index: leafscan.Index) -> tuple[str, dict[str, list[Any]]]:
    _, (_, text, sections) = reduced(leafscan.Index, index._contents, 4)
    return text, {section[0]: list(section) for section in sections}


def test_buffers_at_any_address_are_read(vectors: Matrix, queries: Matrix) -> None:
    index = built(vectors)
    text, sections = parts(index)
    for section in sections.values():
        section[3] = memoryview(bytes(1) + section[3])[1:]
    assert_same(restored(leafscan.Index, text, tuple(map(tuple, sections.values()))), index, queries)


@pytest.mark.parametrize(
    ("section", "place", "value", "sentence"),
    [
        ("rows", 0, "more", "the section 'more' has not the type and shape"),
        ("rows", 0, "codes", "the section 'codes' is damaged: it is there twice"),
        ("rows", 0, 3, "without name"),
        ("rows", 1, "F64", "the section 'rows' is damaged: its type is 'F64'"),
        ("rows", 1, ["U8"], "its type is"),
        ("rows", 1, "I16", "the section 'rows' has not the type and shape"),
        ("rows", 2, (24, 600), "the section 'rows' has not the type and shape"),
        ("rows", 2, [600, 24], "its shape is"),
        ("rows", 2, (600, -24), "its shape is"),
        ("rows", 2, (600.0, 24), "its shape is"),
        ("rows", 2, (True, 600 * 24), "its shape is"),
        ("rows", 2, (), "its shape is"),
        ("rows", 2, (2**62, 2**62), "does not take 28800 bytes"),
        ("rows", 3, b"", "does not take 0 bytes"),
        ("rows", 3, bytes(28799), "does not take 28799 bytes"),
        ("rows", 3, "text", "it cannot be read as bytes"),
        ("rows", 3, None, "it cannot be read as bytes"),
        ("order", 3, b"\xff" * 2400, "the section 'order' is wrong"),
        ("spill_rows", 3, None, "cannot be read"),
        ("id_offsets", 3, bytes(601 * 8), "the section 'id_offsets' is wrong"),
        ("ids", 3, b"\xff" * 10, "does not take 10 bytes"),
    ],
)
def test_forged_sections_get_a_sentence(
    vectors: Matrix, section: str, place: int, value: Any, sentence: str
) -> None:
    text, sections = parts(built(vectors))
    sections[section][place] = value
    with pytest.raises(FileFormatError, match=f"^the pickled index.*({sentence})"):
        restored(leafscan.Index, text, tuple(map(tuple, sections.values())))


def test_forged_payloads_get_a_sentence(vectors: Matrix) -> None:
    text, sections = parts(built(vectors))
    whole = tuple(map(tuple, sections.values()))
    for wrong in (
        (None, whole),
        (b"{}", whole),
        ("{", whole),
        ("[" * 99_999, whole),
        ("{}", whole),
        (text.replace("squared_l2", "squared_l1"), whole),
        (text, list(whole)),
        (text, ()),
        (text, (3,)),
        (text, ((1, 2, 3),)),
        (text, whole[1:]),
        (text, (*whole, ("more", "U8", (1,), b"1"))),
    ):
        with pytest.raises(FileFormatError, match=r"^the pickled index"):
            restored(leafscan.Index, *wrong)
