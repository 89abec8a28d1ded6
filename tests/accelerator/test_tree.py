"""A tree on the device finds what the index itself finds."""

import jax
import numpy as np
import pytest

import leafscan
from leafscan.accelerator import device_tree, tree_top_k


def clustered(n, d, seed=0):
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((60, d))
    rows = centres[generator.integers(0, 60, n)] + 0.6 * generator.standard_normal((n, d))
    return (rows * generator.uniform(0.7, 1.3, (n, 1))).astype(np.float32)


PLANS = {
    "plain": {},
    "soar": {"soar_lambda": 1.5},
    "bfloat16": {"reorder": {"dtype": "bfloat16"}},
    "int8": {"reorder": {"dtype": "int8"}},
    "eight bits": {"score": {"lookup_bits": 8}},
    "components": {"score": {"pca_dimensions": 13}},
}


METRICS = ("dot_product", "cosine", "squared_l2")
PAIRS = [
    *((plan, metric) for plan in ("plain", "soar") for metric in METRICS),
    ("bfloat16", "cosine"),
    ("int8", "dot_product"),
    ("eight bits", "squared_l2"),
    ("components", "squared_l2"),
]


@pytest.mark.parametrize(("plan", "metric"), PAIRS)
def test_it_finds_what_the_index_finds(plan, metric):
    vectors, queries = clustered(4_000, 19), clustered(40, 19, seed=1)
    given = dict(PLANS[plan])
    score, reorder = given.pop("score", {}), given.pop("reorder", {})
    config = leafscan.Config(
        tree=leafscan.Tree(num_leaves=40, **given),
        score=leafscan.AsymmetricHash(**score),
        reorder=leafscan.Reorder(**reorder),
        search=leafscan.SearchParams(leaves=8, candidates=60),
    )
    index = leafscan.build(vectors, metric=metric, config=config)
    tree = device_tree(index)
    found = jax.jit(tree_top_k, static_argnames="k")(queries, tree, k=10)
    expected = index.search(queries, k=10)
    pairs = zip(np.asarray(found.positions), expected.ids, strict=True)
    # The index routes by components alone where codes see nothing else; here all dimensions count.
    least = 0.9 if plan == "components" else 0.97
    assert np.mean([np.isin(ids, positions).mean() for positions, ids in pairs]) > least
    # The best of both, where routing by other dimensions has not led elsewhere.
    same = np.asarray(found.positions)[:, 0] == expected.ids[:, 0]
    assert np.mean(same) > least
    np.testing.assert_allclose(
        np.asarray(found.scores)[same, 0],
        expected.scores[same, 0],
        rtol=2e-2 if plan == "int8" else 2e-4,
        atol=1e-4,
    )
    one = tree_top_k(queries[3], tree, 10)
    np.testing.assert_array_equal(one.positions, found.positions[3])


def test_ids_follow_positions_and_what_is_missing_is_marked():
    vectors = clustered(300, 8)
    names = [f"row {number}" for number in range(300)]
    config = leafscan.Config(
        tree=leafscan.Tree(num_leaves=30), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
    )
    index = leafscan.build(vectors, metric="squared_l2", ids=names, config=config)
    tree = device_tree(index, leaves=1, candidates=250)
    found = tree_top_k(vectors[:5], tree, 250)
    positions = np.asarray(found.positions)
    assert index.ids[positions[:, 0]].tolist() == names[:5]
    assert (positions[:, -1] == -1).all()
    assert (np.asarray(found.scores)[:, -1] == np.inf).all()
    there = positions[0][positions[0] >= 0]
    assert len(set(there.tolist())) == len(there)


def test_what_is_no_tree_is_refused():
    vectors = clustered(300, 8)
    exact = leafscan.build(vectors, metric="cosine", config=leafscan.Config(score=leafscan.BruteForce()))
    with pytest.raises(ValueError, match="index must have a tree, codes and rows"):
        device_tree(exact)
    config = leafscan.Config(
        tree=leafscan.Tree(num_leaves=5), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
    )
    index = leafscan.build(vectors, metric="cosine", config=config)
    with pytest.raises(ValueError, match="leaves must be from 1 to 5; received 6"):
        device_tree(index, leaves=6)
    with pytest.raises(ValueError, match="candidates must be at least 1"):
        device_tree(index, candidates=0)
    tree = device_tree(index, leaves=2, candidates=20)
    with pytest.raises(ValueError, match="k must be from 1 to the tree's candidates, 20; received 21"):
        tree_top_k(vectors, tree, 21)
    with pytest.raises(ValueError, match=r"queries must be of shape \(q, 8\)"):
        tree_top_k(vectors[:, :3], tree, 2)
