"""`exact_top_k` takes the way of a few queries by itself, whatever JAX makes of the call.

The kernels run by Pallas' interpreter here; what they find is held to XLA's way.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from leafscan.accelerator import certified, exact_top_k, few_queries, prepare_candidates, sharded_top_k
from leafscan.accelerator.few_maxima import FewShape, few_maxima
from leafscan.accelerator.few_queries import few_takes
from tests.accelerator.test_certified import maxima_by_xla

N, D, K = 3_000, 12, 5


def numbers(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@pytest.fixture
def ways(monkeypatch):
    """Interpret both ways of the kernels, and tell which was gone with how many queries."""
    gone = []
    few = functools.partial(few_queries.few_top_k, interpret=True, shape=FewShape(256, 64, 4))
    many = functools.partial(certified.certified_top_k, interpret=True, find_maxima=maxima_by_xla)

    def noting(name, way):
        def call(queries, *arguments, **options):
            gone.append((name, queries.shape[0]))
            return way(queries, *arguments, **options)

        return call

    monkeypatch.setattr(few_queries, "_FEWEST_ROWS", 1_000)
    monkeypatch.setattr(few_queries, "few_top_k", noting("few", few))
    monkeypatch.setattr(certified, "certified_top_k", noting("many", many))
    return gone


def by_kernel(queries, rows, k=K, **options):
    return exact_top_k(queries, rows, k, implementation="kernel", **options)


def by_xla(queries, rows, k=K, **options):
    return exact_top_k(queries, rows, k, implementation="xla", **options)


def agree(found, expected):
    np.testing.assert_allclose(found.scores, expected.scores, rtol=2e-5, atol=2e-5)
    np.testing.assert_array_equal(found.positions, expected.positions)


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_one_query_goes_there_and_many_do_not(ways, metric):
    rows, queries = numbers((N, D)), numbers((5, D), 1)
    mask = jnp.arange(N) % 3 > 0
    agree(by_kernel(queries[0], rows, metric=metric), by_xla(queries[0], rows, metric=metric))
    jitted = jax.jit(functools.partial(by_kernel, metric=metric))
    agree(jitted(queries[:4], rows, mask=mask), by_xla(queries[:4], rows, metric=metric, mask=mask))
    agree(by_kernel(queries, rows, metric=metric), by_xla(queries, rows, metric=metric))
    assert ways == [("few", 1), ("few", 4), ("many", 5)]


def test_a_mask_of_each_query_is_for_neither(ways):
    rows, queries = numbers((N, D)), numbers((2, D), 1)
    with pytest.raises(ValueError, match="implementation must not be 'kernel' here"):
        by_kernel(queries, rows, mask=jnp.ones((2, N), bool))
    assert ways == []


def test_queries_under_vmap_are_counted_together(ways):
    rows, queries = numbers((N, D)), numbers((3, 2, D), 1)
    expected = by_xla(queries.reshape(6, D), rows)
    found = jax.vmap(lambda query: by_kernel(query, rows))(queries[0])
    agree(found, jax.tree.map(lambda part: part[:2], expected))
    found = jax.jit(jax.vmap(lambda some: by_kernel(some, rows)))(queries)
    agree(found, jax.tree.map(lambda part: part.reshape(3, 2, K), expected))
    # JAX looks at what is inside before it makes one call of all.
    assert {("few", 2), ("many", 6)} <= set(ways)


def test_candidates_under_vmap_are_a_call_each(ways):
    rows, queries = numbers((2, N, D)), numbers((2, D), 1)
    found = jax.vmap(by_kernel)(queries, rows)
    for index in range(2):
        agree(jax.tree.map(lambda part, index=index: part[index], found), by_xla(queries[index], rows[index]))
    assert set(ways) == {("few", 1)}


@pytest.mark.parametrize("metric", ["dot_product", "cosine", "squared_l2"])
def test_scores_have_derivatives(ways, metric):
    rows, query = numbers((N, D)), numbers((D,), 1)

    def total(search, query, rows):
        return jnp.sum(search(query, rows, metric=metric).scores * jnp.arange(1.0, K + 1))

    found, expected = (
        jax.jit(jax.grad(functools.partial(total, search), argnums=(0, 1)))(query, rows)
        for search in (by_kernel, by_xla)
    )
    for part, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(part, want, rtol=1e-4, atol=1e-5)
    ready = prepare_candidates(rows, metric=metric)
    slope = jax.jvp(lambda query: by_kernel(query, ready).scores, (query,), (jnp.ones(D),))[1]
    want = jax.jvp(lambda query: by_xla(query, rows, metric=metric).scores, (query,), (jnp.ones(D),))[1]
    np.testing.assert_allclose(slope, want, rtol=1e-4, atol=1e-5)
    assert set(ways) == {("few", 1)}


def test_shards_go_there_too(ways):
    rows, query = numbers((N, D)), numbers((1, D), 1)
    mesh = Mesh(np.array(jax.devices()[:1]), ("rows",))
    expected = by_xla(query, rows)
    agree(sharded_top_k(query, rows, K, mesh=mesh, axis="rows", implementation="kernel"), expected)
    spread, everywhere = PartitionSpec("rows"), PartitionSpec()
    own = jax.shard_map(
        by_kernel, mesh=mesh, in_specs=(everywhere, spread), out_specs=everywhere, check_vma=False
    )
    agree(jax.jit(own)(query, rows), expected)
    assert set(ways) == {("few", 1)}


def test_it_goes_inside_a_loop(ways):
    rows, queries = numbers((N, D)), numbers((3, D), 1)
    _, found = jax.lax.scan(lambda carry, query: (carry, by_kernel(query, rows)), 0, queries)
    agree(found, by_xla(queries, rows))
    assert set(ways) == {("few", 1)}


def an_offer(n, d, precision):
    """Give candidates that are only told of, of any size."""
    rows = jax.ShapeDtypeStruct((n, d), jnp.float32)
    return jax.eval_shape(functools.partial(prepare_candidates, precision=precision), rows)


@pytest.mark.parametrize(
    ("n", "precision", "recall_target", "most"),
    [
        (250_000, "bfloat16", 1.0, 4),
        (10_000_000, "bfloat16", 1.0, 4),
        (250_000, "bfloat16", 0.999, 2),
        (1_000_000, "bfloat16", 0.999, 2),
        (10_000_000, "bfloat16", 0.999, 0),
        (250_000, "int8", 0.999, 2),
        (10_000_000, "int8", 0.999, 2),
        (250_000, "int8", 1.0, 0),
        (100_000, "bfloat16", 1.0, 0),
    ],
)
def test_it_is_taken_where_it_was_the_faster(n, precision, recall_target, most):
    ready = an_offer(n, 128, precision)
    taken = [count for count in range(6) if few_takes(ready, count, 10, recall_target)]
    assert taken == list(range(1, most + 1))


@pytest.mark.parametrize(
    ("n", "precision", "fits"),
    [
        (16_000_000, "int8", True),
        (17_000_000, "int8", False),
        (33_000_000, "int8", False),
        (34_000_000, "int8", True),
        (17_000_000, "bfloat16", True),
    ],
)
def test_codes_whose_places_a_kernel_cannot_tell_are_for_the_other_way(n, precision, fits):
    # Seen on an H100: 17,000,000 x 128 of int8 gave wrong answers, since 2^31 was over an int32.
    ready = an_offer(n, 128, precision)
    assert few_takes(ready, 1, 10, 1.0 if precision == "bfloat16" else 0.999) == fits


def test_such_codes_are_refused():
    codes = jax.ShapeDtypeStruct((17_000_384, 128), jnp.int8)
    with pytest.raises(ValueError, match=r"received shape \(17000384, 128\)"):
        jax.eval_shape(
            lambda query, codes: few_maxima(query, codes, 17_000_000, FewShape(1024, 128, 4)),
            jax.ShapeDtypeStruct((1, 128), jnp.float32),
            codes,
        )
