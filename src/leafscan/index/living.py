"""The versions of an index: what searches read, and how the next one is made."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.contents import Contents
from leafscan.index.forks import Rank, fork_safe
from leafscan.index.ids import StringIds
from leafscan.index.knobs import knobs_of
from leafscan.index.lookup import NO_ROW
from leafscan.index.metric import Metric, engine_metric
from leafscan.index.roster import Roster
from leafscan.index.threads import default_threads
from leafscan.index.tuning.record import Tuning
from leafscan.index.update import Update

if TYPE_CHECKING:
    from leafscan.index.tags import Tags

__all__ = ["Living", "Prepared"]

#: Up to so many vectors one thread is as quick as several.
ONE_THREAD = 64


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prepared:
    """The next version, which nobody sees yet."""

    update: Update
    next: _engine.NextVersion
    removed: NDArray[np.uint32]


class Living:
    """An index from its contents on, through all updates of them.

    Whoever searches reads `searcher` once and goes on with it. Whoever needs ids and rows to agree with it
    holds `lock` meanwhile. One thread at a time may `prepare` and `publish`; the caller sees to that.

    Parameters
    ----------
    contents
        What it begins with.
    """

    __slots__ = (
        "__weakref__",
        "_named",
        "_names",
        "_writer",
        "contents",
        "knobs",
        "lock",
        "roster",
        "searcher",
        "strings",
        "tags",
    )

    def __init__(self, contents: Contents) -> None:
        ids = contents.ids
        self.contents = contents
        self.knobs = knobs_of(contents.config.search)
        self.lock = fork_safe(Rank.VERSION)
        self.strings = isinstance(ids, StringIds)
        self.roster = Roster(ids, contents.sections["order"])
        self.tags: Tags | None = contents.tags
        self.searcher = _engine.Searcher(
            contents.sections,
            metric=engine_metric(contents.metric)[0],
            dim=contents.dim,
            ids=ids if isinstance(ids, np.ndarray) else None,
        )
        self._writer: _engine.Writer | None = None
        # Of strings that came since: by handle, and which handle a row stands for, or stood for last.
        self._names: dict[int, str] = {}
        self._named: dict[int, int] = {}

    def retune(self, config: Config, tuning: Tuning) -> None:
        """Search by another ``config.search`` from now on; the rest of the plan is the same."""
        self.contents = dataclasses.replace(self.contents, config=config, tuning=tuning)
        self.knobs = knobs_of(config.search)

    @property
    def version(self) -> int:
        """How many updates there were."""
        return self.roster.version

    def names(self, found: NDArray[np.int64]) -> NDArray[np.str_]:
        """Return the strings that the engine's ids stand for; "" where it has none."""
        assert isinstance(self.contents.ids, StringIds)
        n = len(self.contents.ids)
        fresh = found >= n
        if not fresh.any():
            return self.contents.ids.take(found)
        named = self.contents.ids.take(np.where(fresh, -1, found)).astype(object)
        named[fresh] = [self._names[handle] for handle in found[fresh].tolist()]
        return named.astype(np.str_)

    def prepare(self, update: Update) -> Prepared:
        """Make the next version.

        Raises
        ------
        ValueError
            If a vector is not finite.
        """
        searcher = self.searcher
        if self._writer is None:
            self._writer = _writer(searcher, self.contents.metric, self.contents.config)
        asked = np.array(update.ids, object) if self.roster.strings else np.asarray(update.ids, np.int64)
        with self.lock:
            found = self.roster.find(asked, "ids")
        removed = found[found != NO_ROW]
        count = 0 if update.vectors is None else len(update.vectors)
        if self.roster.strings:
            ids = np.arange(self.roster.next_handle, self.roster.next_handle + count, dtype=np.int64)
        else:
            ids = np.asarray(update.ids if count else (), np.int64)
        threads = 1 if count <= ONE_THREAD else default_threads()
        following = self._writer.prepare(
            update.vectors if count else None, ids, removed, self.roster.next_handle, threads
        )
        return Prepared(update=update, next=following, removed=removed)

    @contextmanager
    def tagging(self, prepared: Prepared) -> Iterator[None]:
        """Write the tags of an update, which are forgotten if the block raises."""
        update = prepared.update
        tags = self.tags
        if tags is None and update.tags:
            # Only who has tags pays for SQLite.
            from leafscan.index.tags import Tags

            tags = Tags.from_columns({}, 0)
        if tags is None:
            yield
            return
        removed = self.roster.handles_of(prepared.removed)
        with tags.transaction():
            if update.vectors is not None:
                first = self.roster.next_handle
                came = np.arange(first, first + len(update.ids), dtype=np.int64)
                # An id that is replaced keeps the tags of which nothing is said.
                tags.carry(removed, came[self._replaced(update)])
                if update.tags:
                    tags.put(came, update.tags)
            tags.remove(removed)
            yield
            self.tags = tags

    def publish(self, prepared: Prepared) -> None:
        """Make it the version that is current."""
        assert self._writer is not None
        update = prepared.update
        came = [] if update.vectors is None else _plain(update.ids)
        rows = prepared.next.rows
        if self.roster.strings:
            # Before anybody can find them. The row's last name goes: no version is left that knows the row by
            # it.
            for handle, (name, row) in enumerate(
                zip(came, rows.tolist(), strict=True), self.roster.next_handle
            ):
                self._names.pop(self._named.get(row, -1), None)
                self._names[handle] = name
                self._named[row] = handle
        with self.lock:
            self._writer.commit(prepared.next)
            self.roster.update(came, removed=prepared.removed, rows=rows)
            self.searcher = prepared.next.searcher

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """Let ids, rows and tags be what they are for the length of the block."""
        while True:
            tags = self.tags
            with nullcontext() if tags is None else tags.lock, self.lock:
                if tags is self.tags:
                    yield
                    return

    def folded(self, threads: int) -> Contents:
        """Return contents as if it had been built so; what was never updated is what it began with.

        Raises
        ------
        ValueError
            If nothing is there.
        """
        with self.agreeing():
            roster = self.roster
            if roster.version and not len(roster):
                raise ValueError(
                    "an index without any vector cannot be written; upsert one, or keep the last one."
                )
            tags = None
            if self.tags is not None:
                # A copy: those of the index go on with it while this is written, or rebuilt.
                tags = type(self.tags).from_section(self.tags.to_section(roster.all_handles()))
            if not roster.version:
                return dataclasses.replace(self.contents, tags=tags)
            searcher, by_place, ids = self.searcher, roster.by_place(), roster.ids()
        made, rows = searcher.folded(threads)
        place = np.empty(searcher.row_end, np.uint32)
        place[by_place] = np.arange(len(by_place), dtype=np.uint32)
        order = place[rows]
        contents = self.contents
        return dataclasses.replace(
            contents,
            sections={**contents.sections, **made, "order": order},
            ids=StringIds.from_strings(ids.tolist()) if roster.strings else ids[order],
            tags=tags,
            tuning=contents.tuning,
        )

    def vectors(self, rows: NDArray[Any], searcher: _engine.Searcher) -> NDArray[np.float32]:
        """Return float32 (m, d), rows as they are kept."""
        return searcher.read_rows(np.ascontiguousarray(rows, np.uint32))

    def _replaced(self, update: Update) -> NDArray[np.bool_]:
        asked = np.array(update.ids, object) if self.roster.strings else np.asarray(update.ids, np.int64)
        there: NDArray[np.bool_] = self.roster.find(asked, "ids") != NO_ROW
        return there


def _plain(ids: NDArray[np.int64] | list[str]) -> list[Any]:
    return ids.tolist() if isinstance(ids, np.ndarray) else ids


def _writer(searcher: _engine.Searcher, metric: Metric, config: Config) -> _engine.Writer:
    tree, score = config.tree, config.score
    threshold = score.anisotropic_quantization_threshold if isinstance(score, AsymmetricHash) else None
    rounding = config.reorder.anisotropic_quantization_threshold if config.reorder else None
    return _engine.Writer(
        searcher,
        normalize=engine_metric(metric)[1],
        spherical=bool(tree is not None and tree.spherical),
        soar_lambda=(tree.soar_lambda if tree else None) or 0.0,
        anisotropic_threshold=threshold or 0.0,
        row_threshold=rounding or 0.0,
    )
