"""An updated index answers to the bit the same in every batch, with any threads, on every instruction set."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree, _engine

DIM, N = 20, 1_500
FEW = SearchParams(leaves=4, candidates=60)
PLANS: dict[str, tuple[str, Config]] = {
    "exact": ("squared_l2", Config()),
    "exact in int8": ("dot_product", Config(score=BruteForce(dtype="int8"))),
    "rows in leaves": ("cosine", Config(tree=Tree(num_leaves=25), search=SearchParams(leaves=4))),
    "codes in leaves": (
        "dot_product",
        Config(
            tree=Tree(num_leaves=25),
            score=AsymmetricHash(anisotropic_quantization_threshold=0.2),
            reorder=Reorder(dtype="bfloat16"),
            search=FEW,
        ),
    ),
    "SOAR, components, two stages": (
        "squared_l2",
        Config(
            tree=Tree(num_leaves=25, soar_lambda=1.0),
            score=AsymmetricHash(pca_dimensions=8),
            reorder=Reorder(first_dtype="int8"),
            search=SearchParams(leaves=4, candidates=60, refined=30),
        ),
    ),
    "wide codes, upper leaves": (
        "cosine",
        Config(
            tree=Tree(num_leaves=25, upper_leaves=5),
            score=AsymmetricHash(lookup_bits=8, dimensions_per_block=4),
            reorder=Reorder(),
            search=SearchParams(leaves=4, candidates=60, upper_leaves=3),
        ),
    ),
}


def rows(seed: int, n: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)


def updated(plan: str) -> leafscan.Index:
    """Build and update, by batches of all sizes: in place, anew, again in what was left free."""
    metric, config = PLANS[plan]
    index = leafscan.build(rows(0, N), metric=metric, config=config, tags={"part": [i % 7 for i in range(N)]})
    index.upsert(np.arange(100, 500), rows(1, 400))
    index.delete(np.arange(450, 700))
    for first in (5_000, 5_100, 5_200):
        index.upsert(np.arange(first, first + 90), rows(first, 90), {"part": [3] * 90})
        index.upsert([first], rows(first + 1, 1))
        index.delete(np.arange(first + 40, first + 60))
    return index


@pytest.fixture(autouse=True)
def _best_instruction_set() -> Iterator[None]:
    yield
    _engine.use_instruction_set("")


@pytest.mark.parametrize("plan", PLANS)
def test_answers_of_an_updated_index_are_equal_to_the_bit(plan: str) -> None:
    queries = rows(9, 70)
    deny = np.random.default_rng(3).integers(0, N, (70, 12))
    made = {}
    for name in _engine.instruction_sets():
        _engine.use_instruction_set(name)
        index = updated(plan)
        kept = index.filter(where={"part": {"$ne": 3}})
        asked: dict[str, dict[str, Any]] = {
            "plain": {},
            "filtered": {"filter": kept},
            "among": {"deny": deny},
        }
        for kind, more in asked.items():
            whole = index.search(queries, k=12, threads=1, **more)
            for threads in (2, 3, 8):
                again = index.search(queries, k=12, threads=threads, **more)
                assert np.array_equal(whole.ids, again.ids), (name, kind, threads)
                assert np.array_equal(whole.scores, again.scores), (name, kind, threads)
            for first, last in ((0, 1), (1, 8), (8, 33), (33, 70)):
                some = {key: value[first:last] if key == "deny" else value for key, value in more.items()}
                part = index.search(queries[first:last], k=12, **some)
                assert np.array_equal(whole.ids[first:last], part.ids), (name, kind, first)
                assert np.array_equal(whole.scores[first:last], part.scores), (name, kind, first)
            for one in (0, 17, 69):
                alone = {key: value[one] if key == "deny" else value for key, value in more.items()}
                single = index.search(queries[one], k=12, **alone)
                assert np.array_equal(whole.ids[one], single.ids), (name, kind, one)
                assert np.array_equal(whole.scores[one], single.scores), (name, kind, one)
            made[name, kind] = whole
        # What was written by one instruction set is read by the others, and the other way round.
        if name != _engine.instruction_sets()[0]:
            _engine.use_instruction_set(_engine.instruction_sets()[0])
            crossed = index.search(queries, k=12)
            assert np.array_equal(crossed.ids, made[name, "plain"].ids), name
            assert np.array_equal(crossed.scores, made[name, "plain"].scores), name
    first_name = _engine.instruction_sets()[0]
    for (name, kind), found in made.items():
        assert np.array_equal(found.ids, made[first_name, kind].ids), (name, kind)
        assert np.array_equal(found.scores, made[first_name, kind].scores), (name, kind)
