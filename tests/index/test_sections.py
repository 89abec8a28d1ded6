import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from leafscan import AsymmetricHash, Config, FileFormatError, Reorder, Tree, build
from leafscan.index.contents import Contents
from leafscan.index.ids import StringIds
from leafscan.index.sections import check_contents

Matrix = NDArray[np.float32]

CONFIGS = {
    "exact": Config(),
    "tree": Config(tree=Tree(num_leaves=40)),
    "codes": Config(score=AsymmetricHash(dimensions_per_block=3)),
    "tree and codes": Config(tree=Tree(num_leaves=40), score=AsymmetricHash()),
    "all": Config(tree=Tree(num_leaves=300), score=AsymmetricHash(), reorder=Reorder()),
}


def contents(
    vectors: Matrix, config: Config = CONFIGS["all"], metric: str = "squared_l2", ids: Any = None
) -> Contents:
    return build(vectors, metric=metric, config=config, ids=ids)._contents


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("n", [300, 599])
def test_what_the_engine_builds_passes(vectors: Matrix, metric: str, config: Config, n: int) -> None:
    check_contents(contents(vectors[:n], config, metric), n)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_full_and_empty_leaves_pass(vectors: Matrix, config: Config) -> None:
    # Whole groups of 32; and rows so alike that most leaves stay empty.
    check_contents(contents(vectors[:320], config), 320)
    check_contents(contents(np.repeat(vectors[:2], 160, axis=0), config), 320)


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def apply(sections: dict[str, Any]) -> None:
        sections[name] = change(sections[name])

    return apply


def put(*place: int, value: Any) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array = array.copy()
        array[place] = value
        return array

    return change


@pytest.mark.parametrize(
    ("damage", "section", "sentence"),
    [
        (lambda s: s.pop("order"), "order", "it is missing"),
        (lambda s: s.pop("rows"), "rows", "it is missing"),
        (lambda s: s.pop("centroids"), "centroids", "it is missing"),
        (lambda s: s.pop("live"), "live", "it is missing"),
        (lambda s: s.pop("term_scale"), "term_scale", "it is missing"),
        (lambda s: s.update(more=s["order"]), "more", "the plan of the index has no such section"),
        (changed("order", lambda a: a.astype(np.int64)), "order", "must hold uint32 and holds int64"),
        (changed("order", lambda a: a[:-1]), "order", r"its shape must be \(600,\) and is \(599,\)"),
        (changed("order", put(3, value=600)), "order", "each number from 0 to 599 once"),
        (changed("order", put(3, value=2**32 - 1)), "order", "each number from 0 to 599 once"),
        (changed("order", lambda a: np.r_[a[:1], a[:1], a[2:]]), "order", "each number from 0 to 599 once"),
        (changed("leaf_offsets", lambda a: a[1:]), "leaf_offsets", r"its shape must be \(301,\)"),
        (changed("leaf_offsets", put(0, value=1)), "leaf_offsets", "must rise from 0 to 600"),
        (changed("leaf_offsets", put(-1, value=601)), "leaf_offsets", "must rise from 0 to 600"),
        (changed("leaf_offsets", put(9, value=2**63)), "leaf_offsets", "must rise from 0 to 600"),
        (
            changed("leaf_offsets", lambda a: np.sort(a)[::-1].copy()),
            "leaf_offsets",
            "must rise from 0 to 600",
        ),
        (changed("rows", lambda a: a[:, :-1]), "rows", r"its shape must be \(600, 24\)"),
        (changed("centroids", lambda a: a[:-1]), "centroids", r"its shape must be \(300, 24\)"),
        (changed("centroids", put(4, 4, value=np.nan)), "centroids", "it holds NaN or infinity"),
        (changed("codebooks", lambda a: a[:-1]), "codebooks", r"its shape must be \(12, 16, 2\)"),
        (changed("codebooks", put(0, 0, 0, value=np.inf)), "codebooks", "it holds NaN or infinity"),
        (changed("codes", lambda a: a[:-1]), "codes", "its shape must be"),
        (changed("codes", lambda a: a[:, :-1]), "codes", r"12, 16\)"),
        (changed("live", lambda a: a[:-1]), "live", "its shape must be"),
        (changed("live", put(0, value=2**32 - 1)), "live", "do not mark the points that the leaves hold"),
        (changed("live", put(-1, value=0)), "live", "do not mark the points that the leaves hold"),
        (changed("terms", lambda a: a[:, :-1]), "terms", "its shape must be"),
        (changed("term_scale", lambda a: np.r_[a, a]), "term_scale", r"its shape must be \(1,\)"),
        (changed("term_scale", put(0, value=np.nan)), "term_scale", "it holds NaN or infinity"),
    ],
)
def test_damage_names_the_section(
    vectors: Matrix, damage: Callable[[dict[str, Any]], Any], section: str, sentence: str
) -> None:
    good = contents(vectors)
    sections = dict(good.sections)
    damage(sections)
    with pytest.raises(FileFormatError, match=f"the section '{section}' is wrong: .*{sentence}"):
        check_contents(dataclasses.replace(good, sections=sections), 600)


@pytest.mark.parametrize("name", ["leaf_scales", "leaf_biases"])
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: a[:-1], r"its shape must be \(300,\)"),
        (lambda a: a[:, None], r"its shape must be \(300,\)"),
        (put(7, value=np.inf), "it holds NaN or infinity"),
    ],
)
def test_damage_of_what_dot_products_have(
    vectors: Matrix, name: str, change: Callable[[Any], Any], sentence: str
) -> None:
    good = contents(vectors, metric="dot_product")
    sections = {**good.sections, name: change(good.sections[name])}
    with pytest.raises(FileFormatError, match=f"the section '{name}' is wrong: {sentence}"):
        check_contents(dataclasses.replace(good, sections=sections), 600)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a: a[:-1], r"its shape must be \(40, 24\)"),
        (lambda a: a.astype(np.float64), "it must hold float32"),
        (put(7, 3, value=np.nan), "it holds NaN or infinity"),
    ],
)
def test_damage_of_what_avq_has(vectors: Matrix, change: Callable[[Any], Any], sentence: str) -> None:
    good = contents(vectors, Config(tree=Tree(num_leaves=40, avq_eta=3.0)), "dot_product")
    check_contents(good, 600)
    sections = {**good.sections, "routing_centroids": change(good.sections["routing_centroids"])}
    with pytest.raises(FileFormatError, match=f"the section 'routing_centroids' is wrong: {sentence}"):
        check_contents(dataclasses.replace(good, sections=sections), 600)
    del sections["routing_centroids"]
    with pytest.raises(FileFormatError, match="'routing_centroids' is wrong: it is missing"):
        check_contents(dataclasses.replace(good, sections=sections), 600)


def test_another_plan_wants_other_sections(vectors: Matrix) -> None:
    good = contents(vectors)
    with pytest.raises(FileFormatError, match="no such section"):
        check_contents(dataclasses.replace(good, config=Config()), 600)
    with pytest.raises(FileFormatError, match="'leaf_scales' is wrong: it is missing"):
        check_contents(dataclasses.replace(good, metric="cosine"), 600)


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (np.arange(599), r"the section 'ids' is wrong: its shape must be \(600,\)"),
        (np.arange(600) - 1, "the section 'ids' is wrong: it holds a negative id"),
    ],
)
def test_bad_integer_ids(vectors: Matrix, ids: Any, sentence: str) -> None:
    with pytest.raises(FileFormatError, match=sentence):
        check_contents(dataclasses.replace(contents(vectors), ids=ids), 600)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda data, offsets: (data, offsets[:-1]), r"'id_offsets' is wrong: its shape must be \(601,\)"),
        (lambda data, offsets: (data, put(0, value=1)(offsets)), "must rise from 0 to 1200 at every step"),
        (lambda data, offsets: (data[:-1], offsets), "must rise from 0 to 1199 at every step"),
        (lambda data, offsets: (data, put(5, value=8)(offsets)), "must rise from 0 to 1200 at every step"),
        (lambda data, offsets: (data, put(5, value=2**64 - 1)(offsets)), "must rise from 0 to 1200"),
        (lambda data, offsets: (data, put(5, value=9)(offsets)), "an id begins inside a character"),
        (
            lambda data, offsets: (put(10, value=0xFF)(data), offsets),
            "'ids' is wrong: it is not UTF-8 at byte 10",
        ),
    ],
)
def test_bad_string_ids(
    vectors: Matrix, damage: Callable[[Any, Any], tuple[Any, Any]], sentence: str
) -> None:
    strings = [chr(0x400 + i) for i in range(600)]
    good = contents(vectors, ids=strings)
    check_contents(good, 600)
    assert isinstance(good.ids, StringIds)
    bad = StringIds(*damage(good.ids.data, good.ids.offsets))
    with pytest.raises(FileFormatError, match=sentence):
        check_contents(dataclasses.replace(good, ids=bad), 600)
