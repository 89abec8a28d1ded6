"""A search that explains itself gives the same answers, and says what it went through."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.search_explanation import STAGES

Matrix = NDArray[np.float32]

PLANS = {
    "exact": Config(),
    "leaves": Config(tree=Tree(num_leaves=12), search=SearchParams(leaves=3)),
    "codes": Config(score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(candidates=40)),
    "codes alone": Config(tree=Tree(num_leaves=12), score=AsymmetricHash(), search=SearchParams(leaves=3)),
    "SOAR": Config(
        tree=Tree(num_leaves=12, soar_lambda=1.0),
        score=AsymmetricHash(),
        reorder=Reorder(),
        search=SearchParams(leaves=3, candidates=40),
    ),
    "two stages": Config(
        tree=Tree(num_leaves=12),
        score=AsymmetricHash(pca_dimensions=8),
        reorder=Reorder(first_dtype="int8"),
        search=SearchParams(leaves=3, candidates=40, refined=15),
    ),
}


def kinds(index: leafscan.Index) -> dict[str, dict[str, Any]]:
    half = np.arange(len(index)) % 2 == 0
    return {
        "plain": {},
        "filtered": {"filter": index.filter(allow=half)},
        "few": {"filter": index.filter(allow=[1, 3])},
        "k": {"k": 3},
        "threads": {"threads": 2},
        "params": {} if index.config.tree is None else {"params": SearchParams(leaves=5)},
    }


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
@pytest.mark.parametrize("plan", PLANS)
def test_answers_are_the_same(vectors: Matrix, queries: Matrix, plan: str, metric: str) -> None:
    index = leafscan.build(vectors, metric=metric, config=PLANS[plan])
    for kind, more in kinds(index).items():
        for asked in (queries, queries[0]):
            if kind == "few" and index.config.row_dtype is None:
                continue
            wanted = index.search(asked, **more)
            found = index.search(asked, explain=True, **more)
            assert np.array_equal(found.ids, wanted.ids), kind
            assert np.array_equal(found.scores, wanted.scores), kind
            how = found.explanation
            assert how.queries == (1 if asked.ndim == 1 else len(queries))
            assert how.k == more.get("k", 10)
            assert tuple(how.microseconds) == tuple(STAGES)
            if how.threads == 1:
                assert sum(how.microseconds.values()) == pytest.approx(how.total_us)


def test_numbers_are_those_of_the_plan(vectors: Matrix, queries: Matrix) -> None:
    n, q = len(vectors), len(queries)
    told = {
        plan: leafscan.build(vectors, metric="squared_l2", config=config)
        .search(queries, explain=True, threads=1)
        .explanation
        for plan, config in PLANS.items()
    }
    assert (told["exact"].rows, told["exact"].points, told["exact"].leaves) == (q * n, 0, 0)
    assert told["leaves"].leaves == 3 * q
    assert 0 < told["leaves"].rows < q * n
    assert (told["codes"].points, told["codes"].leaves, told["codes"].rows) == (q * n, 0, 40 * q)
    assert (told["codes alone"].rows, told["codes alone"].survivors) == (0, 10 * q)
    assert told["SOAR"].points > told["codes alone"].points
    assert (told["two stages"].first_rows, told["two stages"].rows) == (40 * q, 15 * q)
    assert told["two stages"].microseconds["first_rows"] > 0
    assert told["SOAR"].microseconds["first_rows"] == 0
    assert told["SOAR"].microseconds["scan"] > 0


def test_few_allowed_rows_are_told(vectors: Matrix, queries: Matrix) -> None:
    index = leafscan.build(vectors, metric="cosine", config=PLANS["SOAR"])
    how = index.search(queries, filter=index.filter(allow=[5, 6]), explain=True).explanation
    assert (how.listed, how.rows, how.points) == (len(queries), 2 * len(queries), 0)
    assert "it being so little" in str(how)


def test_lists_of_a_query_are_told(vectors: Matrix, queries: Matrix) -> None:
    ids = [f"n{i}" for i in range(len(vectors))]
    index = leafscan.build(vectors, metric="cosine", config=PLANS["SOAR"], ids=ids)
    wanted = index.search(queries[0], deny=["n1", "n2"])
    found = index.search(queries[0], deny=["n1", "n2"], explain=True)
    assert found.ids.tolist() == wanted.ids.tolist()
    assert found.explanation.microseconds["filter"] > 0


def test_it_goes_to_a_dictionary_and_to_text(vectors: Matrix) -> None:
    import json

    how = leafscan.build(vectors, metric="cosine").search(vectors[0], explain=True).explanation
    said = json.loads(json.dumps(how.to_dict()))
    assert said["rows"] == len(vectors)
    assert str(how).startswith("1 query, k = 10, on 1 thread: ")
    assert "600 rows" in str(how)


def test_explain_is_true_or_false(vectors: Matrix) -> None:
    index = leafscan.build(vectors, metric="cosine")
    with pytest.raises(TypeError, match="explain must be True or False; received 'yes'"):
        index.search(vectors[0], explain="yes")  # type: ignore[call-overload]


def test_checks_are_those_of_every_search(vectors: Matrix) -> None:
    index = leafscan.build(vectors, metric="cosine")
    with pytest.raises(ValueError, match="k must be"):
        index.search(vectors[0], k=0, explain=True)
    with pytest.raises(ValueError, match="NaN"):
        index.search(vectors[0] * np.nan, explain=True)
