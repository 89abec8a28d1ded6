"""Matrix product and top-k, compiled by the Keras backend's own compiler: the brute force to beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.recommend.extras import require

__all__ = ["CompiledTopK", "compile_top_k"]


@dataclass(frozen=True)
class CompiledTopK:
    """A compiled search.

    Attributes
    ----------
    name
        What compiles it, for example ``"jax.jit"``.
    prepare
        Brings queries, float32 of shape (q, d), to where the search takes them from.
    search
        Gives ids of shape (q, k) of prepared queries.
    """

    name: str
    prepare: Callable[[NDArray[np.float32]], Any]
    search: Callable[[Any], NDArray[Any]]


def compile_top_k(backend: str, candidates: NDArray[np.float32], k: int) -> CompiledTopK:
    """Compile ``top_k(queries @ candidates.T)`` for a Keras backend.

    Parameters
    ----------
    backend
        ``"jax"``, ``"tensorflow"`` or ``"torch"``.
    candidates
        Float32 of shape (n, d).
    k
        How many ids a query gets, at most n.

    Returns
    -------
    CompiledTopK
        The search; it compiles when it is first called with queries of a shape.
    """
    compilers = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
    return compilers[backend](candidates, k)


def _jax(candidates: NDArray[np.float32], k: int) -> CompiledTopK:
    jax = require("jax", purpose="The jitted search", install='"leafscan[jax]"')
    table = jax.numpy.asarray(candidates)
    top_k = jax.jit(lambda queries, rows: jax.lax.top_k(queries @ rows.T, k)[1])
    return CompiledTopK("jax.jit", jax.numpy.asarray, lambda queries: np.asarray(top_k(queries, table)))


def _tensorflow(candidates: NDArray[np.float32], k: int) -> CompiledTopK:
    tf = require("tensorflow", purpose="The compiled search", install='"leafscan[tensorflow]"')
    table = tf.constant(candidates)

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator, unused-ignore]
    def top_k(queries: Any, rows: Any) -> Any:
        return tf.math.top_k(tf.matmul(queries, rows, transpose_b=True), k).indices

    return CompiledTopK("tf.function", tf.constant, lambda queries: np.asarray(top_k(queries, table).numpy()))


def _torch(candidates: NDArray[np.float32], k: int) -> CompiledTopK:
    torch = require("torch", purpose="The compiled search", install='"leafscan[torch]"')
    table = torch.from_numpy(np.array(candidates))

    def top_k(queries: Any, rows: Any) -> Any:
        return torch.topk(queries @ rows.T, k).indices

    compiled, name = torch.compile(top_k, dynamic=False), "torch.compile"
    with torch.inference_mode():
        try:
            compiled(table[:1], table)
        except Exception:  # torch._dynamo raises many kinds where there is no C++ compiler
            # The same two kernels, called one after the other from one captured graph.
            compiled = torch.compile(top_k, dynamic=False, backend="aot_eager")
            name = "torch.compile (aot_eager)"

    def search(queries: Any) -> NDArray[Any]:
        with torch.inference_mode():
            return np.asarray(compiled(queries, table).numpy())

    return CompiledTopK(name, lambda queries: torch.from_numpy(np.array(queries)), search)
