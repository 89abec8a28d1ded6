"""Other rows in the place of some."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from leafscan.accelerator import exact_top_k, prepare_candidates, replace_rows
from leafscan.accelerator.certified import certified_top_k
from leafscan.accelerator.layout import GROUP, SUPER, Maxima


def numbers(shape, seed):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def maxima_by_xla(queries, rows, bias):
    kind = jnp.int32 if rows.dtype == jnp.int8 else jnp.float32
    groups = jnp.matmul(queries, rows.T, preferred_element_type=kind).reshape(len(queries), -1, GROUP).max(2)
    return Maxima(groups=groups.T, supers=groups.reshape(len(queries), -1, SUPER // GROUP).max(2).T)


@pytest.mark.parametrize("donated", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_it_is_as_if_prepared_anew(metric, precision, donated):
    rows, new, queries = numbers((3000, 20), 0), numbers((4, 20), 1), numbers((5, 20), 2)
    ready = prepare_candidates(rows, metric=metric, precision=precision)
    places = jnp.array([7, 2999, 0, 3000])  # the last one is past the end
    replace = jax.jit(replace_rows, donate_argnums=(0,) if donated else ())
    anew = prepare_candidates(rows.at[places].set(new, mode="drop"), metric=metric, precision=precision)
    after = replace(ready, places, new)
    assert jax.tree.map(jnp.shape, after) == jax.tree.map(jnp.shape, anew)
    found, expected = (exact_top_k(queries, each, 5) for each in (after, anew))
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)
    if precision == "bfloat16":
        np.testing.assert_array_equal(after.codes.rows, anew.codes.rows)
        assert after.codes.error >= anew.codes.error


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_rows_much_longer_than_the_others_are_found_with_certainty(precision):
    rows, queries = numbers((5000, 24), 0), numbers((3, 24), 1)
    ready = prepare_candidates(rows, precision=precision)
    new = jnp.concatenate([queries * 50, numbers((5, 24), 3) * 3])
    ready = replace_rows(ready, jnp.array([11, 4000, 4999, 3, 4, 5, -1, 5000]), new)
    search = functools.partial(certified_top_k, mask=None, k=4, find_maxima=maxima_by_xla, interpret=True)
    scores, positions = jax.jit(search)(queries, ready)
    expected = exact_top_k(queries, ready.rows, 4, precision="float32")
    np.testing.assert_array_equal(positions, expected.positions)
    np.testing.assert_allclose(scores, expected.scores, rtol=1e-5)


def test_shapes_are_checked():
    ready = prepare_candidates(jnp.ones((10, 3)))
    with pytest.raises(ValueError, match=r"rows must be of shape \(m, 3\)"):
        replace_rows(ready, jnp.array([1]), jnp.ones((1, 4)))
    with pytest.raises(ValueError, match="positions of shape"):
        replace_rows(ready, jnp.array([1, 2]), jnp.ones((1, 3)))
