"""The kernels lower for CUDA, which needs no GPU: wrong shapes, layouts and types show here."""

import contextlib

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AbstractMesh

from leafscan.accelerator.candidates import prepare_candidates
from leafscan.accelerator.certified import certified_top_k
from leafscan.accelerator.few_queries import few_top_k
from leafscan.accelerator.hopper_maxima import choose_shape, hopper_maxima
from leafscan.accelerator.layout import GROUP, SUPER


def an_h100():
    """Say, to the versions of JAX that ask, which GPU it is for."""
    try:
        from jax.sharding import AbstractDevice

        device = AbstractDevice("NVIDIA H100 80GB HBM3", 132, "gpu")
        return jax.sharding.use_abstract_mesh(AbstractMesh((), (), abstract_device=device))
    except (ImportError, TypeError):
        return contextlib.nullcontext()


def lowered(function, *arguments):
    with an_h100():
        return jax.jit(function).trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize(
    ("q", "d", "dtype", "biased"),
    [
        (4_096, 128, jnp.bfloat16, False),
        (1, 96, jnp.bfloat16, True),
        (100, 384, jnp.bfloat16, False),
        (4_096, 96, jnp.int8, True),
        (1, 32, jnp.int8, False),
    ],
)
def test_the_maxima_lower(q, d, dtype, biased):
    n = 64 * SUPER
    score = jnp.int32 if dtype == jnp.int8 else jnp.float32
    queries, rows = jax.ShapeDtypeStruct((q, d), dtype), jax.ShapeDtypeStruct((n, d), dtype)
    bias = jax.ShapeDtypeStruct((n,), score) if biased else None
    shape = choose_shape(q, d, dtype.dtype.itemsize)
    wide = -(-q // shape.block_queries) * shape.block_queries
    out = jax.eval_shape(hopper_maxima, queries, rows, bias)
    assert out.groups.shape == (n // GROUP, wide)
    assert out.supers.shape == (n // SUPER, wide)
    assert out.groups.dtype == score
    assert "mosaic_gpu" in lowered(hopper_maxima, queries, rows, bias)


@pytest.mark.parametrize("metric", ["cosine", "squared_l2"])
@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_the_whole_call_lowers(metric, precision):
    def search(queries, rows, mask):
        ready = prepare_candidates(rows, metric=metric, precision=precision)
        return certified_top_k(queries, ready, mask, k=10)

    text = lowered(
        search,
        jax.ShapeDtypeStruct((300, 100), jnp.float32),
        jax.ShapeDtypeStruct((50_000, 100), jnp.float32),
        jax.ShapeDtypeStruct((50_000,), jnp.bool_),
    )
    assert "mosaic_gpu" in text
    assert "leafscan_selection" in text


@pytest.mark.parametrize(
    ("q", "n", "d", "k", "metric", "precision"),
    [
        (1, 250_000, 128, 10, "cosine", "bfloat16"),
        (4, 300_000, 100, 27, "squared_l2", "bfloat16"),
        (1, 20_000_000, 96, 10, "dot_product", "int8"),
    ],
)
def test_the_way_of_a_few_queries_lowers(q, n, d, k, metric, precision):
    def search(queries, rows, mask):
        ready = prepare_candidates(rows, metric=metric, precision=precision)
        target = 1.0 if precision == "bfloat16" else 0.99
        return few_top_k(queries, ready, mask, k=k, recall_target=target)

    text = lowered(
        search,
        jax.ShapeDtypeStruct((q, d), jnp.float32),
        jax.ShapeDtypeStruct((n, d), jnp.float32),
        jax.ShapeDtypeStruct((n,), jnp.bool_),
    )
    assert "leafscan_few_maxima" in text
    assert ("leafscan_few_selection_again" in text) == (precision == "bfloat16")


def test_a_block_that_cannot_hold_its_rows_has_no_shape():
    assert choose_shape(1, 2_048, 2) is None
    with pytest.raises(ValueError, match="rows of 2048 dimensions do not fit"):
        hopper_maxima(jnp.zeros((1, 2_048), jnp.bfloat16), jnp.zeros((SUPER, 2_048), jnp.bfloat16), None)
