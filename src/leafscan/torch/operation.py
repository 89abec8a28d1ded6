"""The operation that users call."""

from typing import Any, SupportsIndex

import torch
from torch import Tensor

from leafscan.index.index import Index, SearchResult
from leafscan.index.numbers import whole_number
from leafscan.index.searchable import MAX_K
from leafscan.index.slots import OPERANDS, Slot, slot_of
from leafscan.torch.operator import found

__all__ = ["search", "slot_tensor"]


def search(
    index: Index | Slot,
    queries: Tensor,
    k: SupportsIndex = 10,
    *,
    positions: bool = False,
    deny: Any = None,
    allow: Any = None,
) -> SearchResult:
    """Find the best ``k`` rows for each query, as an operation of PyTorch.

    It works eagerly, under ``torch.compile(fullgraph=True)`` and under autograd: scores are differentiable
    with respect to the queries, by the rows that were found, which are held fixed.

    Parameters
    ----------
    index
        A `leafscan.Index`, or a `leafscan.Slot`, whose index can be replaced and which knows how thoroughly
        to search. Compiled functions see a new version at their next call and are not compiled again.
    queries
        (d,) or (..., d) real numbers, all finite; searched as float32 whatever their dtype. On a GPU they are
        copied to the host, and ids and scores back.
    k
        How many, at least 1.
    positions
        Return positions instead of ids: of each row its place among the vectors when the index was built.
        ``leafscan.Slot.decode`` turns them into ids. Needed for strings.
    deny
        Integers (..., m), for each query what it must not be given, or (m,) for all; named as in the result.
        Fill lists up with -1. What the index does not have is passed over.
    allow
        All that each query may be given, likewise; they are scored exactly.

    Returns
    -------
    SearchResult
        ``ids`` (int64) and ``scores`` (float32) as tensors on the queries' device, (k,) for (d,) and (..., k)
        for (..., d), best first; id -1 and score -inf (squared_l2: +inf) where there is no more.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or the index has strings for ids and ``positions`` is False.
    ValueError
        If a shape is wrong, a query holds NaN, the slot is closed, or a derivative is asked of an index that
        keeps no rows.

    Examples
    --------
    >>> import leafscan, torch
    >>> import leafscan.torch
    >>> index = leafscan.build(torch.eye(4).numpy(), metric="dot_product")
    >>> query = torch.tensor([0.0, 3.0, 2.0, 1.0], requires_grad=True)
    >>> ids, scores = leafscan.torch.search(index, query, k=2)
    >>> scores.sum().backward()
    >>> ids.tolist(), query.grad.tolist()
    ([1, 2], [0.0, 1.0, 1.0, 0.0])
    """
    if isinstance(index, Slot):
        number, dim, metric, kind = slot_tensor(index), index.dim, index.metric, index.id_kind
    else:
        if not isinstance(index, Index):
            slot_of(index)  # raises, and tells why
        id(index)  # A compiled program is for this index alone, and checks it by this.
        plain, dim, metric, kind = index._lent_slot()
        number = _operand(plain)
    if type(k) is not int or not 0 < k <= MAX_K:
        k = whole_number(k, "k", low=1, high=MAX_K)
    if kind == "strings" and not positions:
        raise TypeError(
            "this index has strings for ids, which tensors cannot hold; search with positions=True, and "
            "decode them outside: leafscan.Slot(index).decode(positions)."
        )
    if not isinstance(queries, Tensor) or queries.is_complex() or queries.dtype is torch.bool:
        raise TypeError(f"queries must be a tensor of real numbers; received {_told(queries)}.")
    if queries.dim() < 1 or queries.shape[-1] != dim:
        raise ValueError(
            f"queries must have the shape ({dim},) or (..., {dim}), since the index has {dim} dimensions; "
            f"received {tuple(queries.shape)}."
        )
    leading = queries.shape[:-1]
    rows = queries.to(torch.float32).reshape(-1, dim)
    scores, ids, _ = found(
        number,
        rows,
        _lists(deny, "deny", queries, len(rows)),
        _lists(allow, "allow", queries, len(rows)),
        k,
        positions,
        rows.requires_grad and torch.is_grad_enabled(),
        metric,
    )
    return SearchResult(ids.reshape(*leading, k), scores.reshape(*leading, k))


# An index has one slot of its own for life, so that a compiled program may hold its number as a constant.
# PyTorch before 2.13 takes an object as the self of such a call alone, not as an argument: hence a method.
torch.compiler.assume_constant_result(Index._lent_slot)  # type: ignore[no-untyped-call, unused-ignore]


def slot_tensor(slot: Slot) -> Tensor:
    """Return a slot's number as the operand that compiled programs take: always the same tensor.

    Examples
    --------
    >>> import leafscan
    >>> slot = leafscan.Slot()
    >>> int(slot_tensor(slot)) == slot.number, slot_tensor(slot) is slot_tensor(slot)
    (True, True)
    """
    tensor: Tensor | None = slot.operands.get("torch")
    if tensor is None:
        tensor = slot.operands["torch"] = _operand(slot.number)
    return tensor


def _operand(number: int) -> Tensor:
    return torch.tensor(number, dtype=torch.int64)


OPERANDS["torch"] = _operand


def _lists(values: Any, name: str, queries: Tensor, count: int) -> Tensor:
    if values is None:
        return queries.new_empty((count, 0), dtype=torch.int64)
    lists = torch.as_tensor(values, device=queries.device)
    if not lists.numel():
        lists = lists.to(torch.int64)
    if lists.is_floating_point() or lists.is_complex() or lists.dtype is torch.bool:
        raise TypeError(f"{name} must hold integers; received {_told(values)}.")
    leading = queries.shape[:-1]
    if lists.dim() < 1 or lists.shape[:-1] not in (leading, torch.Size()):
        raise ValueError(
            f"{name} must have the shape {(*leading, 'm')}, a list for each query, or (m,) for all; "
            f"received {tuple(lists.shape)}."
        )
    width = lists.shape[-1]
    if name == "allow" and width == 0:
        raise ValueError("allow must name something, -1 for nothing; received an empty list.")
    return lists.to(torch.int64).expand(*leading, width).reshape(count, width)


def _told(value: Any) -> str:
    return f"the dtype {value.dtype}" if isinstance(value, Tensor) else f"{type(value).__name__}"
