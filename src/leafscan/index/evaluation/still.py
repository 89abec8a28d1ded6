"""One version of an index, held still while it is evaluated."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import SearchParams
from leafscan.index.contents import Contents
from leafscan.index.ids import StringIds
from leafscan.index.knobs import Knobs, knobs_for, knobs_of
from leafscan.index.metric import engine_metric
from leafscan.index.readable import ReadableIndex
from leafscan.index.threads import default_threads

__all__ = ["Still", "still"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Still:
    """A version whose rows, leaves and ids stay as they are.

    Parameters
    ----------
    contents
        What it consists of; row r of its sections is row r here.
    index
        Searches it as users do.
    searcher
        Searches it as the engine does, which calls rows by `names`.
    names
        (n,) what the engine calls each row: its integer id, or the place at which it was given.
    normalize
        Whether the engine is to bring queries to length 1.
    """

    contents: Contents
    index: ReadableIndex
    searcher: _engine.Searcher
    names: NDArray[np.int64]
    normalize: bool
    _order: NDArray[np.int64] = field(repr=False)

    def rows_of(self, names: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows that have these names, which there are."""
        found: NDArray[np.int64] = self._order[np.searchsorted(self.names, names, sorter=self._order)]
        return found

    def id_of(self, name: int) -> int | str:
        """Return the id that a user knows."""
        ids = self.contents.ids
        return str(ids.take(np.array([name]))[0]) if isinstance(ids, StringIds) else int(name)

    def knobs(self, params: SearchParams) -> Knobs:
        """Return what the engine is to be asked for; what is None is the index' own default."""
        return knobs_for(params, knobs_of(self.contents.config.search))

    @property
    def ascending(self) -> bool:
        """Whether the lowest score is the best."""
        return self.contents.metric == "squared_l2"


def still(index: ReadableIndex) -> Still:
    """Hold the version that is current.

    Parameters
    ----------
    index
        Any index that has a row.

    Returns
    -------
    Still
        It shares the index' memory, unless there were updates.
    """
    living = index._living
    contents = living.folded(default_threads()) if living.roster.version else living.contents
    own = ReadableIndex(contents)
    searcher = own._living.searcher
    order, ids = contents.sections["order"], contents.ids
    names = ids if isinstance(ids, np.ndarray) else order.astype(np.int64)
    return Still(
        contents=contents,
        index=own,
        searcher=searcher,
        names=names,
        normalize=engine_metric(contents.metric)[1],
        _order=np.argsort(names, kind="stable"),
    )
