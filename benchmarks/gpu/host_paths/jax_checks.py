"""JAX: `jax.pure_callback` from wherever arrays lie."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import leafscan
import leafscan.jax
from benchmarks.gpu.host_paths import keras_checks
from benchmarks.gpu.host_paths.checks import DIM, Checks, K, catalogue, draw, gradient, right, same

__all__ = ["main"]


def main(device: str) -> int:
    """Check; returns the process' status."""
    place = jax.devices("cpu")[0] if device == "cpu" else jax.devices()[0]
    on_gpu = place.platform != "cpu"
    if device == "gpu" and not on_gpu:
        print("jax: FAILED: no GPU, which --device gpu asks for")
        return 1
    if not on_gpu:
        # So that the CPU takes the GPU's way.
        vars(leafscan.jax.call)["has_custom_call"] = lambda: False
    check = Checks("jax", f"{place.device_kind} ({place.platform}), JAX {jax.__version__}")
    with jax.default_device(place):
        _operation(check, place, on_gpu)
        keras_checks.check_layers(check, on_gpu)
    return check.end()


def _operation(check: Checks, place: Any, on_gpu: bool) -> None:
    rows, points = draw(400, 0), draw(33, 1)
    queries = jax.device_put(points, place)
    indices = {metric: catalogue(rows, metric) for metric in ("dot_product", "cosine", "squared_l2")}
    index = indices["dot_product"]
    search = leafscan.jax.search

    def lies_there(array: Any) -> None:
        assert array.devices() == {place}, f"it should lie on {place}, and lies on {array.devices()}"

    for metric, each in indices.items():

        def eager(each: Any = each, metric: str = metric) -> None:
            found = search(each, queries, K)
            same(found.ids, found.scores, right(rows, points, metric=metric))
            lies_there(found.ids)
            lies_there(found.scores)

        def compiled(each: Any = each, metric: str = metric) -> None:
            found = jax.jit(lambda queries: search(each, queries, K))(queries)
            same(found.ids, found.scores, right(rows, points, metric=metric))
            lies_there(found.ids)

        def derived(each: Any = each, metric: str = metric) -> None:
            total = jax.jit(jax.grad(lambda queries: search(each, queries, K).scores.sum()))
            expected = gradient(rows, points, metric)
            np.testing.assert_allclose(np.asarray(total(queries)), expected, rtol=1e-3, atol=1e-4)

        check(f"eager, {metric}", eager)
        check(f"jit, {metric}", compiled)
        check(f"grad under jit, {metric}", derived)

    def hessian() -> None:
        of_one = jax.hessian(lambda query: search(indices["squared_l2"], query, K).scores.sum())(queries[0])
        np.testing.assert_allclose(np.asarray(of_one), 2 * K * np.eye(DIM), rtol=1e-4, atol=1e-4)

    def forward() -> None:
        change = jax.jvp(lambda queries: search(index, queries, K).scores, (queries,), (queries,))[1]
        np.testing.assert_allclose(np.asarray(change), right(rows, points)[1], rtol=1e-4, atol=1e-4)

    def mapped() -> None:
        found = jax.jit(jax.vmap(lambda query: search(index, query, K)))(queries)
        same(found.ids, found.scores, right(rows, points))
        cube = jax.vmap(jax.vmap(lambda query: search(index, query, K).ids))(queries[:32].reshape(4, 8, DIM))
        same(np.asarray(cube).reshape(32, K), None, right(rows, points[:32]))

    def scanned() -> None:
        def step(total: Any, query: Any) -> Any:
            found = search(index, query, K)
            return total + found.scores[0], found.ids

        same(jax.jit(lambda queries: jax.lax.scan(step, 0.0, queries))(queries)[1], None, right(rows, points))

    def after_the_devices_own_work() -> None:
        def made(queries: Any) -> Any:
            for _ in range(20):
                queries = (queries @ jnp.eye(DIM)) * 2 / 2
            return search(index, queries, K)

        with jax.default_matmul_precision("highest"):
            found = jax.jit(made)(queries)
        same(found.ids, found.scores, right(rows, points))

    def swapped() -> None:
        slot, traces = leafscan.Slot(index), []

        def best(queries: Any) -> Any:
            traces.append(1)
            return search(slot, queries, K)

        program = jax.jit(best)
        for other in (rows, rows[::-1].copy(), draw(50, 3)):
            slot.publish(catalogue(other))
            found = program(queries)
            same(found.ids, found.scores, right(other, points))
        assert len(traces) == 1, f"it was traced {len(traces)} times"

    def slots_as_arguments() -> None:
        program = jax.jit(lambda slot, queries: search(slot, queries, K))
        for other in (rows, rows[::-1].copy()):
            same(program(leafscan.Slot(catalogue(other)), queries).ids, None, right(other, points))

    def listed() -> None:
        ranked = right(rows, points, 400)[0]
        seen = jax.device_put(ranked[:, :3].astype(np.int32), place)
        same(search(index, queries, K, deny=seen).ids, None, (ranked[:, 3 : 3 + K], points))
        few = jax.device_put(ranked[:, 20:10:-1].astype(np.int32), place)
        same(search(index, queries, K, allow=few).ids, None, (ranked[:, 11 : 11 + K], points))

    def padded() -> None:
        few = catalogue(rows[:3])
        found = jax.jit(lambda queries: search(few, queries, K))(queries)
        assert (np.asarray(found.ids)[:, 3:] == -1).all()
        assert np.isneginf(np.asarray(found.scores)[:, 3:]).all()

    def strings() -> None:
        slot = leafscan.Slot(catalogue(rows, ids=[f"row {place}" for place in range(400)]))
        found = slot.decode(np.asarray(search(slot, queries, K, positions=True).ids))
        assert found[0, 0] == f"row {right(rows, points)[0][0, 0]}"

    def on_the_cpu_too() -> None:
        there = jax.device_put(points, jax.devices("cpu")[0])
        same(search(index, there, K).ids, None, right(rows, points))

    def stale() -> Any:
        slot = leafscan.Slot(index)
        number = leafscan.jax.call.slot_number(slot.number)
        del slot
        closed = leafscan.jax.operation.TracedSlot(number, DIM, "dot_product", "integers")
        return np.asarray(search(closed, queries, K).ids)

    check("hessian, squared_l2", hessian)
    check("jvp", forward)
    check("vmap, once and twice", mapped)
    check("scan", scanned)
    check("queries that the device has yet to compute", after_the_devices_own_work)
    check("another index under a compiled program, not traced again", swapped)
    check("slots as arguments of one program", slots_as_arguments)
    check("deny and allow", listed)
    check("more than there are", padded)
    check("positions of strings", strings)
    check("queries on the CPU", on_the_cpu_too)
    check.raises(
        "NaN in a query is refused",
        "NaN",
        lambda: np.asarray(search(index, queries.at[0, 0].set(np.nan), K).ids),
    )
    check.raises("a stale slot is refused", "is not open", stale)
