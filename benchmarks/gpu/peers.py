"""What is measured: leafscan, and what its users would write or install instead."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from leafscan.accelerator import exact_top_k, prepare_candidates

__all__ = ["Peer", "leafscan_peers", "other_peers"]

K = 10


@dataclass(frozen=True)
class Peer:
    """A way to find the top 10.

    Parameters
    ----------
    name
        For the table.
    prepare
        Takes the candidates, (n, d) float32 on the GPU.
    search
        Takes queries (q, d) float32 on the GPU, and what was prepared; gives positions (q, 10).
    wait
        Waits for positions.
    positions
        Brings them into NumPy.
    """

    name: str
    prepare: Callable[[jax.Array], Any]
    search: Callable[[Any, Any], Any]
    wait: Callable[[Any], Any] = jax.block_until_ready
    positions: Callable[[Any], Any] = np.asarray
    queries: Callable[[jax.Array], Any] = lambda queries: queries


def leafscan_peers() -> list[Peer]:
    """Give leafscan's precisions: certified, and with a recall of .999 asked for."""
    return [
        Peer(
            name=f"leafscan, {precision}, {'exact' if recall == 1 else f'recall {recall}'}",
            prepare=functools.partial(_prepare, precision=precision),
            search=jax.jit(
                functools.partial(_search, recall_target=recall),
            ),
        )
        for precision, recall in (("bfloat16", 1.0), ("bfloat16", 0.999), ("int8", 1.0), ("int8", 0.999))
    ]


def other_peers() -> list[Peer]:
    """XLA's product and top_k, and PyTorch's and KerasRS' where they are installed."""
    peers = [
        Peer(
            name="JAX, matmul (bfloat16) + top_k",
            prepare=lambda rows: rows.astype(jnp.bfloat16),
            search=jax.jit(_by_xla),
        )
    ]
    try:
        import torch
    except ImportError:
        pass
    else:
        peers.append(_torch_peer(torch))
    try:
        import keras_rs
    except ImportError:
        pass
    else:
        peers.append(_keras_peer(keras_rs))
    return peers


@functools.partial(jax.jit, static_argnames="precision")
def _prepare(rows: jax.Array, *, precision: Any) -> Any:
    return prepare_candidates(rows, precision=precision)


def _search(queries: jax.Array, ready: Any, *, recall_target: float) -> jax.Array:
    return exact_top_k(queries, ready, K, recall_target=recall_target).positions


def _by_xla(queries: jax.Array, rows: jax.Array) -> jax.Array:
    scores = jnp.matmul(queries.astype(jnp.bfloat16), rows.T, preferred_element_type=jnp.float32)
    return jax.lax.top_k(scores, K)[1]


def _torch_peer(torch: Any) -> Peer:
    def to_torch(array: jax.Array) -> Any:
        return torch.from_dlpack(array).bfloat16()

    def search(queries: Any, rows: Any) -> Any:
        return torch.topk(queries @ rows.T, K).indices

    return Peer(
        name="PyTorch, matmul (bfloat16) + topk",
        prepare=to_torch,
        search=search,
        wait=lambda _: torch.cuda.synchronize(),
        positions=lambda found: found.cpu().numpy(),
        queries=to_torch,
    )


def _keras_peer(keras_rs: Any) -> Peer:
    def prepare(rows: jax.Array) -> Any:
        layer = keras_rs.layers.BruteForceRetrieval(candidate_embeddings=rows, k=K, return_scores=False)
        return jax.jit(lambda queries: layer(queries))

    return Peer(
        name="KerasRS BruteForceRetrieval, jitted",
        prepare=prepare,
        search=lambda queries, layer: layer(queries),
    )
