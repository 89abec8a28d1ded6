"""Where compiled programs find an index that may be replaced while they live."""

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Literal, NoReturn, Self, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan import _engine
from leafscan.index.arrays import read_array
from leafscan.index.config import SearchParams
from leafscan.index.index import Index
from leafscan.index.metric import Metric
from leafscan.index.places import Places
from leafscan.index.threads import check_threads

__all__ = ["OPERANDS", "IdKind", "Slot", "slot_of"]

IdKind: TypeAlias = Literal["integers", "strings"]

#: What makes an operand of a number, by framework: each slot has those of the frameworks that are imported
#: when it opens, so that tracing a program does not make them.
OPERANDS: dict[str, Callable[[int], Any]] = {}


class Slot:
    """A place that an index is served from, known by a number that is never used again.

    A traced or compiled program carries the number; `publish` puts another index behind it by one store,
    which the program sees at its next call, without being traced or compiled again. An index that is updated
    in place publishes each version to the slots that serve it. A search goes on with the version it began
    with. Once the slot is closed or collected, searches of its number raise.

    Parameters
    ----------
    index
        What to serve; None waits for `publish`.
    params
        How thoroughly to search; what is None in it, and None itself, means the index's own
        ``config.search``.
    threads
        How many a batch may use; by default ``LEAFSCAN_NUM_THREADS``, else all that this process may have. A
        single query uses one.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or ``params`` ask for what the index does not have.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> slot = leafscan.Slot(leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product"))
    >>> slot.dim, slot.metric, len(slot.index)
    (4, 'dot_product', 4)
    >>> slot.publish(leafscan.build(np.eye(5, 4, dtype=np.float32), metric="dot_product"))
    >>> len(slot.index)
    5
    >>> slot.publish(leafscan.build(np.eye(5, dtype=np.float32), metric="dot_product"))
    Traceback (most recent call last):
    ValueError: index must have 4 dimensions, as what this slot served before; received one of 5. ...
    """

    #: The dimensions of queries; 0 before the first index.
    dim: int
    #: Searches that find a larger id raise; for who has no room for it. It holds from the next `publish` on.
    largest_id: int
    #: What frameworks pass for the number, each by its own name.
    operands: dict[str, Any]

    def __init__(
        self,
        index: Index | None = None,
        *,
        params: SearchParams | None = None,
        threads: SupportsIndex | None = None,
    ) -> None:
        self._number = _engine.open_slot()
        self._close = weakref.finalize(self, _engine.close_slot, self._number)
        self._params = params
        self._threads = check_threads(threads)
        self._publishing = threading.RLock()
        self._index: Index | weakref.ref[Index] | None = None
        self._metric: Metric | None = None
        self._kind: IdKind = "integers"
        self.dim = 0
        self.largest_id = 2**63 - 1
        self.operands = {name: make(self._number) for name, make in OPERANDS.items()}
        if index is not None:
            self.publish(index)

    @classmethod
    def _lent(cls, index: Index) -> Self:
        """Serve an index without keeping it alive, for `slot_of`."""
        slot = cls(index)
        slot._index = weakref.ref(index)
        return slot

    @property
    def number(self) -> int:
        """The number, from 1 to 2**63 - 1; other processes have others."""
        return self._number

    @property
    def index(self) -> Index | None:
        """What is served, or None."""
        return self._index() if isinstance(self._index, weakref.ref) else self._index

    @property
    def metric(self) -> Metric:
        """The metric of every index that this slot may serve.

        Raises
        ------
        ValueError
            If it never served one.
        """
        if self._metric is None:
            raise ValueError("this slot serves no index yet; publish one first: slot.publish(index).")
        return self._metric

    @property
    def id_kind(self) -> IdKind:
        """What ids are: "integers", or "strings", which tensors cannot hold: search for positions then."""
        return self._kind

    def publish(self, index: Index) -> None:
        """Serve ``index`` from now on.

        Parameters
        ----------
        index
            Of the same metric, dimensions and kind of ids as what was served before, and of any size.

        Raises
        ------
        TypeError
            If it is no index.
        ValueError
            If it differs in what programs rely on, asks for what it does not have, or the slot is closed.
        """
        if not isinstance(index, Index):
            raise TypeError(f"index must be a leafscan.Index; received {type(index).__name__}.")
        with self._publishing:
            self._check(index)
            self._store(index)
            before = self.index
            if before is not None and before is not index:
                before._followers.discard(self)
            index._followers.add(self)
            self._index = index
            self._metric, self.dim, self._kind = index.metric, index.dim, _kind(index)

    def decode(self, positions: ArrayLike | Iterable[Any]) -> NDArray[Any]:
        """Turn positions, as a search with ``positions=True`` gives them, into ids.

        Parameters
        ----------
        positions
            Integers of any shape, on the CPU; -1 is none.

        Returns
        -------
        NDArray
            int64 or strings of the same shape: -1 or "" for none.

        Raises
        ------
        TypeError
            If they are not integers.
        ValueError
            If there is no index, or it has no such position.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="cosine", ids=["x", "y", "z"])
        >>> leafscan.Slot(index).decode([[2, 0], [1, -1]]).tolist()
        [['z', 'x'], ['y', '']]
        """
        array = read_array(positions, "positions")
        if array.dtype.kind not in "iu" and array.size:
            raise TypeError(f"positions must be integers; received the dtype {array.dtype}.")
        return self._places().decode(array.astype(np.int64))

    def encode(self, ids: ArrayLike | Iterable[Any]) -> NDArray[np.int64]:
        """Turn ids into positions: `decode` the other way round.

        Parameters
        ----------
        ids
            Integers or strings, as the index has them, of any shape.

        Returns
        -------
        NDArray[np.int64]
            Of the same shape; -1 for what the index does not have.

        Raises
        ------
        TypeError
            If they are of another kind than the index' ids.
        ValueError
            If there is no index.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="cosine", ids=["x", "y", "z"])
        >>> leafscan.Slot(index).encode([["z", "w"]]).tolist()
        [[2, -1]]
        """
        return self._places().encode(np.asarray(ids))

    def _places(self) -> Places:
        index = self.index
        if index is None:
            raise ValueError("this slot serves no index, so that it knows no ids.")
        return Places(index._living)

    def close(self) -> None:
        """Serve nothing any more; from now on searches raise."""
        index = self.index
        if index is not None:
            index._followers.discard(self)
        self._close()

    def _follow(self, index: Index) -> None:
        """Serve the version that ``index``, which is served here, has just published."""
        with self._publishing:
            if self.index is index and self._close.alive:
                self._store(index)

    def _check(self, index: Index) -> None:
        for name, mine, received in (
            ("dimensions", self.dim, index.dim),
            ("the metric", self._metric, index.metric),
            ("ids of", self._kind, _kind(index)),
        ):
            if self._metric is not None and mine != received:
                said = f"{mine} {name}" if name == "dimensions" else f"{name} {mine}"
                raise ValueError(
                    f"index must have {said}, as what this slot served before; received one of {received}. "
                    "Open another slot for it."
                )

    def _store(self, index: Index) -> None:
        living = index._living
        knobs = living.knobs if self._params is None else index._resolve(self._params, living)
        leaves, candidates, refined, upper, stop = knobs
        _engine.publish_slot(
            self._number,
            living.searcher,
            leaves=leaves,
            candidates=candidates,
            refined=refined,
            upper_leaves=upper,
            stop=stop,
            threads=self._threads,
            normalize=index._normalize,
            ids_are_positions=living.strings,
            largest_id=self.largest_id,
        )

    def __copy__(self) -> "Slot":
        """Open another slot that serves the same."""
        return Slot(self.index, params=self._params, threads=self._threads)

    def __deepcopy__(self, _: Any) -> "Slot":
        """Open another slot that serves the same; an index is not copied."""
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        """Refuse: the number means nothing to another process."""
        raise TypeError(
            "a Slot cannot be pickled, since its number belongs to this process; "
            "save the index (index.save) and open a slot for it where it is loaded."
        )

    def __repr__(self) -> str:
        """Tell what is served."""
        served = "closed" if not self._close.alive else "empty" if self.index is None else repr(self.index)
        return f"<leafscan.Slot {self._number}: {served}>"


def slot_of(index: Index | Slot) -> Slot:
    """Return a slot that serves ``index`` as long as that lives: always the same one, with its own defaults.

    Raises
    ------
    TypeError
        If it is neither an index nor a slot.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="cosine")
    >>> slot_of(index) is slot_of(index)
    True
    """
    if isinstance(index, Slot):
        return index
    if not isinstance(index, Index):
        raise TypeError(
            f"index must be a leafscan.Index or a leafscan.Slot; received {index!r:.80} "
            f"({type(index).__name__})."
        )
    lent: Slot | None = index._lent
    return _lend(index) if lent is None else lent


def _lend(index: Index) -> Slot:
    with _LENDING:
        lent: Slot | None = index._lent
        if lent is None:
            lent = index._lent = Slot._lent(index)
        return lent


_LENDING = threading.Lock()


def _kind(index: Index) -> IdKind:
    return "strings" if index._living.roster.strings else "integers"
