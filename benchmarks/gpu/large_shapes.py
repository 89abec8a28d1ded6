"""Check what only large shapes reach, on a GPU of 80 GB: ``python -m benchmarks.gpu.large_shapes``.

- Batches above 2^31 group maxima, which are split: 70,000 queries over 1,000,000 x 128 (12 GB).
- Queries that few bits cannot tell apart, all answered anew in float32 by blocks (3 GB).
- Arrays of more than 2^32 bytes and 2^31 numbers: 17,000,000 x 128 (35 GB).
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.gpu.measure import draw, truth
from benchmarks.gpu.peers import K
from leafscan.accelerator import exact_top_k, prepare_candidates
from leafscan.accelerator.few_queries import few_top_k


def main() -> None:
    """Check each, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    checks = {"split": _split, "near-ties": _near_ties, "long": _long}
    parser.add_argument("--checks", nargs="+", choices=checks, default=list(checks))
    parser.add_argument(
        "--divide", type=int, default=1, help="by how much rows are fewer: that the script runs"
    )
    chosen = parser.parse_args()
    if chosen.divide == 1 and jax.default_backend() != "gpu":
        raise SystemExit("benchmarks.gpu.large_shapes needs a GPU that JAX sees; this machine has none.")
    for name in chosen.checks:
        begin = time.perf_counter()
        checks[name](chosen.divide)
        stats = jax.local_devices()[0].memory_stats() or {}
        peak = stats.get("peak_bytes_in_use", 0) / 2**30
        print(
            f"{name}: {time.perf_counter() - begin:.0f} s in all, peak of device memory {peak:.1f} GiB",
            flush=True,
        )


def _split(divide: int) -> None:
    n, q = 1_000_000 // divide, 70_000 // divide
    rows, queries = draw(n, 128, q)
    for precision in ("bfloat16", "int8"):
        target = 1.0 if precision == "bfloat16" else 0.999
        ready = jax.jit(functools.partial(prepare_candidates, precision=precision))(rows)
        search = jax.jit(functools.partial(exact_top_k, k=K, recall_target=target))
        whole, seconds = _timed(search, queries, ready)
        parts = [search(queries[begin : begin + 10_000], ready) for begin in range(0, q, 10_000)]
        scores = np.concatenate([np.asarray(part.scores) for part in parts])
        positions = np.concatenate([np.asarray(part.positions) for part in parts])
        np.testing.assert_allclose(np.asarray(whole.scores), scores, rtol=1e-6, atol=1e-6)
        same = float(np.mean(np.asarray(whole.positions) == positions))
        assert same > 0.9999, same
        # The first, those around the block's end, and the last, which the padding is made of.
        some = np.unique(np.clip([*range(16), *range(q // 2 - 16, q // 2 + 16), *range(q - 16, q)], 0, q - 1))
        recall = _recall(truth(queries[some], rows), np.asarray(whole.positions)[some])
        print(
            f"split, {precision}: {q:,} queries over {n:,} in {seconds:.3f} s, {q / seconds:,.0f} QPS; as in "
            f"parts of 10,000: {same:.6f}; recall of {len(some)} against float64 {recall:.4f}",
            flush=True,
        )
        assert recall >= 0.999, recall
        del ready, whole, parts


def _near_ties(divide: int) -> None:
    """Rows that all round to the same code; queries across them, so that float32 tells them apart."""
    n, d = 1_000_000 // divide, 128
    keys = jax.random.split(jax.random.key(5), 2)
    rows = 1 + 3e-4 * jax.random.normal(keys[0], (n, d))
    queries = jax.random.normal(keys[1], (200, d))
    queries = queries - queries.mean(axis=1, keepdims=True)
    queries = queries / jnp.linalg.norm(queries, axis=1, keepdims=True)
    expected = truth(queries, rows)
    searches: dict[str, Callable[..., Any]] = {
        "exact_top_k, 200 queries": functools.partial(exact_top_k, k=K),
        "exact_top_k, 1 query": functools.partial(exact_top_k, k=K),
        "few_top_k, 1 query": functools.partial(few_top_k, mask=None, k=K, interpret=divide > 1),
        "few_top_k, 4 queries": functools.partial(few_top_k, mask=None, k=K, interpret=divide > 1),
    }
    for name, search in searches.items():
        ready = jax.jit(prepare_candidates)(rows)
        count = int(name.split(", ")[1].split()[0])
        found, seconds = _timed(jax.jit(search), queries[:count], ready)
        recall = _recall(expected[:count], np.asarray(found[1]))
        wide = np.take(np.asarray(rows), np.asarray(found[1]), axis=0).astype(np.float64)
        off = np.abs(
            np.einsum("qd,qkd->qk", np.asarray(queries[:count], np.float64), wide) - np.asarray(found[0])
        )
        print(
            f"near ties, {name} over {n:,}: {1e3 * seconds:.2f} ms; recall {recall:.4f}, scores off by at "
            f"most {off.max():.1e}",
            flush=True,
        )
        assert recall >= 0.98, recall
        assert off.max() < 5e-6, off.max()


def _long(divide: int) -> None:
    n, d = 17_000_000 // divide, 128
    rows, queries = draw(n, d, 64)
    expected = truth(queries[:8], rows)
    for precision in ("bfloat16", "int8"):
        target = 1.0 if precision == "bfloat16" else 0.999
        ready = jax.jit(functools.partial(prepare_candidates, precision=precision))(rows)
        ways: list[tuple[str, Callable[..., Any], int]] = [
            ("exact_top_k", functools.partial(exact_top_k, k=K, recall_target=target), 64),
            ("exact_top_k", functools.partial(exact_top_k, k=K, recall_target=target), 2),
            (
                "few_top_k",
                functools.partial(few_top_k, mask=None, k=K, recall_target=target, interpret=divide > 1),
                4,
            ),
        ]
        if precision == "int8":
            ways = ways[:2]  # whose places the other kernels cannot tell
        for name, search, count in ways:
            found, seconds = _timed(jax.jit(search), queries[:count], ready)
            taken = min(count, 8)
            last = int(np.max(np.asarray(found[1])))
            recall = _recall(expected[:taken], np.asarray(found[1])[:taken])
            print(
                f"long, {name}, {precision}: {count} queries over {n:,} in {1e3 * seconds:.2f} ms; recall of "
                f"{taken} against float64 {recall:.4f}; last position found {last}",
                flush=True,
            )
            assert recall >= 0.999, recall
        del ready


def _timed(search: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    jax.block_until_ready(search(*arguments))  # type: ignore[no-untyped-call]
    begin = time.perf_counter()
    found = jax.block_until_ready(search(*arguments))  # type: ignore[no-untyped-call]
    return found, time.perf_counter() - begin


def _recall(expected: Any, found: Any) -> float:
    return float(np.mean([np.isin(want, got).mean() for want, got in zip(expected, found, strict=True)]))


if __name__ == "__main__":
    main()
