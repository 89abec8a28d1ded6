"""Candidates made ready for a metric and a precision: once, for many calls."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jax import lax

from leafscan.accelerator.layout import SUPER
from leafscan.index.metric import Metric, check_metric

__all__ = [
    "PRECISIONS",
    "Candidates",
    "Codes",
    "Precision",
    "check_precision",
    "encode",
    "encode_as",
    "prepare_candidates",
    "unit",
]

Precision: TypeAlias = Literal["float32", "bfloat16", "int8"]

PRECISIONS: tuple[str, ...] = get_args(Precision)

#: Rows are padded to a multiple of so many dimensions: what a tensor core takes at once.
_DIMENSIONS = 32


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["rows", "scale", "error", "length"], meta_fields=[]
)
@dataclasses.dataclass(frozen=True)
class Codes:
    """Rows of fewer bits, and how far they may be from the rows.

    Attributes
    ----------
    rows
        (m, e) bfloat16 or int8; for candidates, padded to whole supers.
    scale
        A row is about ``scale`` times its code: float32, () or (m,).
    error
        How far each row is from its code, (m,) float32; for candidates the largest, ().
    length
        How long each row is as its code gives it, (m,) float32; for candidates the largest, ().
    """

    rows: jax.Array
    scale: jax.Array
    error: jax.Array
    length: jax.Array


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["rows", "codes", "half_norms"],
    meta_fields=["metric", "precision"],
)
@dataclasses.dataclass(frozen=True)
class Candidates:
    """Candidates for `exact_top_k`, as `prepare_candidates` makes them: a pytree, which passes through jit.

    Attributes
    ----------
    rows
        (n, d) what the scores are of: the vectors, or for cosine those scaled to length 1.
    codes
        What a kernel selects by, or None with precision "float32".
    half_norms
        (n,) float32 with squared_l2 and codes: half the squared length of each row.
    metric, precision
        As given.
    """

    rows: jax.Array
    codes: Codes | None
    half_norms: jax.Array | None
    metric: Metric
    precision: Precision

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        return self.rows.shape

    @property
    def squared_l2(self) -> bool:
        """Whether rows are scored by their squared distance."""
        return self.metric == "squared_l2"


def prepare_candidates(
    candidates: Any, *, metric: Metric = "dot_product", precision: Precision = "bfloat16"
) -> Candidates:
    """Make candidates ready for many calls of `exact_top_k`.

    It takes one pass over the candidates, less than a millisecond a gigabyte on a GPU, and works under jit:
    after an update, call it again. `exact_top_k` does the same by itself for an array, at every call.

    Parameters
    ----------
    candidates
        (n, d) float32, float16 or bfloat16; finite.
    metric
        "dot_product", "cosine" or "squared_l2".
    precision
        What a kernel selects by: "bfloat16", or "int8" for half the time and half the memory, or "float32"
        for no kernel.

    Returns
    -------
    Candidates
        The rows, and codes of ``precision``: 2 bytes a number for bfloat16, 1 for int8.

    Raises
    ------
    ValueError
        If the shape, the metric or the precision is not one of these.
    TypeError
        If the candidates are not floating numbers.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> ready = prepare_candidates(jnp.array([[3.0, 4.0], [0.0, 0.0]]), metric="cosine")
    >>> print(ready.rows, ready.codes.rows.shape)
    [[0.6 0.8]
     [0.  0. ]] (2048, 32)
    """
    metric, precision = check_metric(metric), check_precision(precision)
    rows = jnp.asarray(candidates)
    if rows.ndim != 2:
        raise ValueError(f"candidates must be of shape (n, d); received shape {rows.shape}.")
    if not jnp.issubdtype(rows.dtype, jnp.floating):
        raise TypeError(
            f"candidates must be floating numbers; received {rows.dtype}: convert them to float32."
        )
    if rows.dtype == jnp.float64:
        rows = rows.astype(jnp.float32)
    if metric == "cosine":
        rows = unit(rows)
    if precision == "float32":
        return Candidates(rows=rows, codes=None, half_norms=None, metric=metric, precision=precision)
    codes = encode(rows, precision, apart=False)
    codes = Codes(
        rows=jnp.pad(codes.rows, ((0, -rows.shape[0] % SUPER), (0, 0))),
        scale=codes.scale,
        error=jnp.max(codes.error),
        length=jnp.max(codes.length),
    )
    half_norms = None
    if metric == "squared_l2":
        half_norms = 0.5 * jnp.sum(jnp.square(rows.astype(jnp.float32)), axis=1)
    return Candidates(rows=rows, codes=codes, half_norms=half_norms, metric=metric, precision=precision)


def check_precision(precision: str) -> Precision:
    """Return ``precision`` if it is one of ours, or raise ValueError.

    Examples
    --------
    >>> check_precision("float64")
    Traceback (most recent call last):
    ValueError: precision must be "float32", "bfloat16" or "int8"; received 'float64'.
    """
    for known in get_args(Precision):
        if precision == known:
            return known  # type: ignore[no-any-return]
    raise ValueError(f'precision must be "float32", "bfloat16" or "int8"; received {precision!r:.80}.')


def unit(rows: jax.Array) -> jax.Array:
    """Scale rows (m, d) to length 1, in float32; zero rows stay.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(unit(jnp.array([[0.0, 2.0], [0.0, 0.0]])))
    [[0. 1.]
     [0. 0.]]
    """
    rows = rows.astype(jnp.float32)
    # By the largest entry first: a square neither overflows nor vanishes.
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    rows = rows / jnp.where(largest > 0, largest, 1)
    squared = jnp.sum(jnp.square(rows), axis=1, keepdims=True)
    return rows / jnp.sqrt(jnp.where(squared > 0, squared, 1))


def encode(rows: jax.Array, precision: Precision, *, apart: bool, least: jax.Array | None = None) -> Codes:
    """Round rows to a precision.

    Parameters
    ----------
    rows
        (m, d) floating.
    precision
        "bfloat16" or "int8".
    apart
        Whether each row has its own scale, or all have one.
    least
        What no scale is below.

    Returns
    -------
    Codes
        Of the rows, padded to a multiple of 32 dimensions.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> codes = encode(jnp.array([[1.0, 0.5], [2.0, 0.0]]), "int8", apart=True)
    >>> print(codes.rows[:, :2], codes.scale[1] * 127)
    [[127  64]
     [127   0]] 2.0
    """
    rows = rows.astype(jnp.float32)
    if precision == "int8":
        largest = jnp.max(jnp.abs(rows), axis=1) if apart else jnp.max(jnp.abs(rows))
        scale = jnp.where(largest > 0, largest, 1) / 127
        if least is not None:
            scale = jnp.maximum(scale, least)
    else:
        scale = jnp.ones(rows.shape[:1] if apart else (), jnp.float32)
    return _rounded(rows, precision, scale)


def encode_as(rows: jax.Array, codes: Codes) -> Codes:
    """Round rows (m, d) as others were rounded: with their scale, beyond which an integer stays at its end.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> others = encode(jnp.ones((3, 1)), "int8", apart=False)
    >>> codes = encode_as(jnp.array([[0.5], [2.0]]), others)
    >>> print(codes.rows[:, 0], codes.error.round(2))
    [ 64 127] [0. 1.]
    """
    precision: Precision = "int8" if codes.rows.dtype == jnp.int8 else "bfloat16"
    return _rounded(rows.astype(jnp.float32), precision, codes.scale)


def _rounded(rows: jax.Array, precision: Precision, scale: jax.Array) -> Codes:
    if precision == "int8":
        factor = scale[:, None] if scale.ndim else scale
        codes = jnp.clip(jnp.round(rows / factor), -127, 127).astype(jnp.int8)
        back = codes.astype(jnp.float32) * factor
    else:
        # There and back by casts, XLA would leave the rounding out, and the error with it.
        back = lax.reduce_precision(rows, exponent_bits=8, mantissa_bits=7)
        codes = back.astype(jnp.bfloat16)
    return Codes(
        rows=jnp.pad(codes, ((0, 0), (0, -rows.shape[1] % _DIMENSIONS))),
        scale=scale,
        error=_norms(rows - back),
        length=_norms(back),
    )


def _norms(rows: jax.Array) -> jax.Array:
    # A little more than rounding can take off a sum of so many squares.
    return jnp.sqrt(jnp.sum(jnp.square(rows), axis=1)) * (1 + 1e-4)
