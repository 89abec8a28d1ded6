"""The kernels' way on any device: maxima by XLA, the selection by Pallas' interpreter."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from leafscan.accelerator.candidates import prepare_candidates, unit
from leafscan.accelerator.certified import certified_top_k
from leafscan.accelerator.layout import GROUP, SUPER, Maxima
from leafscan.accelerator.reference import reference_top_k


def maxima_by_xla(queries, rows, bias):
    kind = jnp.int32 if rows.dtype == jnp.int8 else jnp.float32
    scores = jnp.matmul(queries, rows.T, preferred_element_type=kind)
    if bias is not None:
        scores = scores + bias
    groups = scores.reshape(len(queries), -1, GROUP).max(2)
    return Maxima(groups=groups.T, supers=groups.reshape(len(queries), -1, SUPER // GROUP).max(2).T)


def numbers(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@functools.partial(jax.jit, static_argnames=("metric", "precision", "k", "recall_target"))
def search(queries, rows, mask, *, metric, precision, k, recall_target=1.0):
    ready = prepare_candidates(rows, metric=metric, precision=precision)
    queries = unit(queries) if metric == "cosine" else queries
    return certified_top_k(
        queries, ready, mask, k=k, recall_target=recall_target, find_maxima=maxima_by_xla, interpret=True
    )


def wanted(queries, rows, mask, *, metric, k):
    if metric == "cosine":
        queries, rows = unit(queries), unit(rows)
    return reference_top_k(queries, rows, mask, k=k, squared_l2=metric == "squared_l2")


def agree(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-5, atol=2e-5)
    assert np.mean(np.asarray(found[1]) == np.asarray(expected[1])) > 0.99


CASES = [
    ("dot_product", "bfloat16", None),
    ("cosine", "int8", None),
    ("cosine", "bfloat16", 0.5),
    ("squared_l2", "bfloat16", 0.01),
    ("squared_l2", "int8", 0.01),
    ("dot_product", "int8", 0.0005),
    ("squared_l2", "int8", 0.0),
]


@pytest.mark.parametrize(("metric", "precision", "allowed"), CASES)
def test_it_answers_as_the_reference_does(metric, precision, allowed):
    rows, queries = numbers((5000, 24), 0), numbers((6, 24), 1)
    rows = rows * jnp.linspace(0.5, 2, 5000)[:, None]
    mask = None if allowed is None else jnp.asarray(np.random.default_rng(2).random(5000) < allowed)
    found = search(queries, rows, mask, metric=metric, precision=precision, k=10)
    agree(found, wanted(queries, rows, mask, metric=metric, k=10))


def test_near_ties_that_few_bits_cannot_tell_apart_are_asked_again():
    # Every row rounds to the same code, so no certificate can be had.
    rows = 1 + numbers((5000, 8), 0) * 1e-5
    queries = numbers((70, 8), 1)
    found = search(queries, rows, None, metric="dot_product", precision="bfloat16", k=5)
    scores, _ = wanted(queries, rows, None, metric="dot_product", k=5)
    np.testing.assert_allclose(found[0], scores, rtol=1e-6, atol=1e-6)


def test_ties_go_to_the_lower_position():
    rows = jnp.ones((5000, 8), jnp.float32)
    _, positions = search(jnp.ones((2, 8)), rows, None, metric="dot_product", precision="bfloat16", k=7)
    np.testing.assert_array_equal(positions, [range(7)] * 2)


def test_below_a_recall_of_one_nearly_all_are_found():
    rows, queries = numbers((20_000, 32), 0), numbers((20, 32), 1)
    _, positions = search(
        queries, rows, None, metric="dot_product", precision="int8", k=10, recall_target=0.99
    )
    _, expected = wanted(queries, rows, None, metric="dot_product", k=10)
    pairs = zip(np.asarray(positions), np.asarray(expected), strict=True)
    assert np.mean([np.isin(want, got).mean() for got, want in pairs]) >= 0.99


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_rows_of_sixteen_bits_are_scored_as_they_are(dtype):
    rows, queries = numbers((4500, 33), 0).astype(dtype), numbers((3, 33), 1)
    found = search(queries, rows, None, metric="squared_l2", precision="bfloat16", k=3)
    agree(found, wanted(queries, rows, None, metric="squared_l2", k=3))
