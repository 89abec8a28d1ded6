"""Tags of an index: set at build, asked by filters, kept in its file."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, FileFormatError, Index, Reorder, SearchParams, Tree, build, load
from leafscan.index.container import map_arrays

Matrix = NDArray[np.float32]

PLANS = {
    "exact": Config(),
    "codes in leaves": Config(
        tree=Tree(num_leaves=12),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=12, candidates=600),
    ),
}
NAMES = [f"film é {place}" for place in range(600)]
YEARS = np.random.default_rng(1).integers(1950, 2020, 600)
GENRES = [
    [["Comedy"], ["Comedy", "Crime"], ["Drama"], None][place]
    for place in np.random.default_rng(2).integers(0, 4, 600)
]
COMIC = np.array([genre is not None and "Comedy" in genre for genre in GENRES])
TAGS: dict[str, Any] = {"genre": GENRES, "year": YEARS}


def tagged(vectors: Matrix, plan: str = "codes in leaves", **options: Any) -> Index:
    return build(vectors, metric="cosine", config=PLANS[plan], tags=TAGS, **options)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("ids", [None, NAMES], ids=["positions", "strings"])
def test_where_is_as_the_mask_of_it(vectors: Matrix, queries: Matrix, plan: str, ids: Any) -> None:
    index = tagged(vectors, plan, ids=ids)
    deny = index.ids[100:300]
    for where, mask in [
        ({"genre": "Comedy"}, COMIC),
        ({"genre": "Comedy", "year": {"$gte": 1990, "$lt": 2000}}, COMIC & (YEARS >= 1990) & (YEARS < 2000)),
        ({"$not": {"genre": "Comedy"}}, ~COMIC),
        ({"year": 1900}, np.zeros(600, np.bool_)),
    ]:
        f = index.filter(where=where)
        assert len(f) == mask.sum()
        found, wanted = (
            index.search(queries, filter=f),
            index.search(queries, filter=index.filter(allow=mask)),
        )
        np.testing.assert_array_equal(found.ids, wanted.ids)
        # Both must allow a row.
        both = index.filter(where=where, deny=deny)
        left = mask.copy()
        left[100:300] = False
        assert len(both) == left.sum()
        assert len(index.filter(where=where, allow=index.ids[50:150])) == mask[50:150].sum()
        found = index.search(queries, filter=both)
        np.testing.assert_array_equal(found.ids, index.search(queries, filter=index.filter(allow=left)).ids)


def test_tags_come_back_by_id(vectors: Matrix) -> None:
    index = tagged(vectors, ids=NAMES)
    assert index.tags([NAMES[7], NAMES[3]]) == {
        "genre": [GENRES[7], GENRES[3]],
        "year": [int(YEARS[7]), int(YEARS[3])],
    }
    assert index.tags(COMIC)["year"] == YEARS[COMIC].tolist()
    assert index.tags([]) == {"genre": [], "year": []}
    found = index.search(vectors[:4], k=3, filter=index.filter(where={"genre": "Crime"}))
    assert all("Crime" in genre for genre in index.tags(found.ids.ravel())["genre"])
    with pytest.raises(ValueError, match="ids holds the id 'no', which this index does not have"):
        index.tags(["no"])
    assert build(vectors, metric="cosine").tags([1, 2]) == {}


@pytest.mark.parametrize("memory", [False, True])
def test_a_file_keeps_them(tmp_path: Path, vectors: Matrix, queries: Matrix, memory: bool) -> None:
    index = tagged(vectors, ids=NAMES)
    index.save(tmp_path / "file")
    leafscan.verify(tmp_path / "file")
    again = load(tmp_path / "file", memory=memory)
    assert again.nbytes == index.nbytes
    assert again.tags(NAMES) == index.tags(NAMES)
    where = {"genre": "Comedy", "year": {"$lt": 1980}}
    np.testing.assert_array_equal(
        again.search(queries, filter=again.filter(where=where)).ids,
        index.search(queries, filter=index.filter(where=where)).ids,
    )
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "file").read_bytes()
    tagged(vectors, ids=NAMES).save(tmp_path / "same")
    assert (tmp_path / "same").read_bytes() == (tmp_path / "file").read_bytes()


def test_a_file_without_them_has_no_such_section(tmp_path: Path, vectors: Matrix) -> None:
    build(vectors, metric="cosine").save(tmp_path / "file")
    assert "tags" not in map_arrays(tmp_path / "file")[1]
    with pytest.raises(ValueError, match=r"this index has none; give them to leafscan.build"):
        load(tmp_path / "file").filter(where={"genre": "Comedy"})


def damage(path: Path, change: Any) -> None:
    """Change the section in place: its length stays."""
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[:8], "little")
    begin, end = json.loads(data[8 : 8 + length])["tags"]["data_offsets"]
    section = bytes(data[8 + length + begin : 8 + length + end])
    changed = change(section)
    assert len(changed) == len(section)
    data[8 + length + begin : 8 + length + end] = changed
    path.write_bytes(data)


def test_a_damaged_section_is_told_when_it_is_asked(tmp_path: Path, vectors: Matrix, queries: Matrix) -> None:
    path = tmp_path / "file"
    tagged(vectors).save(path)
    damage(path, lambda section: section[:4096] + bytes(len(section) - 4096))
    index = load(path)
    # What does not ask for tags does not hear of it.
    assert index.search(queries).ids.shape == (len(queries), 10)
    for ask in (lambda: index.filter(where={"genre": "Comedy"}), lambda: index.tags([1])):
        with pytest.raises(FileFormatError, match="the section 'tags'"):
            ask()
    with pytest.raises(FileFormatError, match="file: the section 'tags' does not agree with its checksum"):
        leafscan.verify(path)
    index.save(tmp_path / "again")
    with pytest.raises(FileFormatError, match="the section 'tags'"):
        load(tmp_path / "again").tags([1])


def test_tags_of_rows_that_there_are_not_are_found_by_verify(tmp_path: Path, vectors: Matrix) -> None:
    path = tmp_path / "file"
    index = tagged(vectors)

    def beyond(section: bytes) -> bytes:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.deserialize(section)
        connection.execute("UPDATE tag_2 SET handle = 600 WHERE handle = 599")
        return connection.serialize()

    tags = leafscan.index.tags.Tags.from_section(
        np.frombuffer(beyond(index._contents.tags.to_bytes(np.arange(600))), np.uint8)  # type: ignore[union-attr]
    )
    index._living.tags = tags
    index.save(path)
    load(path)
    with pytest.raises(
        FileFormatError, match=r"file: the section 'tags' is wrong: .* a row that there is not"
    ):
        leafscan.verify(path)
    with pytest.raises(FileFormatError, match="the section 'tags' is wrong"):
        load(path, verify=True)


def test_wrong_tags_stop_a_build_before_it_begins(vectors: Matrix) -> None:
    with pytest.raises(
        ValueError, match="the tag 'year' must hold one value for each of the 600 rows; received 2"
    ):
        build(vectors, metric="cosine", tags={"year": [1, 2]})
    with pytest.raises(TypeError, match="tags must be a mapping"):
        build(vectors, metric="cosine", tags=[1, 2])  # type: ignore[arg-type]


def test_where_that_is_wrong_gets_a_sentence(vectors: Matrix) -> None:
    index = tagged(vectors)
    with pytest.raises(
        ValueError, match="the tag 'yaer', which this index does not have; it has 'genre', 'year'"
    ):
        index.filter(where={"yaer": 1})
    with pytest.raises(TypeError, match="where must be a mapping"):
        index.filter(where="Comedy")  # type: ignore[arg-type]


def test_sqlite_is_imported_for_tags_alone() -> None:
    program = (
        "import sys, numpy as np, leafscan; index = leafscan.build(np.eye(3), metric='cosine'); "
        "index.search(np.eye(3), filter=index.filter(deny=[1])); assert 'sqlite3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
