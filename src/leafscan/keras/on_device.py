"""A layer's candidates on an accelerator: variables that Keras hands to its compiled functions.

They are state and no weights: nothing saves them, and they follow the index, which stays the truth.
"""

from __future__ import annotations

import weakref
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

import leafscan
from leafscan.accelerator.devices import is_hopper, platform_of
from leafscan.accelerator.layout import SUPER
from leafscan.jax.operation import read_lists
from leafscan.keras.resident import Resident, put_there, search_there

__all__ = ["OnDevice", "is_there"]

#: What of a device's memory candidates may take: an update holds the old ones beside the new.
_SHARE = 0.35


def is_there(index: leafscan.Index) -> bool:
    """Tell whether JAX's default device is an accelerator with room for an index' rows, on this one alone.

    Under `keras.distribution` the answer is no: the kernels are for one device.
    """
    platform = platform_of()
    if platform.name == "cpu" or keras.distribution.distribution() is not None:
        return False
    stats = jax.local_devices()[0].memory_stats() or {}
    each = index.dim * (4 + (2 if is_hopper(platform) else 0))
    return bool(len(index) * each <= _SHARE * stats.get("bytes_limit", np.inf))


class OnDevice:
    """The candidates of a layer on JAX's default device, which follow its index.

    They are read anew where Keras collects a model's state or the layer is called, if the index has another
    version than they have; never while a program is being traced.
    """

    def __init__(self) -> None:
        self._state: Any = None
        self._version: tuple[Any, int] | None = None

    def variables(self, index: leafscan.Index, *, by_position: bool, dtype: str) -> list[keras.Variable]:
        """Return the variables, which have what the index has.

        Parameters
        ----------
        index
            What the layer serves.
        by_position
            Whether positions are returned in place of ids.
        dtype
            Of what is returned: "int32" or "int64".

        Raises
        ------
        OverflowError
            If an id does not fit the dtype.
        """
        self._follow(index, by_position=by_position, dtype=dtype)
        return list(jax.tree.leaves(self._state, is_leaf=_is_held))

    def search(self, queries: Any, k: int, *, deny: Any, allow: Any) -> tuple[Any, Any]:
        """Search; parameters as of `leafscan.jax.search`, and the answer is scores and ids."""
        there: Resident = jax.tree.map(lambda held: held.value, self._state, is_leaf=_is_held)
        points = jnp.asarray(queries)
        dim = there.ready.shape[1]
        if points.ndim < 1 or points.shape[-1] != dim:
            raise ValueError(
                f"queries must have the shape ({dim},) or (..., {dim}), since the index has {dim} "
                f"dimensions; received {points.shape}."
            )
        leading = points.shape[:-1]
        lists = (
            None if each is None else read_lists(each, name, leading)
            for each, name in ((deny, "deny"), (allow, "allow"))
        )
        scores, names = search_there(there, points, *lists, k=k)
        return scores, names

    def __deepcopy__(self, _: Any) -> OnDevice:
        """Make another, which reads its layer's index for itself."""
        return OnDevice()

    def _follow(self, index: leafscan.Index, *, by_position: bool, dtype: str) -> None:
        living = index._living
        if self._version is not None:
            seen, number = self._version
            same = seen() is living and number == living.version
            if same or self._lent() or _tracing():
                return
        with living.agreeing():
            names = living.roster.all_handles() if by_position else living.roster.ids()
            rows, searcher, number = living.roster.by_place(), living.searcher, living.version
        largest = int(names.max(initial=0))
        if largest > np.iinfo(dtype).max:
            raise OverflowError(
                f"the id {largest} does not fit {dtype}, which is what compiled models return. Give the "
                "layer positions=True and decode what it returns, or make a new layer."
            )
        there = put_there(
            living.vectors(rows, searcher),
            names.astype(dtype),
            metric=index.metric,
            precision="bfloat16" if is_hopper(platform_of()) else "float32",
            room=self._room(len(names)),
        )
        if self._state is None:
            self._state = jax.tree.map(_Held, there)
        else:
            jax.tree.map(_put, self._state, there, is_leaf=_is_held)
        self._version = weakref.ref(living), number

    def _room(self, count: int) -> int:
        """Tell how many rows to take: as before if they suffice, so that nothing is compiled again."""
        if self._state is None:
            return count
        room: int = self._state.ready.rows.shape[0]
        # Who grew once will grow again.
        return room if count <= room else -(-(count + count // 8) // SUPER) * SUPER

    def _lent(self) -> bool:
        """Tell whether Keras has taken the values out, to put them back when its function has run."""
        return any(held.is_lent() for held in jax.tree.leaves(self._state, is_leaf=_is_held))


class _Held(keras.Variable):  # type: ignore[misc]
    """A variable whose shape may change, and which programs give back as they got it."""

    def __init__(self, value: jax.Array) -> None:
        super().__init__(value, dtype=str(value.dtype), trainable=False, autocast=False)

    def assign(self, value: Any) -> Any:
        """Take back what Keras took out; what an update has put there meanwhile stays."""
        return super().assign(value) if self.is_lent() else self._value

    def is_lent(self) -> bool:
        """Tell whether there is nothing here, or what a program was given for its own."""
        return self._value is None or self._value.is_deleted()

    def put(self, value: jax.Array) -> None:
        """Hold another array, of any shape."""
        self._shape, self._ndim = value.shape, value.ndim
        self._direct_assign(value)


def _is_held(value: Any) -> bool:
    return isinstance(value, _Held)


def _put(held: _Held, value: jax.Array) -> None:
    held.put(value)


def _tracing() -> bool:
    return isinstance(jnp.zeros(()), jax.core.Tracer)
