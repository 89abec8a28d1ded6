"""What an index should hold, version by version, and what it may answer then."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from leafscan import SearchResult

__all__ = ["GENRES", "Mask", "Places", "Version", "kept", "score"]

Metric = Literal["dot_product", "cosine", "squared_l2"]
Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

GENRES = ("Comedy", "Crime", "Drama", "Film-Noir")

#: Scores are float32 and sums of few products, of numbers of about 1.
TOLERANCE = 2e-4


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """What is there after so many updates. The ids that there may be at all are known by their places.

    Parameters
    ----------
    live
        (u,) whether the id is there.
    stamp
        int64 (u,); `leafscan.Index.ids` goes by it.
    vectors
        float32 (u, d), as the index keeps them.
    genre, year
        (u,) the tags: a place in `GENRES`, or -1 for none.
    clock
        The next stamp.
    """

    live: Mask
    stamp: NDArray[np.int64]
    vectors: NDArray[np.float32]
    genre: NDArray[np.int8]
    year: NDArray[np.int16]
    clock: int

    @classmethod
    def empty(cls, universe: int, dim: int) -> "Version":
        """Return the version of nothing."""
        return cls(
            np.zeros(universe, np.bool_),
            np.zeros(universe, np.int64),
            np.zeros((universe, dim), np.float32),
            np.full(universe, -1, np.int8),
            np.full(universe, -1, np.int16),
            0,
        )

    def upserted(
        self,
        places: Places,
        vectors: NDArray[np.float32],
        genre: NDArray[np.int8] | None,
        year: NDArray[np.int16] | None,
    ) -> "Version":
        """Return the version after an upsert; of a tag that is None nothing is said."""
        live, stamp, held = self.live.copy(), self.stamp.copy(), self.vectors.copy()
        genres, years = self.genre.copy(), self.year.copy()
        came = places[~live[places]]
        genres[came], years[came] = -1, -1
        live[places] = True
        stamp[places] = self.clock + np.arange(len(places))
        held[places] = vectors
        if genre is not None:
            genres[places] = genre
        if year is not None:
            years[places] = year
        return Version(live, stamp, held, genres, years, self.clock + len(places))

    def deleted(self, places: Places) -> "Version":
        """Return the version after a deletion."""
        live = self.live.copy()
        live[places] = False
        return Version(live, self.stamp, self.vectors, self.genre, self.year, self.clock)

    def order(self) -> Places:
        """Return the places of what is there, in the order of `leafscan.Index.ids`."""
        there = np.flatnonzero(self.live)
        return there[np.argsort(self.stamp[there])]

    def tags(self, places: Places) -> dict[str, list[Any]]:
        """Return what `leafscan.Index.tags` says of them."""
        return {
            "genre": [GENRES[one] if one >= 0 else None for one in self.genre[places].tolist()],
            "year": [one if one >= 0 else None for one in self.year[places].tolist()],
        }

    def refuses(
        self,
        metric: Metric,
        query: NDArray[np.float32],
        found: Places,
        scores: NDArray[np.float32],
        allowed: Mask | None,
        *,
        exact: bool,
    ) -> str | None:
        """Tell why a search of this version cannot have found this, or None if it can.

        Parameters
        ----------
        query
            (d,).
        found
            (k,) places; -1 where nothing was found, -2 for an id that never was.
        scores
            (k,).
        allowed
            (u,) what a filter allows; None allows all.
        exact
            Whether the best of all must be found.
        """
        count = int((found != -1).sum())
        some = found[:count]
        if (some < 0).any():
            return "an id that never was, or a gap"
        none = np.inf if metric == "squared_l2" else -np.inf
        if (scores[count:] != none).any():
            return "a score without an id"
        if len(np.unique(some)) < count:
            return "an id twice"
        may = self.live if allowed is None else self.live & allowed
        if not may[some].all():
            wrong = some[~may[some]]
            return f"{len(wrong)} ids that are not there or not allowed, first the place {wrong[0]}"
        sign = -1.0 if metric == "squared_l2" else 1.0
        mine, got = score(metric, query, self.vectors[some]), sign * scores[:count].astype(np.float64)
        if not np.allclose(mine, got, rtol=TOLERANCE, atol=TOLERANCE):
            return f"scores that are off by {np.abs(mine - got).max():.3g}"
        if (np.diff(got) > 0).any():
            return "scores out of order"
        there = np.flatnonzero(may)
        if count > len(there):
            return "more than there are"
        if exact:
            best = np.sort(score(metric, query, self.vectors[there]))[::-1][: len(found)]
            if len(best) != count:
                return f"{count} where {len(best)} are to be found"
            if not np.allclose(best, got, rtol=TOLERANCE, atol=TOLERANCE):
                return "something better was passed over"
        return None

    def refuses_all(
        self,
        metric: Metric,
        queries: NDArray[np.float32],
        found: Places,
        result: SearchResult,
        allowed: list[Mask | None],
        *,
        exact: bool,
    ) -> str | None:
        """Tell why a search of this version cannot have found this for all of a batch."""
        for query, places, scores, mask in zip(queries, found, result.scores, allowed, strict=True):
            why = self.refuses(metric, query, places, scores, mask, exact=exact)
            if why is not None:
                return why
        return None


def score(metric: Metric, query: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score in float64, larger is better; with cosine vectors are of length 1 already."""
    one, all_ = query.astype(np.float64), vectors.astype(np.float64)
    if metric == "squared_l2":
        squares: NDArray[np.float64] = -((all_ - one) ** 2).sum(axis=1)
        return squares
    if metric == "cosine":
        one = one / np.linalg.norm(one)
    products: NDArray[np.float64] = all_ @ one
    return products


def kept(metric: Metric, dtype: str, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors as an index keeps them: of length 1 with cosine, rounded if to bfloat16.

    Examples
    --------
    >>> kept("dot_product", "bfloat16", np.array([[1.00390625, 1.005]], np.float32)).tolist()
    [[1.0, 1.0078125]]
    """
    rows = vectors
    if metric == "cosine":
        rows = (rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(rows).view(np.uint32).astype(np.uint64)
        nearest = (bits + 0x7FFF + (bits >> np.uint64(16) & np.uint64(1))) & np.uint64(0xFFFF0000)
        rows = nearest.astype(np.uint32).view(np.float32)
    return rows
