"""A stop for each query: reads what is of use, however it is asked, and finds more in as many points."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Index, Reorder, SearchParams, Slot, Tree
from leafscan.index.sections import check_contents

Matrix = NDArray[np.float32]

METRICS = ["cosine", "squared_l2", "dot_product"]
LEAVES = 120


def config(soar: bool = False, **search: Any) -> Config:
    return Config(
        tree=Tree(num_leaves=LEAVES, soar_lambda=1.0 if soar else None, training_iterations=5),
        score=AsymmetricHash(training_iterations=3),
        reorder=Reorder(),
        search=SearchParams(leaves=60, candidates=150, **search),
    )


def points(seed: int, n: int) -> Matrix:
    """Clusters of very different spreads."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(40, 16))
    of = rng.integers(40, size=n)
    made: Matrix = (centres[of] + (0.05 + 0.2 * (of % 6))[:, None] * rng.normal(size=(n, 16))).astype(
        np.float32
    )
    return made


@pytest.fixture(scope="module")
def rows() -> Matrix:
    return points(1, 6_000)


@pytest.fixture(scope="module")
def asked() -> Matrix:
    return points(2, 300)


@pytest.fixture(scope="module")
def indexes(rows: Matrix) -> dict[tuple[str, bool], Index]:
    return {
        (metric, soar): leafscan.build(rows, metric=metric, config=config(soar), progress=False)
        for metric in METRICS
        for soar in (False, True)
    }


def read(index: Index, queries: Matrix, **params: Any) -> tuple[NDArray[np.int64], int, int]:
    """Return the ids, the leaves and the points of a search."""
    found = index.search(queries, params=SearchParams(**params), threads=1, explain=True)
    return found.ids, found.explanation.leaves, found.explanation.points


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("soar", [False, True])
def test_one_query_a_batch_and_threads_agree(
    indexes: dict[tuple[str, bool], Index], asked: Matrix, metric: str, soar: bool
) -> None:
    index = indexes[metric, soar]
    params = SearchParams(leaves=60, stop=3.0)
    batch = index.search(asked, params=params, threads=1)
    threads = index.search(asked, params=params, threads=2)
    assert np.array_equal(threads.ids, batch.ids)
    assert np.array_equal(threads.scores, batch.scores)
    leaves = 0
    for place, query in enumerate(asked):
        one = index.search(query, params=params, explain=True)
        assert np.array_equal(one.ids, batch.ids[place])
        assert np.array_equal(one.scores, batch.scores[place])
        leaves += one.explanation.leaves
    assert leaves == read(index, asked, leaves=60, stop=3.0)[1]
    assert 4 * len(asked) < leaves < 60 * len(asked)


@pytest.mark.parametrize("metric", METRICS)
def test_a_bound_says_how_much_is_read(
    indexes: dict[tuple[str, bool], Index], asked: Matrix, metric: str
) -> None:
    index = indexes[metric, False]
    many = [read(index, asked, leaves=60, stop=stop)[1] for stop in (-1e9, 1.0, 2.0, 3.0, 5.0, 1e9)]
    assert many == sorted(many)
    assert many[0] == 4 * len(asked)
    assert many[-1] == 60 * len(asked)
    never, plain = (index.search(asked, params=SearchParams(leaves=60, stop=stop)) for stop in (1e9, None))
    assert np.array_equal(never.ids, plain.ids)
    assert np.array_equal(never.scores, plain.scores)


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
@pytest.mark.parametrize("soar", [False, True])
def test_finds_more_in_as_many_points(
    rows: Matrix, indexes: dict[tuple[str, bool], Index], asked: Matrix, metric: str, soar: bool
) -> None:
    index = indexes[metric, soar]
    best = leafscan.build(rows, metric=metric, config=Config(), progress=False).search(asked).ids

    def recall(ids: NDArray[np.int64]) -> float:
        return float((ids[:, :, None] == best[:, None, :]).any(2).mean())

    fixed, _, spent = read(index, asked, leaves=6)
    low, high = -6.0, 12.0
    for _ in range(14):
        bound = (low + high) / 2
        low, high = (bound, high) if read(index, asked, leaves=40, stop=bound)[2] <= spent else (low, bound)
    stopped, _, less = read(index, asked, leaves=40, stop=low)
    assert less <= spent
    assert recall(fixed) < 0.99
    # A fifth of what was missed, and more.
    assert 1 - recall(stopped) < 0.8 * (1 - recall(fixed))


def test_who_gives_leaves_means_all_of_them(rows: Matrix, asked: Matrix) -> None:
    index = leafscan.build(rows, metric="cosine", config=config(stop=3.0), progress=False)
    own = index.search(asked, threads=1, explain=True)
    said = read(index, asked, leaves=60, stop=3.0)
    assert own.explanation.leaves == said[1] < 60 * len(asked)
    assert np.array_equal(own.ids, said[0])
    assert read(index, asked, candidates=150)[1] == said[1]
    assert read(index, asked, leaves=60)[1] == 60 * len(asked)
    assert "at most the 60 best" in str(index.explain())
    served = Slot(index)
    found = leafscan._engine.search_slot(served._number, asked, 10)[0]
    assert np.array_equal(found, own.ids)


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
def test_files_updates_and_rebuilds_keep_it(rows: Matrix, asked: Matrix, tmp_path: Path, metric: str) -> None:
    index = leafscan.build(rows, metric=metric, config=config(True, stop=3.0), progress=False)
    index.save(tmp_path / "a.leafscan")
    loaded = leafscan.load(tmp_path / "a.leafscan")
    assert loaded.config == index.config
    assert np.array_equal(loaded.search(asked).ids, index.search(asked).ids)
    index.upsert(np.arange(500), points(3, 500))
    index.delete(np.arange(600, 900))
    updated = index.search(asked, threads=1, explain=True)
    assert updated.explanation.leaves < 60 * len(asked)
    for place in range(40):
        assert np.array_equal(index.search(asked[place]).ids, updated.ids[place])
    index.save(tmp_path / "b.leafscan")
    folded = leafscan.load(tmp_path / "b.leafscan")
    assert np.array_equal(folded.search(asked).ids, updated.ids)
    index.rebalance(progress=False)
    assert index.config.search.stop == 3.0
    assert "stop_scales" in index._living.contents.sections
    assert index.search(asked, explain=True).explanation.leaves < 60 * len(asked)


def test_an_older_file_loads_and_has_none(rows: Matrix, asked: Matrix) -> None:
    index = leafscan.build(rows, metric="cosine", config=config(), progress=False)
    contents = index._living.contents
    sections = {name: held for name, held in contents.sections.items() if name != "stop_scales"}
    older = dataclasses.replace(contents, sections=sections)
    check_contents(older, len(rows))
    opened = Index(older)
    assert np.array_equal(opened.search(asked).ids, index.search(asked).ids)
    with pytest.raises(ValueError, match=r"params\.stop goes by .* of an older version"):
        opened.search(asked, params=SearchParams(stop=3.0))


@pytest.mark.parametrize(
    ("scales", "why"),
    [([1, 1], "its shape must be"), ([1, -1, 1], "negative"), ([1, np.nan, 1], "NaN")],
)
def test_sections_of_files_are_checked(rows: Matrix, scales: list[float], why: str) -> None:
    contents = leafscan.build(rows, metric="cosine", config=config(), progress=False)._living.contents
    wrong = {**contents.sections, "stop_scales": np.array(scales, np.float32)}
    with pytest.raises(leafscan.FileFormatError, match=f"'stop_scales' is wrong: .*{why}"):
        check_contents(dataclasses.replace(contents, sections=wrong), len(rows))


def test_filters_and_lists_hold(indexes: dict[tuple[str, bool], Index], rows: Matrix, asked: Matrix) -> None:
    for index in indexes.values():
        allow = np.arange(len(rows)) % 3 == 0
        params = SearchParams(leaves=40, stop=3.0)
        found = index.search(asked, filter=index.filter(allow=allow), params=params)
        assert (found.ids % 3 == 0).all()
        first = index.search(asked, params=params).ids
        other = index.search(asked, deny=first, params=params).ids
        assert not (other[:, :, None] == first[:, None, :]).any()
        one = index.search(asked[7], deny=first[7], params=params).ids
        assert np.array_equal(one, other[7])


def test_what_it_may_be() -> None:
    params = SearchParams(leaves=9, stop=np.float32(2.5))  # type: ignore[arg-type]
    assert type(params.stop) is float
    assert SearchParams.from_dict(params.to_dict()) == params
    assert SearchParams.from_dict({"leaves": 9}).stop is None
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="SearchParams's stop must be finite; received"):
            SearchParams(stop=wrong)
    with pytest.raises(TypeError, match="SearchParams's stop must be a number; received 'x'"):
        SearchParams(stop="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"search\.stop is 1.0, but the plan has no tree to stop in"):
        Config(score=AsymmetricHash(), search=SearchParams(stop=1))
    with pytest.raises(ValueError, match=r"search\.stop is 1.0, but the plan has no codes to go by"):
        Config(tree=Tree(num_leaves=3), search=SearchParams(stop=1))
