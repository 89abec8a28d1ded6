"""The way of a few queries on any device: its kernels run by Pallas' interpreter."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from leafscan.accelerator.candidates import prepare_candidates, unit
from leafscan.accelerator.few_maxima import FEW_GROUP, FewMaxima, FewShape, few_maxima
from leafscan.accelerator.few_queries import few_shape, few_takes, few_top_k
from leafscan.accelerator.few_selection import few_selection
from leafscan.accelerator.reference import reference_top_k

#: 5,000 rows in 20 blocks, of which two are a super.
SHAPE = FewShape(block=256, tile=64, warps=4)


def numbers(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@functools.partial(jax.jit, static_argnames=("metric", "precision", "k", "recall_target", "shape"))
def search(queries, rows, mask, *, metric, precision, k, recall_target=1.0, shape=SHAPE):
    ready = prepare_candidates(rows, metric=metric, precision=precision)
    queries = unit(queries) if metric == "cosine" else queries
    return few_top_k(queries, ready, mask, k=k, recall_target=recall_target, shape=shape, interpret=True)


def wanted(queries, rows, mask, *, metric, k):
    if metric == "cosine":
        queries, rows = unit(queries), unit(rows)
    return reference_top_k(queries, rows, mask, k=k, squared_l2=metric == "squared_l2")


def agree(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-5, atol=2e-5)
    assert np.mean(np.asarray(found[1]) == np.asarray(expected[1])) > 0.99


@pytest.mark.parametrize(
    ("metric", "precision", "allowed", "k"),
    [
        ("dot_product", "bfloat16", None, 1),
        ("cosine", "bfloat16", 0.5, 10),
        ("squared_l2", "bfloat16", 0.01, 10),
        ("dot_product", "bfloat16", 0.001, 20),
        ("squared_l2", "int8", None, 10),
        ("dot_product", "int8", 0.0, 10),
    ],
)
def test_it_answers_as_the_reference_does(metric, precision, allowed, k):
    rows, queries = numbers((5000, 24), 0), numbers((3, 24), 1)
    rows = rows * jnp.linspace(0.5, 2, 5000)[:, None]
    mask = None if allowed is None else jnp.asarray(np.random.default_rng(2).random(5000) < allowed)
    found = search(queries, rows, mask, metric=metric, precision=precision, k=k)
    agree(found, wanted(queries, rows, mask, metric=metric, k=k))


@pytest.mark.parametrize("metric", ["dot_product", "squared_l2"])
def test_near_ties_that_few_bits_cannot_tell_apart_are_asked_again(metric):
    # Every row rounds to the same code, so no certificate can be had.
    rows = 1 + numbers((5000, 8), 0) * 1e-5
    queries = numbers((3, 8), 1)
    found = search(queries, rows, None, metric=metric, precision="bfloat16", k=5)
    scores, _ = wanted(queries, rows, None, metric=metric, k=5)
    np.testing.assert_allclose(found[0], scores, rtol=1e-6, atol=1e-6)


def test_a_query_that_is_certain_keeps_its_answer_where_another_is_asked_again():
    rows = np.array(1 + numbers((5000, 8), 0) * 1e-5)
    rows[:40] = np.eye(8)[np.arange(40) % 8] * np.arange(40, 0, -1)[:, None]
    rows = jnp.asarray(rows)
    queries = jnp.stack([jnp.ones(8), -jnp.ones(8), jnp.arange(8.0)])
    found = search(queries, rows, None, metric="dot_product", precision="bfloat16", k=5)
    scores, _ = wanted(queries, rows, None, metric="dot_product", k=5)
    np.testing.assert_allclose(found[0], scores, rtol=1e-6, atol=1e-6)


def test_ties_go_to_the_lower_position():
    rows = jnp.ones((5000, 8), jnp.float32)
    _, positions = search(jnp.ones((2, 8)), rows, None, metric="dot_product", precision="bfloat16", k=7)
    np.testing.assert_array_equal(positions, [range(7)] * 2)


@pytest.mark.parametrize(("dtype", "dim"), [(jnp.float16, 1), (jnp.bfloat16, 100)])
def test_rows_of_sixteen_bits_are_scored_as_they_are(dtype, dim):
    rows, queries = numbers((4500, dim), 0).astype(dtype), numbers((2, dim), 1)
    found = search(queries, rows, None, metric="squared_l2", precision="bfloat16", k=3)
    scores, _ = wanted(queries, rows, None, metric="squared_l2", k=3)
    np.testing.assert_allclose(found[0], scores, rtol=2e-5, atol=2e-5)


def test_many_blocks_are_taken_one_by_one():
    rows, queries = numbers((40_000, 4), 0), numbers((1, 4), 1)
    shape = FewShape(block=32, tile=32, warps=4)
    found = search(queries, rows, None, metric="dot_product", precision="bfloat16", k=10, shape=shape)
    agree(found, wanted(queries, rows, None, metric="dot_product", k=10))


def test_below_a_recall_of_one_nearly_all_are_found():
    rows, queries = numbers((20_000, 32), 0), numbers((4, 32), 1)
    _, positions = search(
        queries, rows, None, metric="dot_product", precision="int8", k=10, recall_target=0.99
    )
    _, expected = wanted(queries, rows, None, metric="dot_product", k=10)
    pairs = zip(np.asarray(positions), np.asarray(expected), strict=True)
    assert np.mean([np.isin(want, got).mean() for got, want in pairs]) >= 0.97


def test_maxima_are_of_the_rows_there_are():
    rows, queries = numbers((300, 40), 0), numbers((2, 40), 1)
    mask = jnp.asarray(np.random.default_rng(2).random(300) < 0.5)
    maxima = few_maxima(queries, rows, 300, SHAPE, mask=mask.astype(jnp.int8), interpret=True)
    scores = jnp.where(mask, queries @ rows.T, -jnp.inf)
    scores = jnp.pad(scores, ((0, 0), (0, 212)), constant_values=-jnp.inf)
    np.testing.assert_allclose(maxima.groups, scores.reshape(2, -1, FEW_GROUP).max(2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(maxima.blocks, scores.reshape(2, 2, 256).max(2), rtol=1e-5, atol=1e-5)


def test_the_certificate_is_given_only_where_nothing_else_can_be_better():
    """Group 40 claims a maximum just below, or just above, what would keep the answer certain."""
    rows = jnp.zeros((5120, 4)).at[:, 0].set(-jnp.arange(5120.0))
    queries = jnp.array([[1.0, 0, 0, 0]])
    exact = few_maxima(queries, rows, 5120, SHAPE, interpret=True)
    error, length = jnp.float32(0.5), jnp.float32(0.0)
    for claimed, certain in ((-4.6, 1), (-4.4, 0)):
        # The best five are 0 to -4; every group from the 16th on claims as much.
        groups = exact.groups.at[0, 16:].set(claimed)
        blocks = groups.reshape(1, 20, 16).max(2)
        found = few_selection(
            queries,
            rows,
            None,
            FewMaxima(groups, blocks),
            SHAPE,
            k=5,
            squared_l2=False,
            error=error,
            length=length,
            interpret=True,
        )
        assert found.positions[0].tolist() == [0, 1, 2, 3, 4]
        assert int(found.certain[0] != 0) == certain


def test_what_it_takes():
    ready = prepare_candidates(jnp.ones((1 << 17, 4)))
    assert few_takes(ready, 1, 10, 1.0)
    assert not few_takes(ready, 0, 10, 1.0)
    assert not few_takes(ready, 1, 100, 1.0)
    assert not few_takes(prepare_candidates(jnp.ones((1000, 4))), 1, 10, 1.0)
    integers = prepare_candidates(jnp.ones((1 << 17, 4)), precision="int8")
    assert not few_takes(integers, 1, 10, 1.0)
    assert few_takes(integers, 1, 10, 0.99)
    assert not few_takes(prepare_candidates(jnp.ones((1 << 17, 4)), precision="float32"), 1, 10, 1.0)


@pytest.mark.parametrize("n", [1 << 17, 1 << 20, (1 << 20) + 1, 10_000_000, 1 << 26, (1 << 30) - 1])
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_blocks_are_few_enough_for_one_program(n, precision):
    shape = few_shape(n, precision)
    assert -(-n // shape.block) <= 1 << 16
