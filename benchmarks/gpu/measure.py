"""Ceilings of the card, checks against float64, and the rows of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.gpu.peers import K, Peer
from benchmarks.gpu.timing import device_seconds, seconds_a_call

__all__ = ["Ceilings", "Row", "draw", "measure_ceilings", "measure_peer", "truth"]


@dataclass(frozen=True)
class Ceilings:
    """What the card does at best: bfloat16 products in TFLOP/s, and copying in TB/s, read and written."""

    matmul: float
    copy: float


@dataclass(frozen=True)
class Row:
    """A line of the table: recall@10 against float64, and by number of queries what a call takes."""

    peer: str
    recall: float
    seconds: dict[int, float]
    device: float | None


def measure_ceilings() -> Ceilings:
    """Measure a product of 8192 x 8192 random bfloat16 numbers and a copy of 4 GiB."""
    side = 8192
    square = jax.random.normal(jax.random.key(0), (side, side), jnp.bfloat16)
    product = jax.jit(lambda a: a @ a)
    matmul = 2 * side**3 / seconds_a_call(lambda: product(square)) / 1e12
    numbers = jax.random.normal(jax.random.key(0), (1 << 30,), jnp.float32)
    copy = jax.jit(lambda x: x + 1)
    return Ceilings(matmul=matmul, copy=2 * numbers.nbytes / seconds_a_call(lambda: copy(numbers)) / 1e12)


def draw(n: int, d: int, q: int, *, clusters: int = 0) -> tuple[jax.Array, jax.Array]:
    """Draw candidates and queries of length 1: of any direction, or near one of ``clusters`` centres."""
    keys = jax.random.split(jax.random.key(n + d), 5)
    rows, queries = (jax.random.normal(key, (m, d)) for key, m in zip(keys, (n, q), strict=False))
    if clusters:
        centres = 1.5 * jax.random.normal(keys[2], (clusters, d))
        rows = rows + centres[jax.random.randint(keys[3], (n,), 0, clusters)]
        queries = queries + centres[jax.random.randint(keys[4], (q,), 0, clusters)]
    return _unit(rows), _unit(queries)


@jax.jit
def _unit(rows: jax.Array) -> jax.Array:
    scaled: jax.Array = rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def truth(queries: jax.Array, rows: jax.Array) -> Any:
    """Find the positions of the 10 best dot products in float64, on the CPU: (q, 10)."""
    wide = np.asarray(queries, np.float64)
    host = np.asarray(rows)
    best: list[Any] = []
    for begin in range(0, len(host), 1 << 18):
        scores = wide @ host[begin : begin + (1 << 18)].astype(np.float64).T
        part = np.argpartition(-scores, K, axis=1)[:, :K]
        best.append((np.take_along_axis(scores, part, 1), part + begin))
    scores, places = (np.concatenate(parts, axis=1) for parts in zip(*best, strict=True))
    return np.take_along_axis(places, np.argsort(-scores, axis=1)[:, :K], 1)


def measure_peer(
    peer: Peer, queries: jax.Array, rows: jax.Array, expected: Any, batches: tuple[int, ...]
) -> Row:
    """Check a peer against float64, then time it.

    Raises
    ------
    AssertionError
        If leafscan's recall is below .999: what is wrong is not timed.
    """
    ready = peer.prepare(rows)
    found = peer.positions(peer.search(peer.queries(queries[: len(expected)]), ready))
    recall = float(np.mean([np.isin(want, got).mean() for want, got in zip(expected, found, strict=True)]))
    assert recall >= 0.999 or "leafscan" not in peer.name, (peer.name, recall)
    seconds = {}
    for batch in batches:
        some = peer.queries(queries[:batch])
        seconds[batch] = seconds_a_call(lambda some=some: peer.search(some, ready), wait=peer.wait)  # type: ignore[misc]
    device = device_seconds(peer.search, queries[:1], ready) if peer.wait is jax.block_until_ready else None
    return Row(peer=peer.name, recall=recall, seconds=seconds, device=device)
