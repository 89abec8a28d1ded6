"""The operator ``torch.ops.leafscan.search``, its shapes for tracing, and its derivative."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from leafscan import _engine

__all__ = ["found"]


@torch.library.custom_op("leafscan::search", mutates_args=())
def found(
    slot: Tensor,
    queries: Tensor,
    deny: Tensor,
    allow: Tensor,
    k: int,
    positions: bool,
    vectors: bool,
    metric: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Search.

    Parameters
    ----------
    slot
        int64 (), a slot's number, on the CPU: an operand, so that compiled programs do not depend on it.
    queries
        float32 (q, d).
    deny, allow
        int64 (q, m), m from 0.
    k, positions
        As of `leafscan.torch.search`.
    vectors
        Whether the rows that were found are wanted, which the derivative needs.
    metric
        What the slot serves, for the derivative.

    Returns
    -------
    tuple
        scores float32 and ids int64 (q, k), and vectors float32 (q, k, d), or (q, 0, d). (Scores come first
        since `torch.library.opcheck` sums outputs up into the first.)
    """
    answers = _engine.search_slot(
        int(slot),
        _on_the_host(queries),
        k,
        positions=positions,
        deny=_on_the_host(deny) if deny.shape[1] else None,
        allow=_on_the_host(allow) if allow.shape[1] else None,
        vectors=vectors,
    )
    ids, scores, rows = (torch.from_numpy(answer).to(queries.device) for answer in answers)
    return scores, ids, rows


def _on_the_host(tensor: Tensor) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = tensor.detach().cpu().contiguous().numpy()
    return array


@found.register_fake
def _shapes(
    slot: Tensor,
    queries: Tensor,
    deny: Tensor,
    allow: Tensor,
    k: int,
    positions: bool,
    vectors: bool,
    metric: str,
) -> tuple[Tensor, Tensor, Tensor]:
    rows, dim = queries.shape
    return (
        queries.new_empty((rows, k)),
        queries.new_empty((rows, k), dtype=torch.int64),
        queries.new_empty((rows, k if vectors else 0, dim)),
    )


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    _, queries, *_, ctx.metric = inputs
    _, ids, vectors = output
    ctx.mark_non_differentiable(ids, vectors)
    ctx.save_for_backward(queries, ids, vectors)


def _derivative(ctx: Any, change: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
    queries, ids, vectors = ctx.saved_tensors
    if vectors.shape[1] != ids.shape[1]:
        raise RuntimeError(
            "leafscan::search was called with vectors=False, so that scores have no derivative; "
            "leafscan.torch.search asks for them where queries require a gradient."
        )
    change = torch.where(ids >= 0, change, 0)
    if ctx.metric == "squared_l2":
        grad = 2 * (queries * change.sum(dim=1, keepdim=True) - torch.einsum("qk,qkd->qd", change, vectors))
    else:
        grad = torch.einsum("qk,qkd->qd", change, vectors)
        if ctx.metric == "cosine":
            # Of q / |q|: what of it lies along q is taken off. A zero query has cosine 0 with everything.
            lengths = torch.linalg.vector_norm(queries, dim=1, keepdim=True)
            safe = torch.where(lengths > 0, lengths, 1)
            unit = queries / safe
            grad = torch.where(lengths > 0, (grad - unit * (unit * grad).sum(dim=1, keepdim=True)) / safe, 0)
    return None, grad, None, None, None, None, None, None


found.register_autograd(_derivative, setup_context=_keep)
