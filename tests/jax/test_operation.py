import gc
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import leafscan

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from leafscan.jax import call, has_custom_call, search  # noqa: E402

METRICS = ["dot_product", "cosine", "squared_l2"]
QUERIES = np.random.default_rng(9).standard_normal((12, 6)).astype(np.float32)
NONE = np.zeros((12, 0), np.int32)


def build(n: int = 50, d: int = 6, *, seed: int = 0, metric: str = "dot_product", **options):
    vectors = np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)
    return leafscan.build(vectors, metric=metric, **options)


def assert_same(found, expected) -> None:
    np.testing.assert_array_equal(np.asarray(found.ids), expected.ids)
    np.testing.assert_array_equal(np.asarray(found.scores), expected.scores)


def test_this_build_has_the_custom_call():
    assert has_custom_call()


@pytest.mark.parametrize("metric", METRICS)
def test_eager_and_compiled_are_the_indexs_own_search(metric: str):
    index = build(metric=metric)
    expected = index.search(QUERIES, k=5)
    assert_same(search(index, QUERIES, 5), expected)
    assert_same(jax.jit(lambda queries: search(index, queries, 5))(QUERIES), expected)
    one = search(index, QUERIES[0], 3)
    assert_same(one, index.search(QUERIES[0], k=3))
    assert one.ids.dtype == np.int32
    assert one.scores.dtype == np.float32


def test_a_compiled_search_is_a_custom_call_and_no_callback():
    index = build()
    text = jax.jit(lambda queries: search(index, queries, 5)).lower(QUERIES).as_text()
    assert "leafscan_search_ids" in text
    assert "callback" not in text


def test_leading_dimensions_and_vmap_are_flattened():
    index = build(metric="cosine")
    expected = index.search(QUERIES, k=4).ids
    cube = QUERIES.reshape(2, 3, 2, 6)
    plain = partial(search, index, k=4)
    for mapped in (plain, jax.vmap(plain), jax.vmap(jax.vmap(jax.vmap(plain))), jax.jit(jax.vmap(plain))):
        np.testing.assert_array_equal(np.asarray(mapped(cube).ids).reshape(12, 4), expected)
    swapped = jax.vmap(plain, in_axes=1, out_axes=1)(cube.reshape(4, 3, 6))
    np.testing.assert_array_equal(np.asarray(swapped.ids).reshape(12, 4), expected)
    assert search(index, QUERIES[:0], 4).ids.shape == (0, 4)


def test_vmap_over_slots_asks_each():
    slots = [leafscan.Slot(build(seed=seed)) for seed in range(3)]
    numbers = np.stack([call.slot_number(slot.number) for slot in slots])
    mapped = jax.vmap(lambda number: call.found(number, QUERIES, None, None, 4, False, "dot_product")[0])
    for mine, slot in zip(np.asarray(mapped(numbers)), slots, strict=True):
        np.testing.assert_array_equal(mine, slot.index.search(QUERIES, k=4).ids)


@pytest.mark.parametrize("metric", METRICS)
def test_scores_differentiate_with_respect_to_queries(metric: str):
    index = build(metric=metric)
    check_grads(
        lambda queries: search(index, queries, 1).scores,
        (QUERIES[:3],),
        order=1,
        modes=["fwd", "rev"],
        rtol=2e-2,
        atol=2e-2,
        eps=1e-3,
    )
    value, grad = jax.jit(jax.value_and_grad(lambda queries: search(index, queries, 5).scores.sum()))(QUERIES)
    np.testing.assert_allclose(value, index.search(QUERIES, k=5).scores.sum(), rtol=1e-5)
    vectors = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
    found = vectors[index.search(QUERIES, k=5).ids]
    points, lengths = QUERIES[:, None, :], np.linalg.norm(QUERIES, axis=1)[:, None, None]
    if metric == "squared_l2":
        expected = 2 * (points - found)
    elif metric == "dot_product":
        expected = found
    else:
        unit = found / np.linalg.norm(found, axis=2, keepdims=True)
        cosines = (points * unit).sum(axis=2, keepdims=True) / lengths
        expected = (unit - cosines * points / lengths) / lengths
    np.testing.assert_allclose(grad, expected.sum(axis=1), rtol=1e-4, atol=1e-5)


def test_second_derivatives_go_through_the_formula():
    index = build(metric="squared_l2")
    hessian = jax.hessian(lambda query: search(index, query, 5).scores.sum())(QUERIES[0])
    np.testing.assert_allclose(hessian, 10 * np.eye(6), atol=1e-4)
    # Of the score itself, too: the second derivative of s**2 is 2 s'**2 + 2 s s''.
    index = build()
    squares = jax.hessian(lambda query: jnp.square(search(index, query, 1).scores).sum())(QUERIES[0])
    best = index.vectors(index.search(QUERIES[0], k=1).ids)[0]
    np.testing.assert_allclose(squares, 2 * np.outer(best, best), rtol=1e-4, atol=1e-4)


def test_padding_and_zero_queries_have_no_derivative():
    queries = np.vstack([QUERIES[:2], np.zeros((1, 6), np.float32)])
    for metric in METRICS:
        index = build(2, metric=metric)
        padded = jax.vjp(lambda queries, index=index: search(index, queries, 4).scores, queries)[1]
        whole = jax.vjp(lambda queries, index=index: search(index, queries, 2).scores, queries)[1]
        (grad,), (expected,) = padded(jnp.ones((3, 4))), whole(jnp.ones((3, 2)))
        assert np.isfinite(np.asarray(grad)).all(), metric
        np.testing.assert_allclose(grad, expected, rtol=1e-6)


def test_codes_alone_search_but_do_not_differentiate():
    index = build(200, config=leafscan.Config(score=leafscan.AsymmetricHash()))
    assert_same(search(index, QUERIES, 3), index.search(QUERIES, k=3))
    with pytest.raises(Exception, match="keeps codes alone"):
        jax.block_until_ready(jax.grad(lambda queries: search(index, queries, 3).scores.sum())(QUERIES))


def test_swapping_the_index_needs_no_retrace():
    slot, traces = leafscan.Slot(build()), []

    @jax.jit
    def best(queries):
        traces.append(1)
        return search(slot, queries, 5)

    assert_same(best(QUERIES), slot.index.search(QUERIES, k=5))
    for other in (build(80, seed=1), build(3, seed=2)):  # grown; too small for k, so padded
        slot.publish(other)
        assert_same(best(QUERIES), other.search(QUERIES, k=5))
    assert traces == [1]


def test_a_slot_is_an_argument_so_that_one_program_serves_all():
    traces = []

    @partial(jax.jit, static_argnames="k")
    def best(slot, queries, k):
        traces.append(1)
        return search(slot, queries, k)

    for seed in range(3):
        slot = leafscan.Slot(build(seed=seed))
        assert_same(best(slot, QUERIES, k=5), slot.index.search(QUERIES, k=5))
    assert traces == [1]


def test_a_stale_slot_raises_in_a_compiled_program():
    slot = leafscan.Slot(build())
    best = jax.jit(lambda queries: search(slot, queries, 5))
    best(QUERIES)
    slot.close()
    with pytest.raises(Exception, match="is not open"):
        jax.block_until_ready(best(QUERIES))


def test_a_program_does_not_keep_a_collected_index():
    index = build()
    slot = leafscan.Slot(index)
    program = jax.jit(partial(search, slot, k=5)).lower(QUERIES).compile()
    number = slot.number
    jax.block_until_ready(program(QUERIES))
    jax.clear_caches()  # JAX's caches hold the traced function, and that the slot
    del slot, index
    gc.collect()
    with pytest.raises(Exception, match=f"slot {number} is not open"):
        jax.block_until_ready(program(QUERIES))


def test_ids_beyond_int32_come_back_whole_or_raise():
    index = build(5, ids=np.arange(5) * 2**33 + 7)
    with pytest.raises(Exception, match=r"does not fit int32.*positions=True"):
        jax.block_until_ready(search(index, QUERIES, 5))
    places = search(index, QUERIES, 5, positions=True).ids
    expected = index.search(QUERIES, k=5).ids
    np.testing.assert_array_equal(leafscan.Slot(index).decode(places), expected)
    with jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64():
        found = search(index, QUERIES, 5)
        assert found.ids.dtype == np.int64
        assert_same(found, index.search(QUERIES, k=5))
        denied = search(index, QUERIES, 4, deny=expected[:, :1]).ids
        np.testing.assert_array_equal(np.asarray(denied), expected[:, 1:])
    with pytest.raises(ValueError, match=r"deny holds .* which does not fit int32"):
        search(index, QUERIES, 4, deny=expected[:, :1])


def test_strings_are_found_by_position():
    index = build(4, ids=["a", "b", "c", "d"])
    with pytest.raises(TypeError, match="positions=True"):
        search(index, QUERIES, 2)
    places = search(index, QUERIES, 6, positions=True).ids
    np.testing.assert_array_equal(leafscan.Slot(index).decode(places), index.search(QUERIES, k=6).ids)


def test_lists_deny_and_allow_at_call_time():
    index = build()
    ranked = index.search(QUERIES, k=50).ids
    best = jax.jit(lambda queries, deny: search(index, queries, 4, deny=deny))
    np.testing.assert_array_equal(np.asarray(best(QUERIES, ranked[:, :3]).ids), ranked[:, 3:7])
    np.testing.assert_array_equal(
        np.asarray(search(index, QUERIES, 2, allow=ranked[:, 9:6:-1]).ids), ranked[:, 7:9]
    )
    shared = search(index, QUERIES, 3, allow=[3, 1, -1, 999]).ids
    assert set(np.asarray(shared).ravel().tolist()) == {1, 3, -1}
    assert set(np.asarray(search(index, QUERIES, 50, deny=[5])[0]).ravel().tolist()) == {*range(50), -1} - {5}
    mapped = jax.vmap(lambda query, deny: search(index, query, 4, deny=deny))(QUERIES, ranked[:, :3])
    np.testing.assert_array_equal(np.asarray(mapped.ids), ranked[:, 3:7])
    assert_same(search(index, QUERIES, 4, deny=[]), index.search(QUERIES, k=4))
    with pytest.raises(ValueError, match="empty list"):
        search(index, QUERIES, 4, allow=[])
    with pytest.raises(ValueError, match="a list for each query"):
        search(index, QUERIES, 4, deny=np.zeros((3, 2), np.int32))
    with pytest.raises(TypeError, match="integers"):
        search(index, QUERIES, 4, deny=[0.5])


def test_queries_of_any_real_dtype_are_searched_as_float32():
    index = build()
    coarse = jnp.asarray(QUERIES, jnp.bfloat16)
    found = search(index, coarse, 5)
    assert found.scores.dtype == np.float32
    assert_same(found, index.search(np.asarray(coarse.astype(np.float32)), k=5))
    with pytest.raises(TypeError, match="real numbers"):
        search(index, QUERIES.astype(np.complex64), 5)


def test_bad_arguments_are_told_while_tracing():
    index = build()
    with pytest.raises(ValueError, match=r"queries must have the shape \(6,\) or \(\.\.\., 6\)"):
        search(index, QUERIES[:, :5], 5)
    with pytest.raises(ValueError, match="k must be between 1 and"):
        search(index, QUERIES, 0)
    with pytest.raises(TypeError, match=r"leafscan\.Index"):
        search(QUERIES, QUERIES, 5)
    with pytest.raises(ValueError, match="serves no index yet"):
        search(leafscan.Slot(), QUERIES, 5)


def test_queries_that_are_not_finite_raise():
    queries = QUERIES.copy()
    queries[3, 2] = np.nan
    with pytest.raises(Exception, match="queries"):
        jax.block_until_ready(search(build(), queries, 5))


def test_it_goes_into_scan_and_cond():
    index = build()
    expected = index.search(QUERIES, k=3).ids
    batches = QUERIES.reshape(4, 3, 6)
    _, found = jax.lax.scan(lambda carry, some: (carry, search(index, some, 3).ids), 0, batches)
    np.testing.assert_array_equal(np.asarray(found).reshape(12, 3), expected)
    chosen = jax.jit(
        lambda flag, queries: jax.lax.cond(
            flag, lambda q: search(index, q, 3).ids, lambda q: -q[:, :3].astype(int), queries
        )
    )
    np.testing.assert_array_equal(np.asarray(chosen(True, QUERIES)), expected)


def test_where_there_may_be_other_devices_the_program_has_a_way_for_each(monkeypatch: pytest.MonkeyPatch):
    index = build(metric="cosine")
    monkeypatch.setattr(call, "only_cpu", lambda: False)
    number = call.slot_number(leafscan.index.slots.slot_of(index).number)
    program = jax.jit(lambda number, queries: call._search(number, queries, NONE, NONE, 4, False, True))
    expected = index.search(QUERIES, k=4)
    found = program(number, QUERIES)
    np.testing.assert_array_equal(np.asarray(found[0]), expected.ids)
    np.testing.assert_array_equal(np.asarray(found[1]), expected.scores)


@pytest.mark.parametrize("metric", METRICS)
def test_the_host_path_gives_the_same(metric: str, monkeypatch: pytest.MonkeyPatch):
    index = build(metric=metric, ids=np.arange(50) + 100)
    number = call.slot_number(leafscan.index.slots.slot_of(index).number)
    ranked = index.search(QUERIES, k=50).ids.astype(np.int32)
    arguments = [(NONE, NONE), (ranked[:, :3], NONE), (NONE, ranked[:, 4:8])]

    def both(deny, allow):
        return jax.jit(lambda *all: call._search(*all, 4, False, True))(number, QUERIES, deny, allow)

    direct = [both(*lists) for lists in arguments]
    monkeypatch.setattr(call, "has_custom_call", lambda: False)
    for expected, lists in zip(direct, arguments, strict=True):
        for mine, theirs in zip(both(*lists), expected, strict=True):
            np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
        mapped = jax.vmap(
            lambda query, deny, allow: call._search(
                number, query[None], deny[None], allow[None], 4, False, True
            )
        )
        np.testing.assert_array_equal(np.asarray(mapped(QUERIES, *lists)[0])[:, 0], np.asarray(expected[0]))
    large = build(5, ids=np.arange(5) * 2**33 + 7)
    number = call.slot_number(leafscan.index.slots.slot_of(large).number)
    with pytest.raises(Exception, match="does not fit int32"):
        jax.block_until_ready(both(NONE, NONE))


IN_A_PROCESS = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, numpy as np, leafscan, leafscan.jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
try:
    from jax import shard_map
except ImportError:
    from jax.experimental.shard_map import shard_map
jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
vectors = np.random.default_rng(int(sys.argv[2])).standard_normal((50, 6)).astype(np.float32)
index = leafscan.build(vectors, metric="dot_product")
queries = np.random.default_rng(9).standard_normal((12, 6)).astype(np.float32)
expected = index.search(queries, k=5).ids
mesh = Mesh(np.array(jax.devices()), ("batch",))

def local(some):
    return leafscan.jax.search(index, some, 5).ids

local = shard_map(local, mesh=mesh, in_specs=P("batch"), out_specs=P("batch"))
assert (np.asarray(jax.jit(local)(queries)) == expected).all(), "shard_map"
best = jax.jit(leafscan.jax.search, static_argnames="k")
assert (np.asarray(best(leafscan.Slot(index), queries, k=5).ids) == expected).all(), "argument"
assert (np.asarray(leafscan.jax.search(index, queries, 5).ids) == expected).all(), "eager"
"""


def test_shard_map_and_an_executable_that_another_process_cached(tmp_path: Path):
    programs = []
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", IN_A_PROCESS, str(tmp_path), seed],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
        )
        assert done.returncode == 0, done.stderr
        programs.append({path.name for path in tmp_path.glob("jit_search-*-cache")})
    if jax.__version_info__ < (0, 6):
        return  # its cache takes no program with a custom call
    # The second process took the program of the first, with a slot of its own as operand.
    assert len(programs[0]) == 1
    assert programs[0] == programs[1]
