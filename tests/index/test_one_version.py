"""Whatever comes in the middle of a call, all of its answer is of one version."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree
from leafscan.index import files
from leafscan.index.filter import Filter
from leafscan.index.living import Living

NAMES = [f"name {place}" for place in range(60)]
POINTS = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)


@pytest.fixture
def index() -> leafscan.Index:
    tags = {"number": list(range(60))}
    return leafscan.build(POINTS[:60], metric="squared_l2", ids=NAMES, tags=tags)


def test_names_are_those_of_the_rows_that_were_found(
    index: leafscan.Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.upsert(["new"], POINTS[60:61])
    names, moments = Living.names, []

    def late(living: Living, found: Any) -> Any:
        if not moments:
            moments.append(True)
            index.delete(["new"])
            for other in range(61, 66):  # in its slot, if nobody looked
                index.upsert([f"other {other}"], POINTS[other : other + 1])
        return names(living, found)

    monkeypatch.setattr(Living, "names", late)
    assert index.search(POINTS[60], k=1).ids.tolist() == ["new"]
    assert "new" not in index


@pytest.mark.parametrize("lists", [{}, {"deny": ["name 20"]}])
def test_a_rebuild_may_come_before_a_filter_is_brought_up_to_date(
    index: leafscan.Index, monkeypatch: pytest.MonkeyPatch, lists: dict[str, Any]
) -> None:
    index.delete(NAMES[:20])  # so that a rebuilt index counts its vectors otherwise
    kept = index.filter(where={"number": {"$gte": 0}})
    index.upsert(["new"], POINTS[60:61], {"number": [60]})
    current, moments = Filter._current, []

    def late(filter: Filter, of: Any) -> Any:
        if not moments:
            moments.append(True)
            index.rebalance()
        return current(filter, of)

    monkeypatch.setattr(Filter, "_current", late)
    assert index.search(
        POINTS[[60, 40]], k=1, filter=kept, **{k: [v] * 2 for k, v in lists.items()}
    ).ids.tolist() == [
        ["new"],
        ["name 40"],
    ]


def test_parameters_are_those_of_the_plan_that_is_searched(
    index: leafscan.Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.delete(NAMES[:20])
    kept = index.filter(deny=["name 20"])
    tree = Config(
        tree=Tree(num_leaves=4),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=4, candidates=40),
    )
    current, moments = Filter._current, []

    def late(filter: Filter, of: Any) -> Any:
        if not moments:
            moments.append(True)
            index.rebalance(config=tree)
        return current(filter, of)

    monkeypatch.setattr(Filter, "_current", late)
    found = index.search(POINTS[20:60], k=5, filter=kept)
    index.rebalance(config=Config(score=BruteForce()))
    exact = index.search(POINTS[20:60], k=5, filter=kept)
    assert np.array_equal(found.ids, exact.ids)


def test_tags_that_are_saved_are_those_of_the_vectors(index: leafscan.Index, tmp_path: Path) -> None:
    contents = index._living.folded(1)
    index.upsert(["name 3"], POINTS[70:71])
    index.upsert(["name 4"], POINTS[71:72], {"number": [700]})
    index.delete(["name 5"])
    files.write(contents, tmp_path / "before.leafscan")
    before = leafscan.load(tmp_path / "before.leafscan")
    assert before.tags(NAMES) == {"number": list(range(60))}
    assert index.tags(["name 3", "name 4"]) == {"number": [3, 700]}


def test_updates_while_an_index_that_was_never_updated_is_rebuilt_keep_their_tags(
    index: leafscan.Index,
) -> None:
    asked: list[bool] = []

    def progress(*_: Any) -> None:
        if not asked:
            asked.append(True)
            index.upsert(["name 3", "new"], POINTS[70:72])
            index.upsert(["name 3"], POINTS[72:73])
            index.upsert(["name 4"], POINTS[73:74], {"number": [700]})
            index.delete(["name 5"])
            assert index.tags(["name 3", "new", "name 4"]) == {"number": [3, None, 700]}

    tree = Config(tree=Tree(num_leaves=4), score=AsymmetricHash(), reorder=Reorder())
    index.rebalance(config=tree, progress=progress)
    assert asked
    assert index.tags(["name 3", "new", "name 4"]) == {"number": [3, None, 700]}
    assert "name 5" not in index
    late = index.filter(where={"number": {"$gte": 58}})
    assert len(late) == 3
