"""The queries of a tuning, what their exact answers are, and how many of these a search found."""

from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine

__all__ = ["Judge", "drawn", "without"]

Scalar = TypeVar("Scalar", bound=np.generic)

#: Scores that differ by less than this share are taken for equal, and so many rows beyond the k best are
#: looked at for equals of the last: whoever finds one of two twins found it.
TIE = 1e-6
TWINS = 16


def drawn(n: int, count: int, seed: int) -> NDArray[np.int64]:
    """Draw positions of rows to be queries, each once and in no order: the first of them are a sample too.

    Examples
    --------
    >>> sorted(drawn(5, 9, 0).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.random.default_rng(seed).choice(n, size=min(n, count), replace=False)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judge:
    """Queries with their exact answers.

    Parameters
    ----------
    queries
        (m, d) float32, C-ordered.
    own
        (m,) the engine's id of each query in the index, which is no answer to it; None where they are not of
        the index.
    k
        How many answers count.
    answers
        (m, >= k) the ids that count as found: the exact k best and the equals of the last of them; -1 where
        there is none.
    last
        (m,) float32, the score of the last of the k best.
    """

    queries: NDArray[np.float32]
    own: NDArray[np.int64] | None
    k: int
    answers: NDArray[np.int64]
    last: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        searcher: _engine.Searcher,
        queries: NDArray[np.float32],
        own: NDArray[np.int64] | None,
        *,
        k: int,
        normalize: bool,
        threads: int,
    ) -> Self:
        """Ask a searcher for exact answers; it must keep rows."""
        count = k + TWINS + (own is not None)
        ids, scores = searcher.search_exactly(queries, count, threads, normalize)
        if own is not None:
            ids, scores = without(own, ids, scores)
        best = scores[:, :k]
        there = ids[:, :k] >= 0
        place = np.maximum(there.sum(axis=1), 1) - 1
        last = np.take_along_axis(best, place[:, None], axis=1)
        with np.errstate(invalid="ignore"):
            equal = np.abs(scores - last) <= TIE * np.abs(last)
        equal[:, :k] = True
        answers = np.where(equal, ids, -1)
        widest = int(np.flatnonzero((answers >= 0).any(axis=0)).max(initial=k - 1)) + 1
        answers = np.ascontiguousarray(answers[:, : max(widest, k)])
        return cls(queries=queries, own=own, k=k, answers=answers, last=last[:, 0])

    @property
    def asked(self) -> int:
        """How many a search is asked for: one more where it will find the query itself."""
        return self.k if self.own is None else self.k + 1

    def first(self, count: int) -> "Judge":
        """Return a judge by the first ``count`` queries alone."""
        own = None if self.own is None else self.own[:count]
        return replace(
            self,
            queries=self.queries[:count],
            own=own,
            answers=self.answers[:count],
            last=self.last[:count],
        )

    def recalls(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the recall of each query, (m,), of the ids (m, `asked`) that a search found.

        Where there are fewer than k other rows, these are all.
        """
        if self.own is not None:
            ids, _ = without(self.own, ids, ids)
        hit = ((ids[:, :, None] == self.answers[:, None, :]) & (ids[:, :, None] >= 0)).any(axis=2).sum(axis=1)
        wanted = np.minimum((self.answers >= 0).sum(axis=1), self.k)
        recalls: NDArray[np.float64] = np.minimum(hit, wanted) / np.maximum(wanted, 1)
        return np.where(wanted == 0, 1.0, recalls)


def without(
    own: NDArray[np.int64], ids: NDArray[np.int64], beside: NDArray[Scalar]
) -> tuple[NDArray[np.int64], NDArray[Scalar]]:
    """Leave a query itself out of each row of what was found, or the last where it was not found."""
    m, width = ids.shape
    place = np.where((ids == own[:, None]).any(axis=1), (ids == own[:, None]).argmax(axis=1), width - 1)
    kept = np.arange(width)[None, :] != place[:, None]
    return ids[kept].reshape(m, width - 1), beside[kept].reshape(m, width - 1)
