"""`exact_top_k` by XLA, held to float64 NumPy, and what JAX's transformations make of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscan.accelerator import exact_top_k, prepare_candidates
from leafscan.accelerator.blockwise import blockwise_top_k

METRICS = ("dot_product", "cosine", "squared_l2")


def in_float64(queries, rows, k, *, metric, mask=None):
    """Scores and positions (q, k) as they are defined, best first."""
    queries, rows = np.asarray(queries, np.float64), np.asarray(rows, np.float64)
    if metric == "squared_l2":
        worth = -np.square(queries[:, None] - rows[None]).sum(2)
    else:
        if metric == "cosine":
            queries, rows = (
                x / np.where(length > 0, length, 1)
                for x, length in ((x, np.linalg.norm(x, axis=1, keepdims=True)) for x in (queries, rows))
            )
        worth = queries @ rows.T
    if mask is not None:
        worth = np.where(mask, worth, -np.inf)
    positions = np.argsort(-worth, axis=1, kind="stable")[:, :k]
    scores = np.take_along_axis(worth, positions, 1)
    positions = np.where(scores == -np.inf, -1, positions)
    missing = ((0, 0), (0, k - scores.shape[1]))
    scores = np.pad(scores, missing, constant_values=-np.inf)
    return (-scores if metric == "squared_l2" else scores), np.pad(positions, missing, constant_values=-1)


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agree(found, expected, *, share=0.99):
    np.testing.assert_allclose(found.scores, expected[0], rtol=1e-5, atol=1e-5)
    assert np.mean(np.asarray(found.positions) == expected[1]) >= share


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n", "d", "q", "k"), [(1, 1, 1, 1), (37, 5, 3, 50), (9_001, 17, 9, 10)])
def test_it_finds_what_float64_finds(metric, n, d, q, k):
    rows, queries = numbers((n, d)), numbers((q, d), 1)
    agree(exact_top_k(queries, rows, k, metric=metric), in_float64(queries, rows, k, metric=metric))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("n", [500, 5_000])
def test_sixteen_bits_are_scored_in_float32(dtype, n):
    rows, queries = jnp.asarray(numbers((n, 8)), dtype), jnp.asarray(numbers((4, 8), 1), dtype)
    found = exact_top_k(queries, rows, 5, metric="squared_l2")
    agree(found, in_float64(queries, rows, 5, metric="squared_l2"))
    assert found.scores.dtype == jnp.float32
    assert found.positions.dtype == jnp.int32


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("share", [0.5, 0.01, 0.0003, 0.0])
@pytest.mark.parametrize("each", [False, True])
def test_a_mask_leaves_out_at_any_share(metric, share, each):
    rows, queries = numbers((7_000, 12)), numbers((3, 12), 1)
    mask = np.random.default_rng(2).random((3, 7_000) if each else 7_000) < share
    found = exact_top_k(queries, rows, 9, metric=metric, mask=mask)
    agree(found, in_float64(queries, rows, 9, metric=metric, mask=mask))


@settings(max_examples=25, deadline=None)
@given(
    n=st.sampled_from([1, 31, 300, 4_129, 5_000]),
    k=st.sampled_from([1, 7]),
    levels=st.integers(1, 3),
    share=st.sampled_from([None, 0.5, 0.002]),
    metric=st.sampled_from(["dot_product", "squared_l2"]),
    seed=st.integers(0, 99),
)
def test_ties_go_to_the_lower_position(n, k, levels, share, metric, seed):
    generator = np.random.default_rng(seed)
    rows = generator.integers(-levels, levels + 1, (n, 3)).astype(np.float32)
    queries = generator.integers(-levels, levels + 1, (2, 3)).astype(np.float32)
    mask = None if share is None else generator.random(n) < share
    found = exact_top_k(queries, rows, k, metric=metric, mask=mask)
    scores, positions = in_float64(queries, rows, k, metric=metric, mask=mask)
    np.testing.assert_array_equal(found.scores, scores)
    np.testing.assert_array_equal(found.positions, positions)


def test_blocks_and_what_is_left_of_them_are_all_looked_at(monkeypatch):
    monkeypatch.setattr("leafscan.accelerator.blockwise._BLOCK_SCORES", 3_000)
    rows, queries = numbers((5_003, 6)), numbers((3, 6), 1)
    mask = np.random.default_rng(2).random((3, 5_003)) < 0.5
    found = blockwise_top_k(jnp.asarray(queries), jnp.asarray(rows), jnp.asarray(mask), k=8, squared_l2=False)
    _, positions = in_float64(queries, rows, 8, metric="dot_product", mask=mask)
    np.testing.assert_array_equal(found[1], positions)


def test_an_approximate_choice_finds_most():
    rows, queries = numbers((20_000, 16)), numbers((8, 16), 1)
    found = blockwise_top_k(
        jnp.asarray(queries), jnp.asarray(rows), None, k=10, squared_l2=False, recall_target=0.9
    )
    _, positions = in_float64(queries, rows, 10, metric="dot_product")
    pairs = zip(np.asarray(found[1]), positions, strict=True)
    assert np.mean([np.isin(want, got).mean() for got, want in pairs]) >= 0.9


def test_candidates_made_ready_give_the_same():
    rows, queries = numbers((6_000, 10)), numbers((4, 10), 1)
    for metric in METRICS:
        for precision in ("float32", "bfloat16", "int8"):
            ready = jax.jit(prepare_candidates, static_argnames=("metric", "precision"))(
                rows, metric=metric, precision=precision
            )
            found = exact_top_k(queries, ready, 5)
            np.testing.assert_array_equal(
                found.positions, exact_top_k(queries, rows, 5, metric=metric).positions
            )


def test_one_query_gives_one_row():
    rows = numbers((300, 4))
    found = jax.jit(lambda q, c: exact_top_k(q, c, 3, metric="cosine"))(rows[7], rows)
    assert found.scores.shape == found.positions.shape == (3,)
    assert int(found.positions[0]) == 7


def test_vmap_over_queries_is_one_call():
    rows, queries = numbers((5_000, 6)), numbers((3, 4, 6), 1)
    found = jax.vmap(lambda q: exact_top_k(q, rows, 5))(queries)
    expected = exact_top_k(queries.reshape(12, 6), rows, 5)
    np.testing.assert_array_equal(found.positions, expected.positions.reshape(3, 4, 5))
    traced = jax.make_jaxpr(jax.vmap(lambda q: exact_top_k(q, rows, 5)))(queries)
    assert "f32[12," in str(traced)


def test_vmap_over_anything_else_is_a_call_each():
    rows, queries = numbers((2, 300, 6)), numbers((2, 3, 6), 1)
    mask = np.random.default_rng(2).random((2, 300)) < 0.5
    search = jax.vmap(lambda q, c, m: exact_top_k(q, c, 4, mask=m, metric="squared_l2"))
    found = search(queries, rows, jnp.asarray(mask))
    for index in range(2):
        expected = in_float64(queries[index], rows[index], 4, metric="squared_l2", mask=mask[index])
        agree(jax.tree.map(lambda part, index=index: part[index], found), expected)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("ready", [False, True])
def test_scores_have_the_derivatives_of_the_rows_that_were_chosen(metric, ready):
    rows, queries = jnp.asarray(numbers((300, 5))), jnp.asarray(numbers((3, 5), 1))
    chosen = exact_top_k(queries, rows, 4, metric=metric).positions

    def by_search(queries, rows):
        candidates = prepare_candidates(rows, metric=metric) if ready else rows
        weights = jnp.arange(1.0, 5.0)
        return jnp.sum(exact_top_k(queries, candidates, 4, metric=None if ready else metric).scores * weights)

    def by_hand(queries, rows):
        taken = rows[chosen]
        if metric == "squared_l2":
            scores = jnp.sum(jnp.square(taken - queries[:, None]), 2)
        else:
            scores = jnp.einsum("qd,qkd->qk", queries, taken)
            if metric == "cosine":
                scores = scores / jnp.linalg.norm(queries, axis=1)[:, None] / jnp.linalg.norm(taken, axis=2)
        return jnp.sum(scores * jnp.arange(1.0, 5.0))

    found = jax.jit(jax.grad(by_search, argnums=(0, 1)))(queries, rows)
    for part, expected in zip(found, jax.grad(by_hand, argnums=(0, 1))(queries, rows), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-4, atol=1e-5)


def test_what_was_not_found_has_no_derivative():
    rows = jnp.asarray(numbers((6, 2)))
    mask = jnp.arange(6) < 2
    slope = jax.grad(lambda q: jnp.sum(jnp.nan_to_num(exact_top_k(q, rows, 4, mask=mask).scores, neginf=0.0)))
    np.testing.assert_allclose(slope(rows[0]), rows[0] + rows[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be an integer of at least 1; received 0"),
        ({"k": 2.5}, ValueError, "k must be an integer"),
        ({"metric": "euclid"}, ValueError, "metric must be"),
        ({"precision": "float64"}, ValueError, "precision must be"),
        ({"recall_target": 0.0}, ValueError, "recall_target must be above 0"),
        ({"implementation": "cuda"}, ValueError, "implementation must be"),
        ({"mask": np.ones(3, bool)}, ValueError, r"mask must be of shape \(20,\) or \(2, 20\)"),
        ({"mask": np.ones(20)}, TypeError, "mask must be of bools"),
        ({"queries": np.ones((2, 3), np.float32)}, ValueError, r"queries must be of shape \(q, 4\)"),
        ({"queries": np.ones((2, 4), np.int32)}, TypeError, "queries must be floating"),
        ({"candidates": np.ones(4, np.float32)}, ValueError, r"candidates must be of shape \(n, d\)"),
        ({"candidates": np.ones((20, 4), np.int32)}, TypeError, "candidates must be floating"),
        ({"implementation": "kernel"}, ValueError, "implementation must not be 'kernel' here"),
    ],
)
def test_what_is_none_of_these_is_refused(change, error, message):
    call = {"queries": numbers((2, 4)), "candidates": numbers((20, 4)), "k": 3, **change}
    with pytest.raises(error, match=message):
        exact_top_k(call.pop("queries"), call.pop("candidates"), call.pop("k"), **call)


def test_prepared_candidates_keep_their_metric_and_precision():
    ready = prepare_candidates(numbers((20, 4)), metric="cosine")
    with pytest.raises(ValueError, match="metric must be that of the candidates, 'cosine'"):
        exact_top_k(numbers((2, 4)), ready, 3, metric="dot_product")
    with pytest.raises(ValueError, match="precision must be that of the candidates, 'bfloat16'"):
        exact_top_k(numbers((2, 4)), ready, 3, precision="int8")
    with pytest.raises(TypeError, match="candidates must be floating"):
        prepare_candidates(np.ones((3, 2), np.int32))
