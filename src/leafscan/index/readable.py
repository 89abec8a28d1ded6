"""What can be asked of an index."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.explanation import Explanation, explain
from leafscan.index.searchable import SearchableIndex
from leafscan.index.summary import summary

__all__ = ["ReadableIndex"]


class ReadableIndex(SearchableIndex):
    """All that an `Index` can be asked; `Index` itself adds what changes it."""

    __slots__ = ()

    def explain(self) -> Explanation:
        """Explain what this index is, why its plan is as it is, and what a search of it costs.

        The reasons were noted when the plan was made. What a search costs is measured: some 64 vectors of the
        index are searched for, one by one, for a quarter of a second at most.

        Returns
        -------
        Explanation
            ``print`` tells it in some twenty lines; its attributes and ``to_dict`` have it piece by piece.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> vectors = np.random.default_rng(0).standard_normal((1_000, 32)).astype(np.float32)
        >>> print(leafscan.build(vectors, metric="cosine").explain())  # doctest: +ELLIPSIS
        1,000 x 32, cosine, exact, 132 kB
        chosen by leafscan:
          score = brute_force: 1,000 rows are below 20,000: exact search is as quick as anyone would notice.
        given by the caller: score.dtype = float32
        132 kB: rows 128 kB, order 4 kB, leaves 16 bytes
        a search for one query takes ... us on one thread (k = 10, the mean over 63 of its own vectors)
          score ... us  1,000 rows, 128 kB
        """
        return explain(self._living, self.nbytes)

    def tags(self, ids: ArrayLike | Iterable[Any]) -> dict[str, list[Any]]:
        """Return what is known of rows.

        Parameters
        ----------
        ids
            (m,) ids in any order, or a mask (n,) in the order of `ids`.

        Returns
        -------
        dict of str to list
            For each tag of the index (m,) values as they were given, None where there is none.

        Raises
        ------
        TypeError, ValueError
            If the ids are of another kind than the index', or it has no such id.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> genres = ["Comedy", ["Crime", "Drama"], None]
        >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="cosine", tags={"genre": genres})
        >>> index.tags([1, 2])
        {'genre': [['Crime', 'Drama'], None]}
        >>> index.search([3.0, 2.0, 1.0], filter=index.filter(where={"genre": "Drama"}), k=1).ids.tolist()
        [1]
        """
        living = self._living
        with living.agreeing():
            handles = living.roster.handles(ids, "ids")
            return {} if living.tags is None else living.tags.get(handles)

    def vectors(self, ids: ArrayLike | Iterable[Any]) -> NDArray[np.float32]:
        """Return vectors as the index keeps them.

        Parameters
        ----------
        ids
            (m,) ids in any order, or a mask (n,) in the order of `ids`.

        Returns
        -------
        NDArray[np.float32]
            (m, d): to what ``config.row_dtype`` tells apart ("bfloat16", "int8"), and with cosine scaled to
            length 1.

        Raises
        ------
        TypeError, ValueError
            If the ids are of another kind than the index', it has no such id, or its plan keeps no rows.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="dot_product", ids=["x", "y", "z"])
        >>> index.vectors(["z", "x"]).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
        """
        if self.config.row_dtype is None:
            raise ValueError(
                "the plan of this index keeps no rows: build it with reorder=Reorder() to have vectors."
            )
        living = self._living
        with living.agreeing():
            rows, searcher = living.roster.rows(ids, "ids"), living.searcher
        return living.vectors(rows, searcher)

    def __len__(self) -> int:
        """Return the number of vectors."""
        return self._living.searcher.count

    def __contains__(self, one: object) -> bool:
        """Return whether the index has this id."""
        living = self._living
        if isinstance(one, bool) or not isinstance(one, str if living.roster.strings else (int, np.integer)):
            return False
        if not isinstance(one, str) and not 0 <= int(one) < 2**63:
            return False
        with living.lock:
            return bool(living.roster.has(one))

    def __iter__(self) -> Iterator[Any]:
        """Go through the ids, in their order."""
        return iter(self.ids.tolist())

    @property
    def seed(self) -> int:
        """The seed that the index was built with."""
        return self._living.contents.seed

    @property
    def nbytes(self) -> int:
        """The bytes of everything the index holds, mapped or in memory."""
        living = self._living
        ids, tags = living.contents.ids, living.tags
        return (
            sum(section.nbytes for section in living.contents.sections.values())
            + (0 if ids is None else ids.nbytes)
            + (0 if tags is None else tags.nbytes)
            + living.searcher.fresh_nbytes
        )

    @property
    def ids(self) -> NDArray[Any]:
        """The ids, int64 or strings, (n,), in the order in which the vectors were given."""
        living = self._living
        with living.lock:
            return living.roster.ids()

    def __repr__(self) -> str:
        """Tell size, metric and plan in one line."""
        return f"<leafscan.Index: {summary(len(self), self.dim, self.metric, self.config, self.nbytes)}>"
