"""The index: search it, change it, look at it, save it, load it."""

import os
from collections.abc import Callable, Iterable, Mapping
from io import UnsupportedOperation
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index import files, pickling
from leafscan.index.arrays import as_vectors
from leafscan.index.config import Config
from leafscan.index.contents import Contents
from leafscan.index.forks import fork_free
from leafscan.index.health import Health, examine
from leafscan.index.ids import StringIds, as_ids
from leafscan.index.living import Living
from leafscan.index.progress import Progress
from leafscan.index.rebalance import rebuilt
from leafscan.index.searchable import SearchResult
from leafscan.index.threads import check_threads, default_threads
from leafscan.index.tunable import TunableIndex
from leafscan.index.uninterrupted import uninterrupted
from leafscan.index.update import Update

__all__ = ["Index", "SearchResult", "load"]


class Index(TunableIndex):
    """Vectors that can be searched, as `leafscan.build` or `leafscan.load` gives them, and updated.

    Any number of threads may search one index, beside one that updates it (updates of several threads wait
    for one another): every search is of one version from beginning to end, and what an update did is there
    when it returns, as a whole.

    Examples
    --------
    >>> import leafscan, numpy as np
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="squared_l2")
    >>> index
    <leafscan.Index: 4 x 4, squared_l2, exact, 96 bytes>
    >>> len(index), index.dim, index.metric
    (4, 4, 'squared_l2')
    >>> index.upsert([7], [[0.0, 0.0, 0.0, 2.0]])
    >>> index.delete([0, 1])
    >>> index.ids.tolist(), index.search([0.0, 0.0, 0.0, 3.0], k=2).ids.tolist()
    ([2, 3, 7], [7, 3])
    """

    __slots__ = ("_mapped", "_rebuilding", "_waiting")

    def __init__(self, contents: Contents, *, mapped: str | None = None) -> None:
        super().__init__(contents)
        # The file that it is a view of, and not to be changed apart from.
        self._mapped = mapped
        self._rebuilding = fork_free()
        # What was updated since a rebuild began.
        self._waiting: list[Update] | None = None

    def upsert(
        self,
        ids: ArrayLike | Iterable[str],
        vectors: ArrayLike,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Add vectors, or replace those of ids that are there: all of them or, if it raises, none.

        It costs what the touched leaves hold, not what the index holds. New vectors go into the leaves and
        codes that the index has; `health` says when they have drifted away from these, and `rebalance` learns
        anew.

        Parameters
        ----------
        ids
            (m,), each different: integers that are not negative, or strings that are not empty, as those of
            the index are.
        vectors
            (m, d) real numbers, in the range of those of `leafscan.build`.
        tags
            By name, (m,) values, as `leafscan.build` takes them. An id that is there keeps the tags of which
            nothing is said.

        Raises
        ------
        TypeError
            If an argument is of the wrong kind, or the ids are of another kind than the index'.
        ValueError
            If a shape or a value is wrong, for example a vector that holds NaN, which is named.
        OSError
            If the index is a file that was mapped (`leafscan.load`): open a catalogue (`leafscan.open`), or
            load with ``memory=True``.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="dot_product", ids=["x", "y", "z"])
        >>> index.upsert(["z", "w"], [[0, 0, 5], [1, 1, 1]])
        >>> len(index), index.search([0.0, 0.0, 1.0], k=2)
        (4, SearchResult(ids=array(['z', 'w'], dtype='<U1'), scores=array([5., 1.], dtype=float32)))
        """
        self._check_changeable()
        rows = self._rows(vectors)
        names = self._names(ids, len(rows))
        if len(rows):
            self._apply(Update(ids=names, vectors=rows, tags=tags))

    def delete(self, ids: ArrayLike | Iterable[str]) -> None:
        """Take vectors out: all of them or, if it raises, none.

        Parameters
        ----------
        ids
            (m,) ids of the index, each different.

        Raises
        ------
        TypeError
            If they are of another kind than the index' ids.
        ValueError
            If the index does not have one of them, which is named, or one is there twice.
        OSError
            As `upsert`.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(3, dtype=np.float32), metric="dot_product")
        >>> index.delete([1])
        >>> index.delete([0, 1])
        Traceback (most recent call last):
        ValueError: ids holds the id 1, which this index does not have.
        >>> index.ids.tolist()
        [0, 2]
        """
        self._check_changeable()
        names = self._names(ids, None)
        with self._writing:
            living = self._living
            with living.lock:
                living.roster.rows(names, "ids")
            if len(names):
                self._apply(Update(ids=names, vectors=None))

    def health(self) -> Health:
        """Examine how far updates have led away from what the index has learned.

        It searches some of the vectors of the index, exactly and not, and compares: seconds for a million.

        Returns
        -------
        Health
            What was found, and in ``reasons`` why `rebalance` would help, if it would.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> rng = np.random.default_rng(0)
        >>> plan = leafscan.Config(
        ...     tree=leafscan.Tree(num_leaves=20), score=leafscan.AsymmetricHash(), reorder=leafscan.Reorder()
        ... )
        >>> vectors = rng.normal(size=(1_000, 8)).astype(np.float32)
        >>> index = leafscan.build(vectors, metric="cosine", config=plan)
        >>> index.health().reasons
        ()
        >>> index.delete(np.arange(900))
        >>> index.health().reasons
        ('90 % of what was built is deleted or replaced',)
        """
        return examine(self._living)

    def rebalance(
        self,
        *,
        config: Config | None = None,
        threads: SupportsIndex | None = None,
        progress: Progress | bool | None = None,
    ) -> None:
        """Learn leaves and codes anew from the vectors that are there, as they are kept.

        It takes what building takes. Searches go on meanwhile in what there is, and so do updates, which are
        made again in the new index before it takes the old one's place at once.

        Parameters
        ----------
        config
            Another plan; None keeps the present one, with as many more or fewer leaves as there are vectors,
            where there are twice or half as many as it was built
            or loaded with.
        threads, progress
            As `leafscan.build` takes them.

        Raises
        ------
        ValueError
            If nothing is there, the plan keeps no rows, or ``config`` does not suit the vectors.
        RuntimeError
            If another thread is at it.
        OSError
            As `upsert`.

        Examples
        --------
        >>> import leafscan, numpy as np
        >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
        >>> index.delete([0, 2])
        >>> index.rebalance()
        >>> index.ids.tolist(), index.health().tombstones
        ([1, 3], 0.0)
        """
        self._check_changeable()
        if not isinstance(config, (Config, type(None))):
            kind = type(config).__name__
            raise TypeError(f"config must be a Config or None; received {config!r:.80} ({kind}).")
        threads = check_threads(threads)
        if not self._rebuilding.acquire():
            raise RuntimeError("another thread is rebalancing this index; wait for it.")
        try:
            with self._writing:
                before = self._living.folded(threads)
                built = len(self._living.contents.sections["order"])
                self._waiting = []
            made = rebuilt(before, built=built, config=config, threads=threads, progress=progress)
            living = Living(made)
            with self._writing:
                for update in self._waiting:
                    _advance(living, update)
                self._live(living)
                self._tell()
        finally:
            self._waiting = None
            self._rebuilding.release()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to one file, all or nothing.

        What was updated is written as if it had been built so: rows and codes as they are, deleted ones left
        out.

        The file is written beside ``path`` under another name, brought to the disk, and put in place of what
        was there. An index that was loaded from ``path`` goes on with the old file's bytes; where the system
        does not allow that (Windows), saving over it raises and changes nothing.

        Parameters
        ----------
        path
            Where to; by custom with the ending ``.leafscan``.

        Raises
        ------
        ValueError
            If the index has no vector at all.
        OSError
            If it cannot be written; what was at ``path`` stays as it was.

        Examples
        --------
        >>> import leafscan, numpy as np, os, tempfile
        >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="dot_product")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     index.save(os.path.join(folder, "four.leafscan"))
        ...     again = leafscan.load(os.path.join(folder, "four.leafscan"), memory=True)
        >>> again.search([0.0, 1.0, 0.0, 0.0], k=1).ids.tolist()
        [1]
        """
        files.write(self._contents, path)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """Pickle the index' bytes, never a path; with protocol 5 they can go out of band."""
        return pickling.reduced(Index, self._contents, protocol)

    @property
    def _contents(self) -> Contents:
        return self._living.folded(default_threads())

    def _check_changeable(self) -> None:
        if self._mapped is not None:
            raise UnsupportedOperation(
                f"this index is a map of the file {self._mapped}, which updates do not go into; "
                "leafscan.open(folder, index) makes a catalogue of it that keeps them, "
                "and leafscan.load(path, memory=True) a copy in memory."
            )

    def _rows(self, vectors: ArrayLike) -> NDArray[np.float32]:
        if isinstance(vectors, (list, tuple)) and not len(vectors):
            return np.empty((0, self.dim), np.float32)
        if isinstance(vectors, np.ndarray) and vectors.shape == (0, self.dim):
            return np.empty((0, self.dim), np.float32)
        rows = as_vectors(vectors)
        if rows.shape[1] != self.dim:
            raise ValueError(
                f"vectors must have the shape (m, {self.dim}), as the index has; received {rows.shape}."
            )
        return rows

    def _names(self, ids: ArrayLike | Iterable[str], count: int | None) -> NDArray[np.int64] | list[str]:
        given: Any = ids
        if not hasattr(given, "__array__") and not hasattr(given, "__dlpack__"):
            if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
                kind = type(given).__name__
                raise TypeError(f"ids must be a list of ids; received {given!r:.80} ({kind}).")
            given = list(given)
        if count is None:
            count = len(given)
        strings = self._living.roster.strings
        if count == 0 and len(given) == 0:
            return [] if strings else np.empty(0, np.int64)
        names = as_ids(given, count)
        if isinstance(names, StringIds) != strings:
            kind = "strings" if strings else "integers"
            raise TypeError(f"ids must be {kind}, as the ids of this index are; received {ids!r:.80}.")
        if isinstance(names, StringIds):
            taken: list[str] = names.take(np.arange(len(names), dtype=np.int64)).tolist()
            return taken
        return names

    def _apply(self, update: Update) -> None:
        """Make a checked update: prepare it, record it, publish it."""
        with self._writing:
            _advance(self._living, update, self._record)
            # In a process that was forked off meanwhile nobody rebuilds.
            if self._waiting is not None and self._rebuilding.locked():
                self._waiting.append(update)
            self._tell()

    def _record(self, update: Update) -> None:
        """Keep an update before anybody sees it; raising leaves everything as it was."""


def _advance(living: Living, update: Update, record: Callable[[Update], None] | None = None) -> None:
    prepared = living.prepare(update)
    with living.tagging(prepared):
        if record is not None:
            record(update)
        with uninterrupted():
            living.publish(prepared)


def load(path: str | os.PathLike[str], *, memory: bool = False, verify: bool = False) -> Index:
    """Load an index that `Index.save` wrote.

    By default the file is mapped: loading takes milliseconds, pages are read when a search needs them, and
    processes that load the same file share them. The file must not be cut short or written into while it is
    mapped (saving over it with `Index.save` is fine on POSIX: the mapped file lives on until it is let go).

    Parameters
    ----------
    path
        The file.
    memory
        Read the file into memory instead, and let go of it.
    verify
        Check every byte against its checksum, too, as `leafscan.verify` does, which reads the whole file. The
        structure and all that a search uses as an index is always checked.

    Returns
    -------
    Index
        It gives the results of the index that was saved. A mapped one is read-only: for a catalogue that
        keeps its updates see `leafscan.open`. A copy in memory can be updated, and saved again.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is not an index of leafscan's, is damaged, or comes from a newer version.

    Examples
    --------
    >>> import leafscan, numpy as np, os, tempfile
    >>> index = leafscan.build(np.eye(4, dtype=np.float32), metric="cosine", ids=["n", "e", "s", "w"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     index.save(os.path.join(folder, "four.leafscan"))
    ...     again = leafscan.load(os.path.join(folder, "four.leafscan"), memory=True)
    >>> again.ids.tolist()
    ['n', 'e', 's', 'w']
    """
    contents = files.read(path, memory=memory, checksums=verify)
    return Index(contents, mapped=None if memory else os.fspath(path))
