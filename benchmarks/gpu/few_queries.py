"""Measure a few queries by their kernels, each way and as called: ``python -m benchmarks.gpu.few_queries``.

Each way is checked against float64 first. Then its kernels are listed with what each takes, and other shapes
of the new kernels are tried.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.gpu.measure import draw, measure_ceilings, truth
from benchmarks.gpu.peers import K
from benchmarks.gpu.timing import seconds_a_call
from leafscan.accelerator import exact_top_k
from leafscan.accelerator.blockwise import blockwise_top_k
from leafscan.accelerator.candidates import Candidates, prepare_candidates
from leafscan.accelerator.certified import certified_top_k
from leafscan.accelerator.few_maxima import FewShape, few_maxima
from leafscan.accelerator.few_queries import few_shape, few_top_k
from leafscan.accelerator.few_selection import few_selection

#: By name: candidates, dimensions, clusters, how many queries are checked, how many at once are timed.
SETS: dict[str, tuple[int, int, int, int, tuple[int, ...]]] = {
    "250k": (250_000, 128, 0, 256, (1, 2, 4, 8)),
    "1m": (1_000_000, 128, 0, 256, (1, 2, 4, 8)),
    "clusters": (1_000_000, 128, 1_000, 256, (1, 4)),
    "10m": (10_000_000, 96, 0, 32, (1, 4)),
}

#: Of the maxima: block, tile, warps.
SHAPES = [
    (256, 128, 4),
    (256, 64, 4),
    (256, 256, 8),
    (512, 128, 4),
    (1024, 128, 4),
    (256, 64, 2),
    (128, 128, 4),
]

#: Of the selection: warps, dimensions at once.
LAYOUTS = list(itertools.product((4, 8, 16), (32, 64, 128)))


def main() -> None:
    """Check, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument(
        "--sweep", nargs="*", choices=SETS, default=["250k", "1m"], help="sets of other shapes"
    )
    parser.add_argument(
        "--ways", nargs="+", default=["exact_top_k", "new", "old", "XLA"], help="with which their names begin"
    )
    parser.add_argument("--small", action="store_true", help="20,000 rows, interpreted: that the script runs")
    chosen = parser.parse_args()
    if chosen.small:
        SETS.update(dict.fromkeys(SETS, (140_000, 16, 0, 4, (1,))))
        del SHAPES[1:], LAYOUTS[1:]
    elif jax.default_backend() != "gpu":
        raise SystemExit("benchmarks.gpu.few_queries needs a GPU that JAX sees; this machine has none.")
    else:
        print(jax.devices()[0].device_kind, jax.__version__, measure_ceilings(), flush=True)
    for name in chosen.sets:
        n, d, clusters, checked, batches = SETS[name]
        rows, queries = draw(n, d, max(checked, *batches), clusters=clusters)
        expected = truth(queries[:checked], rows)
        print(f"\n## {name}: {n:,} x {d}", flush=True)
        _ways(rows, queries, expected, batches, begins=tuple(chosen.ways), small=chosen.small)
        if name in chosen.sweep:
            _sweep(rows, queries[:1], expected[:1], small=chosen.small)
        del rows, queries


def _ways(
    rows: jax.Array,
    queries: jax.Array,
    expected: Any,
    batches: tuple[int, ...],
    *,
    begins: tuple[str, ...],
    small: bool,
) -> None:
    ways: list[tuple[str, Any, Callable[..., Any]]] = []
    kinds: tuple[tuple[Any, float], ...] = (("bfloat16", 1.0), ("bfloat16", 0.999), ("int8", 0.999))
    for precision, recall in kinds:
        ready = jax.jit(functools.partial(prepare_candidates, precision=precision))(rows)
        about = f"{precision}, {'exact' if recall == 1 else recall}"
        called = functools.partial(exact_top_k, k=K, recall_target=recall)
        ways.append((f"exact_top_k, {about}", ready, jax.jit(called)))
        few = functools.partial(few_top_k, mask=None, k=K, recall_target=recall, interpret=small)
        ways.append((f"new, {about}", ready, jax.jit(few)))
        if not small:
            old = functools.partial(certified_top_k, mask=None, k=K, recall_target=recall)
            ways.append((f"old, {about}", ready, jax.jit(old)))
    by_xla = jax.jit(
        lambda queries, rows: jax.lax.top_k(
            jnp.matmul(queries.astype(jnp.bfloat16), rows.T, preferred_element_type=jnp.float32), K
        )
    )
    ways.append(("XLA, bfloat16 matmul + top_k", rows.astype(jnp.bfloat16), by_xla))
    for name, ready, search in ways:
        if not name.startswith(begins):
            continue
        try:
            _a_way(name, ready, search, queries, expected, batches)
        except Exception as problem:  # one way that fails must not cost the others' figures
            print(f"- {name}: FAILED, {type(problem).__name__} {str(problem)[:600]}", flush=True)
    ready = ways[0][1]
    shape = few_shape(rows.shape[0], "bfloat16")
    uncertain = 0
    selected = jax.jit(functools.partial(_select, shape=shape, small=small))
    for begin in range(0, len(expected), 4):
        uncertain += int(np.sum(np.asarray(selected(queries[begin : begin + 4], ready)) == 0))
    print(f"- not certain at first, bfloat16: {uncertain} of {len(expected)}", flush=True)


def _a_way(
    name: str,
    ready: Any,
    search: Callable[..., Any],
    queries: jax.Array,
    expected: Any,
    batches: tuple[int, ...],
) -> None:
    recalls = []
    for begin in range(0, len(expected), 4):
        found = np.asarray(search(queries[begin : begin + 4], ready)[1])
        pairs = zip(expected[begin : begin + 4], found, strict=True)
        recalls += [np.isin(want, got).mean() for want, got in pairs]
    recall = float(np.mean(recalls))
    assert recall >= 0.999 or "XLA" in name, (name, recall)
    cells = []
    for batch in batches:
        some = queries[:batch]
        wall = seconds_a_call(functools.partial(search, some, ready))
        kernels = _kernels(search, some, ready)
        total = sum(took for _, took in kernels)
        cells.append(f"{batch}: {1e6 * wall:.0f} us, kernels {total:.1f} us ({len(kernels)})")
        if batch == 1:
            each = "; ".join(f"{kernel} {took:.1f}" for kernel, took in kernels)
    print(f"- {name}: recall {recall:.4f}; {'; '.join(cells)}\n    one query: {each}", flush=True)


def _select(queries: jax.Array, ready: Candidates, *, shape: FewShape, small: bool) -> jax.Array:
    codes = ready.codes
    assert codes is not None
    maxima = few_maxima(queries, codes.rows, ready.shape[0], shape, interpret=small)
    found = few_selection(
        queries,
        ready.rows,
        None,
        maxima,
        shape,
        k=K,
        squared_l2=False,
        error=codes.error,
        length=codes.length,
        interpret=small,
    )
    return found.certain


def _sweep(rows: jax.Array, query: jax.Array, expected: Any, *, small: bool) -> None:
    for precision in ("bfloat16", "int8"):
        ready = jax.jit(functools.partial(prepare_candidates, precision=precision))(rows)
        recall = 1.0 if precision == "bfloat16" else 0.999
        settings = [(FewShape(*shape), 8, 64) for shape in SHAPES]
        if precision == "bfloat16":
            settings += [(few_shape(rows.shape[0], "bfloat16"), *layout) for layout in LAYOUTS]
        for shape, warps, chunk in settings:
            search = jax.jit(
                functools.partial(
                    few_top_k,
                    mask=None,
                    k=K,
                    recall_target=recall,
                    shape=shape,
                    warps=warps,
                    chunk=chunk,
                    interpret=small,
                )
            )
            about = f"{precision}, {tuple(shape)}, selection of {warps} warps by {chunk}"
            try:
                found = np.asarray(search(query, ready)[1])
            except Exception as problem:  # a shape that the compiler refuses is a finding
                print(f"- {about}: {type(problem).__name__} {str(problem)[:200]}", flush=True)
                continue
            right = np.isin(expected, found).mean()
            kernels = _kernels(search, query, ready)
            each = "; ".join(f"{kernel} {took:.1f}" for kernel, took in kernels)
            print(
                f"- {about}: {sum(took for _, took in kernels):.1f} us, recall {right:.2f}: {each}",
                flush=True,
            )
    again = jax.jit(functools.partial(blockwise_top_k, mask=None, k=K, squared_l2=False))
    print("- float32 by XLA:", _kernels(again, query, rows)[:8], flush=True)


def _kernels(call: Any, *arguments: Any) -> list[tuple[str, float]]:
    """List a call's kernels and the microseconds of each, the median of nine calls; nothing without CUPTI."""
    if jax.default_backend() != "gpu":
        return []
    from jax.experimental.mosaic.gpu import profiler

    jax.block_until_ready(call(*arguments))  # type: ignore[no-untyped-call]
    try:
        runs: Any = profiler.measure(call, aggregate=False, iterations=9)(*arguments)[1]
    except RuntimeError as problem:
        return [(str(problem), float("nan"))]
    by_place = zip(*runs, strict=True)
    return [
        (kernels[0][0].split("(")[0][:40], 1e3 * statistics.median(took for _, took in kernels))
        for kernels in by_place
    ]


if __name__ == "__main__":
    main()
