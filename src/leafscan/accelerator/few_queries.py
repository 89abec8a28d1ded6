"""Exact retrieval for a few queries: four small programs, none of which the host has to wait for.

A large batch asks the host whether some query is not certain, which costs a single query more than its
search. Here the second pair of programs always follows; where the first pair was certain they end at once.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from leafscan.accelerator.candidates import Candidates, Precision
from leafscan.accelerator.few_maxima import FewShape, few_maxima, offsets_fit
from leafscan.accelerator.few_selection import few_selection

__all__ = ["few_shape", "few_takes", "few_top_k"]

#: Fewer candidates than this are cut too coarsely, and of more a position may not fit.
_FEWEST_ROWS, _MOST_ROWS = 1 << 17, 1 << 30

#: k that the selection has room for, and k whose groups are few enough to be ranked all at once.
_MOST_K, _MOST_K_RANKED = 27, 11

#: Queries up to which this is the faster way: with a certificate, for which the other way has to wait for the
#: host twice, and without.
_MOST_QUERIES_EXACT, _MOST_QUERIES = 4, 2

#: Candidates up to which it is so with bfloat16 codes and no certificate: from there on reading is all.
_MOST_ROWS_BFLOAT16 = 1 << 20


def few_takes(candidates: Candidates, num_queries: int, k: int, recall_target: float) -> bool:
    """Whether this is the way to go: it can be gone, and it was measured to be the faster one.

    Parameters
    ----------
    candidates
        Made ready. With int8 codes a certificate would need many groups, so that one is not asked for here.
    num_queries, k, recall_target
        Of the call.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from leafscan.accelerator.candidates import prepare_candidates
    >>> ready = prepare_candidates(jnp.ones((200_000, 4)))
    >>> few_takes(ready, 1, 10, 1.0), few_takes(ready, 64, 10, 1.0)
    (True, False)
    """
    codes, num_rows = candidates.codes, candidates.shape[0]
    if codes is None or not _FEWEST_ROWS <= num_rows < _MOST_ROWS:
        return False
    if not (offsets_fit(codes.rows) and offsets_fit(candidates.rows)):
        return False
    if recall_target >= 1:
        return candidates.precision != "int8" and 0 < num_queries <= _MOST_QUERIES_EXACT and k <= _MOST_K
    fast = candidates.precision == "int8" or num_rows <= _MOST_ROWS_BFLOAT16
    return fast and 0 < num_queries <= _MOST_QUERIES and k <= _MOST_K_RANKED


def few_shape(num_rows: int, precision: Precision) -> FewShape:
    """Choose how candidates are cut.

    One program goes through all maxima of blocks, so that there should be few; the card wants many programs
    that read. Measured best at 250,000: some 500 blocks of bfloat16, some 2,000 of int8.

    Examples
    --------
    >>> few_shape(250_000, "bfloat16"), few_shape(250_000, "int8").block
    (FewShape(block=512, tile=128, warps=4), 128)
    >>> few_shape(1_000_000, "bfloat16").block, few_shape(1_000_000, "int8").block
    (1024, 512)
    """
    block, fewest = (128, 11) if precision == "int8" else (512, 10)
    while block < 1024 and num_rows > block << fewest:
        block *= 2
    while num_rows > block << 14:
        block *= 4
    return FewShape(block=block, tile=128, warps=4)


def few_top_k(
    queries: jax.Array,
    candidates: Candidates,
    mask: jax.Array | None,
    *,
    k: int,
    recall_target: float = 1.0,
    shape: FewShape | None = None,
    warps: int = 8,
    chunk: int = 64,
    interpret: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Find the best k candidates of each query; the answer is as of `reference_top_k`.

    Parameters
    ----------
    queries
        (q, d) float32, of length 1 for cosine.
    candidates
        With codes.
    mask
        (n,) bool, or None: all.
    k
        How many.
    recall_target
        At 1 each answer is certified or found anew in float32; below, neither.
    shape, warps, chunk
        How candidates are cut, and how `few_selection` is laid out.
    interpret
        Whether the kernels are interpreted, on any device.

    Returns
    -------
    tuple of jax.Array
        Scores and positions (q, k).

    Raises
    ------
    ValueError
        If the codes are so many that the kernels cannot tell their places.
    """
    codes = candidates.codes
    assert codes is not None
    rows, squared_l2 = candidates.rows, candidates.squared_l2
    shape = shape or few_shape(rows.shape[0], candidates.precision)
    allowed = None if mask is None else mask.astype(jnp.int8)
    maxima_of = functools.partial(
        few_maxima, queries, num_rows=rows.shape[0], shape=shape, mask=allowed, interpret=interpret
    )
    select = functools.partial(
        few_selection,
        queries,
        rows,
        allowed,
        shape=shape,
        k=k,
        squared_l2=squared_l2,
        warps=warps,
        chunk=chunk,
        interpret=interpret,
    )
    scale = codes.scale if candidates.precision == "int8" else None
    maxima = maxima_of(codes.rows, scale=scale, half_norms=candidates.half_norms)
    exact = recall_target >= 1
    found = select(maxima=maxima, error=codes.error, length=codes.length, exact=exact)
    if exact:
        maxima = maxima_of(rows, unless=found.certain, squared_l2=squared_l2)
        found = select(maxima=maxima, found=found)
    return found.scores, found.positions
