"""How candidates are grouped: what a kernel writes, and what the selection reads."""

from __future__ import annotations

from typing import NamedTuple

import jax

__all__ = ["FORBIDDEN", "GROUP", "NOTHING", "SUPER", "Ceiling", "Maxima", "Selected"]

#: Candidates of a group: the kernel keeps the best score of each.
GROUP = 32

#: Candidates of a super, the level above: rows are padded to a multiple of it.
SUPER = 2048

#: Of integer maxima: what forbids a row when it is added to its score, and what is above all forbidden rows.
FORBIDDEN = -(2**30)
NOTHING = -(2**29)


class Maxima(NamedTuple):
    """The best scores of groups and of supers, by query.

    Attributes
    ----------
    groups
        (n / GROUP, q) the best score of each group of consecutive candidates.
    supers
        (n / SUPER, q) the best score of each super.
    """

    groups: jax.Array
    supers: jax.Array


class Ceiling(NamedTuple):
    """What a maximum says: no score of its group is above ``scale * maximum + offset``.

    Attributes
    ----------
    scale, offset
        (q,) float32.
    """

    scale: jax.Array
    offset: jax.Array


class Selected(NamedTuple):
    """What a selection found.

    Attributes
    ----------
    scores
        (q, k) float32, descending: dot products, or minus squared distances.
    positions
        (q, k) int32, -1 where there are fewer than k.
    rest
        (q,) float32, what no row that was not rescored scores above; -inf where all were.
    """

    scores: jax.Array
    positions: jax.Array
    rest: jax.Array
