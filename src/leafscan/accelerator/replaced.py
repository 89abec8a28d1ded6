"""Other rows in the place of some: what an update of a few candidates costs on the device."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from leafscan.accelerator.candidates import Candidates, Codes, encode_as, unit

__all__ = ["replace_rows"]


def replace_rows(candidates: Candidates, positions: Any, rows: Any) -> Candidates:
    """Put other rows in the place of some, under jit if you like.

    Only the new rows travel to the device and are encoded; the others' codes stay as they are. Jitted with
    ``donate_argnums=0`` nothing else is touched, and the candidates given are gone; without, the device
    copies them, at the rate of its memory.

    Parameters
    ----------
    candidates
        As `prepare_candidates` made them.
    positions
        (m,) integers, each different; for those below 0, or n and above, nothing is put, so that updates of
        any size may be filled up to a few sizes that are compiled.
    rows
        (m, d) floating and finite.

    Returns
    -------
    Candidates
        Of the same shape, metric and precision. Certificates stay right: codes' errors are known. With int8
        the scale stays, too, so that much longer rows cost certainty and time: prepare them anew then.

    Examples
    --------
    >>> from leafscan.accelerator import exact_top_k, prepare_candidates
    >>> ready = prepare_candidates(jnp.zeros((5, 2)))
    >>> ready = replace_rows(ready, jnp.array([3, 5]), jnp.array([[1.0, 2.0], [9.0, 9.0]]))
    >>> print(exact_top_k(jnp.ones(2), ready, 1))
    TopK(scores=Array([3.], dtype=float32), positions=Array([3], dtype=int32))
    """
    positions, rows = jnp.asarray(positions), jnp.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != candidates.shape[1] or positions.shape != rows.shape[:1]:
        raise ValueError(
            f"rows must be of shape (m, {candidates.shape[1]}), with positions of shape (m,); received rows "
            f"of shape {rows.shape} and positions of shape {positions.shape}."
        )
    if candidates.metric == "cosine":
        rows = unit(rows)
    rows = rows.astype(candidates.rows.dtype)
    there = (positions >= 0) & (positions < candidates.shape[0])
    # Past the codes, too, which are padded.
    positions = jnp.where(there, positions, np.iinfo(np.int32).max)
    kept = candidates.rows.at[positions].set(rows, mode="drop")
    codes, half_norms = candidates.codes, candidates.half_norms
    if codes is not None:
        new = encode_as(rows, codes)
        codes = Codes(
            rows=codes.rows.at[positions].set(new.rows, mode="drop"),
            scale=codes.scale,
            error=jnp.maximum(codes.error, jnp.max(jnp.where(there, new.error, 0), initial=0)),
            length=jnp.maximum(codes.length, jnp.max(jnp.where(there, new.length, 0), initial=0)),
        )
    if half_norms is not None:
        halves = 0.5 * jnp.sum(jnp.square(rows.astype(jnp.float32)), axis=1)
        half_norms = half_norms.at[positions].set(halves, mode="drop")
    return Candidates(
        rows=kept,
        codes=codes,
        half_norms=half_norms,
        metric=candidates.metric,
        precision=candidates.precision,
    )
