"""A layer's candidates on an accelerator: variables that Keras hands to its compiled functions.

They are state and no weights: nothing saves them, and they follow the index, which stays the truth.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

import leafscan
from leafscan.accelerator.devices import is_hopper, platform_of
from leafscan.accelerator.layout import SUPER
from leafscan.index.living import Living
from leafscan.jax.operation import read_lists
from leafscan.keras.resident import Resident, put_there, search_there, update_there

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

    They follow where Keras collects a model's state or the layer is called, if the index has another version
    than they have; never while a program is being traced. From the second update on no more is read than was
    updated, as long as there is room for it.
    """

    def __init__(self) -> None:
        self._state: Any = None
        self._version: tuple[Any, int] | None = None
        # Of the rows there, from the first on: which vectors they are, or were; ascending.
        self._handles: NDArray[np.int64] = np.zeros(0, np.int64)
        self._used = 0
        self._lock = threading.Lock()

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
        with self._lock:
            updated = False
            if self._version is not None:
                seen, number = self._version
                updated = seen() is living
                if (updated and number == living.version) or self._lent() or _tracing():
                    return
                if updated and self._take_over(living, number, by_position=by_position, dtype=dtype):
                    return
            with living.agreeing():
                handles = living.roster.all_handles()
                names = handles if by_position else living.roster.ids()
                rows, searcher, number = living.roster.by_place(), living.searcher, living.version
            there = put_there(
                living.vectors(rows, searcher),
                _fitting(names, dtype),
                metric=index.metric,
                precision="bfloat16" if is_hopper(platform_of()) else "float32",
                room=self._room(len(names), updated=updated),
                growing=updated,
            )
            self._handles = np.zeros(there.ready.shape[0], np.int64)
            self._handles[: len(handles)] = handles
            self._used = len(handles)
            self._hold(there, living, number)

    def _take_over(self, living: Living, number: int, *, by_position: bool, dtype: str) -> bool:
        """Put what was updated since version ``number`` after the rest, if it is known and there is room."""
        there: Resident = jax.tree.map(lambda held: held.value, self._state, is_leaf=_is_held)
        if not there.names.shape[0] or not there.live.shape[0]:
            return False
        with living.agreeing():
            roster = living.roster
            gone, written = roster.removed_since(number), roster.written_since(number)
            searcher, number = living.searcher, living.version
        if gone is None or written is None or self._used + len(written) > len(self._handles):
            return False
        came = sorted(written.items(), key=lambda row: row[1][1])
        handles = np.array([handle for _, (_, handle) in came], np.int64)
        names = handles if by_position else np.array([name for _, (name, _) in came], np.int64)
        vectors = living.vectors(np.array([row for row, _ in came], np.uint32), searcher)
        # What came and went meanwhile is not there.
        held = self._handles[: self._used]
        at = np.minimum(np.searchsorted(held, gone), max(0, self._used - 1))
        after = update_there(there, at[held[at] == gone], self._used, vectors, _fitting(names, dtype))
        self._handles[self._used : self._used + len(came)] = handles
        self._used += len(came)
        self._hold(after, living, number)
        return True

    def _hold(self, there: Resident, living: Living, number: int) -> None:
        if self._state is None:
            self._state = jax.tree.map(_Held, there)
        else:
            jax.tree.map(_put, self._state, there, is_leaf=_is_held)
        self._version = weakref.ref(living), number

    def _room(self, count: int, *, updated: bool) -> int:
        """Tell how many rows to take: as before if they suffice, so that nothing is compiled again.

        Who was updated will be again, and each update takes up rows until all is read anew.
        """
        if self._state is None:
            return count
        room: int = self._state.ready.rows.shape[0]
        if count > room or (updated and room - count < count // 16):
            return -(-(count + count // 8) // SUPER) * SUPER
        return room

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


def _fitting(names: NDArray[np.int64], dtype: str) -> NDArray[Any]:
    largest = int(names.max(initial=0))
    if largest > np.iinfo(dtype).max:
        raise OverflowError(
            f"the id {largest} does not fit {dtype}, which is what compiled models return. Give the "
            "layer positions=True and decode what it returns, or make a new layer."
        )
    return names.astype(dtype)


def _is_held(value: Any) -> bool:
    return isinstance(value, _Held)


def _put(held: _Held, value: jax.Array) -> None:
    held.put(value)


def _tracing() -> bool:
    return isinstance(jnp.zeros(()), jax.core.Tracer)
