"""Selection by few bits, scores in float32, and a certificate that nothing was missed.

A code is off by a known distance, so a maximum over codes bounds every score of its group. Where the k-th
score found lies above that bound for all that was not rescored, the answer is exact; the few queries where it
does not are asked again in float32.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from leafscan.accelerator.blockwise import blockwise_top_k
from leafscan.accelerator.candidates import Candidates, Codes, encode
from leafscan.accelerator.gpu_selection import gpu_selection
from leafscan.accelerator.hopper_maxima import choose_shape, hopper_maxima
from leafscan.accelerator.layout import FORBIDDEN, GROUP, Ceiling, Maxima, Selected

__all__ = ["ceiling_of", "certified_top_k", "kernel_takes"]

#: k that the kernels take: the scores of some groups more are held in registers.
_MAX_K = 100

#: Queries that are asked again at once.
_AGAIN = 64

#: Below a recall of 1, roundings count as the random numbers that they are, at so many standard deviations.
_DEVIATIONS = 4.0


class _Found(NamedTuple):
    """Scores and positions (q, k), and which queries' are certain (q,)."""

    scores: jax.Array
    positions: jax.Array
    certain: jax.Array


FindMaxima = Callable[[jax.Array, jax.Array, jax.Array | None], Maxima]


def kernel_takes(candidates: Candidates, num_queries: int, k: int) -> bool:
    """Whether the kernels can serve: there are codes, and a block's rows fit its shared memory.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from leafscan.accelerator.candidates import prepare_candidates
    >>> kernel_takes(prepare_candidates(jnp.ones((10_000, 128))), 1, 10)
    True
    >>> kernel_takes(prepare_candidates(jnp.ones((10_000, 128)), precision="float32"), 1, 10)
    False
    """
    codes = candidates.codes
    if codes is None or k > _MAX_K or num_queries == 0 or candidates.shape[0] < 2 * k * GROUP:
        return False
    return choose_shape(num_queries, codes.rows.shape[1], codes.rows.dtype.itemsize) is not None


def certified_top_k(
    queries: jax.Array,
    candidates: Candidates,
    mask: jax.Array | None,
    *,
    k: int,
    recall_target: float = 1.0,
    find_maxima: FindMaxima = hopper_maxima,
    interpret: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Find the best k candidates of each query by the kernels; the answer is as of `reference_top_k`.

    Parameters
    ----------
    queries
        (q, d) float32, of length 1 for cosine.
    candidates
        With codes.
    mask
        (n,) bool, or None: all.
    k
        At most 100.
    recall_target
        At 1 each answer is certified or found anew in float32. Below, a rounding counts with 4 standard
        deviations rather than with all that it could be, and nothing is asked again.
    find_maxima, interpret
        What finds the maxima, and whether the selection is interpreted: for tests without a GPU.

    Returns
    -------
    tuple of jax.Array
        Scores and positions (q, k).
    """
    codes = candidates.codes
    assert codes is not None
    exact = recall_target >= 1
    integer = candidates.precision == "int8"
    shared = integer and candidates.squared_l2
    # A bias is the same for all queries, so with one they must share their scale.
    coded = encode(queries, candidates.precision, apart=not shared, least=codes.scale if shared else None)
    maxima = find_maxima(coded.rows, codes.rows, _bias(candidates, mask, coded))
    ceiling = ceiling_of(queries, candidates, coded, exact=exact)
    select = functools.partial(gpu_selection, k=k, squared_l2=candidates.squared_l2, interpret=interpret)
    spare = 4 * k + 16 if integer else 2 * k + 12
    supers = spare if integer and exact else k + 10
    found = select(queries, candidates.rows, mask, maxima, ceiling, groups=spare, supers=supers)
    if not exact:
        return found.scores, found.positions

    def with_more_groups(which: jax.Array) -> _Found:
        some = select(
            queries[which],
            candidates.rows,
            mask,
            Maxima(*(part[:, which] for part in maxima)),
            Ceiling(*(part[which] for part in ceiling)),
            groups=4 * spare,
            supers=4 * spare,
        )
        return _certified(some)

    def in_float32(which: jax.Array) -> _Found:
        scores, positions = blockwise_top_k(
            queries[which], candidates.rows, mask, k=k, squared_l2=candidates.squared_l2
        )
        return _Found(scores, positions, jnp.ones(which.shape, jnp.bool_))

    answer = _ask_again(_ask_again(_certified(found), with_more_groups), in_float32)
    return answer.scores, answer.positions


def _certified(selected: Selected) -> _Found:
    certain = (selected.rest < selected.scores[:, -1]) | (selected.rest == -jnp.inf)
    return _Found(selected.scores, selected.positions, certain)


def ceiling_of(queries: jax.Array, candidates: Candidates, coded: Codes, *, exact: bool) -> Ceiling:
    """Tell what a maximum over codes says of the scores in float32.

    Parameters
    ----------
    queries
        (q, d) float32.
    candidates
        With codes.
    coded
        The queries' own codes.
    exact
        Whether it must hold, or hold but for roundings that all fall one way.

    Returns
    -------
    Ceiling
        Of each query.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from leafscan.accelerator.candidates import encode, prepare_candidates
    >>> ready = prepare_candidates(jnp.full((4, 2), 1.001))
    >>> queries = jnp.ones((1, 2))
    >>> limits = ceiling_of(queries, ready, encode(queries, "bfloat16", apart=True), exact=True)
    >>> bool(2.002 < limits.scale[0] * 2.0 + limits.offset[0] < 2.003)
    True
    """
    codes = candidates.codes
    assert codes is not None
    dim = queries.shape[1]
    length = coded.length + coded.error
    off = coded.error * codes.length + length * codes.error
    if not exact:
        off = off * min(1.0, _DEVIATIONS / math.sqrt(dim))
    # Sums of so many products in float32, by the kernel and by the rescoring.
    largest = codes.length + codes.error
    rounding = dim * 2.0**-22
    off = off + rounding * length * largest
    scale = jnp.broadcast_to(coded.scale * codes.scale, off.shape)
    if candidates.precision == "int8" and candidates.squared_l2:
        off = off + scale
    if not candidates.squared_l2:
        return Ceiling(scale=scale, offset=off)
    squared = jnp.sum(jnp.square(queries), axis=1)
    return Ceiling(scale=2 * scale, offset=2 * off - squared + rounding * (squared + jnp.square(largest)))


def _bias(candidates: Candidates, mask: jax.Array | None, coded: Codes) -> jax.Array | None:
    """Make what is added to the dot products of codes: (padded n,), or None where nothing is."""
    codes, half_norms = candidates.codes, candidates.half_norms
    assert codes is not None
    if half_norms is None and mask is None:
        return None
    integer = candidates.precision == "int8"
    num_rows = candidates.shape[0]
    if half_norms is None:
        bias = jnp.zeros((num_rows,), jnp.int32 if integer else jnp.float32)
    elif integer:
        bias = -jnp.round(half_norms / (coded.scale * codes.scale)).astype(jnp.int32)
    else:
        bias = -half_norms
    worst = FORBIDDEN if integer else -jnp.inf
    if mask is not None:
        bias = jnp.where(mask, bias, worst)
    past = codes.rows.shape[0] - num_rows
    return jnp.pad(bias, (0, past), constant_values=worst)


def _ask_again(found: _Found, again: Callable[[jax.Array], _Found]) -> _Found:
    """Put the answers of ``again``, for query numbers (b,), in the place of those that are not certain."""
    num_queries = found.certain.shape[0]
    size = min(_AGAIN, num_queries)

    def all_uncertain(found: _Found) -> _Found:
        count = jnp.sum(~found.certain)
        order = jnp.argsort(found.certain, stable=True)

        def step(state: tuple[jax.Array, _Found]) -> tuple[jax.Array, _Found]:
            done, found = state
            # The last step may reach back to queries that were asked again already: the answer is the same.
            which = lax.dynamic_slice_in_dim(order, jnp.minimum(done, num_queries - size), size)
            new = again(which)
            # Past the uncertain ones, answers that are certain stay as they are.
            keep = found.certain[which]
            merged = (
                part.at[which].set(
                    jnp.where(keep if part.ndim == 1 else keep[:, None], part[which], part_new)
                )
                for part, part_new in zip(found, new, strict=True)
            )
            return done + size, _Found(*merged)

        state = (jnp.zeros((), count.dtype), found)
        _, found = lax.while_loop(lambda state: state[0] < count, step, state)
        return found

    answer: _Found = lax.cond(jnp.all(found.certain), lambda found: found, all_uncertain, found)
    return answer
