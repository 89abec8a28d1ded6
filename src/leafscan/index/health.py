"""How far updates have led an index away from what it has learned."""

from dataclasses import dataclass

import numpy as np

from leafscan.index.config import AsymmetricHash, Config
from leafscan.index.living import Living
from leafscan.index.metric import engine_metric

__all__ = ["Health", "examine"]

#: So many vectors are searched to estimate recall, and so many are looked at for the error of codes.
QUERIES = 64
CODED = 5_000

#: What calls for learning anew: this share of what was built is gone; the fullest hundredth of the leaves
#: together hold so many times their share; codes of what came since err so many times as much.
MOST_TOMBSTONES = 0.3
MOST_IMBALANCE = 6.0
MOST_ERROR = 1.5

#: With fewer of these nothing can be told.
LEAST_FRESH = 100
LEAST_LEAVES = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """What `leafscan.Index.health` found.

    Attributes
    ----------
    vectors
        How many there are.
    fresh
        How many of them came after the index was built or loaded.
    tombstones
        The share, from 0 to 1, of what it was built or loaded with that is deleted or replaced; it goes on
        taking memory until `leafscan.Index.rebalance`, or until the index is saved and loaded.
    imbalance
        How many times their share of the vectors the fullest hundredth of the leaves hold; 1 without leaves.
    code_error
        The mean squared error of the codes of fresh vectors, as a multiple of that of the others; None where
        there are no codes, or too few to tell.
    recall
        The share of the exact best ten that a search with the index' own parameters finds, of queries that
        are vectors of the index (which find themselves, and are left out); None where nothing is approximate.
    reasons
        Why `leafscan.Index.rebalance` would help, in a few words each; empty if it would not.
    """

    vectors: int
    fresh: int
    tombstones: float
    imbalance: float
    code_error: float | None
    recall: float | None
    reasons: tuple[str, ...]


def examine(living: Living) -> Health:
    """Examine the version that is current."""
    config = living.contents.config
    with living.lock:
        searcher, roster = living.searcher, living.roster
        built = len(living.contents.sections["order"])
        count, fresh, gone = len(roster), roster.fresh, roster.gone
    tombstones = gone / built
    reasons = []
    if tombstones > MOST_TOMBSTONES:
        reasons.append(f"{100 * tombstones:.0f} % of what was built is deleted or replaced")
    imbalance = 1.0
    if config.tree is not None and count:
        sizes = np.sort(searcher.leaf_sizes())[::-1]
        some = max(1, len(sizes) // 100)
        imbalance = float(sizes[:some].sum() / count * len(sizes) / some)
        if imbalance > MOST_IMBALANCE and len(sizes) >= LEAST_LEAVES and fresh >= LEAST_FRESH:
            reasons.append(f"the fullest leaves hold {imbalance:.1f} times their share")
    error = _code_error(living, config, fresh, count - fresh)
    if error is not None and error > MOST_ERROR:
        reasons.append(f"codes of new vectors err {error:.1f} times as much as those of old ones")
    return Health(
        vectors=count,
        fresh=fresh,
        tombstones=tombstones,
        imbalance=imbalance,
        code_error=error,
        recall=_recall(living, config),
        reasons=tuple(reasons),
    )


def _code_error(living: Living, config: Config, fresh: int, old: int) -> float | None:
    if not isinstance(config.score, AsymmetricHash) or config.row_dtype is None:
        return None
    if fresh < LEAST_FRESH or old < LEAST_FRESH:
        return None
    of_old, of_fresh = living.searcher.code_errors(max(1, min(fresh, old) // CODED))
    return of_fresh / of_old if of_old > 0 else None


def _recall(living: Living, config: Config) -> float | None:
    searcher = living.searcher
    if config.row_dtype is None or (config.tree is None and not isinstance(config.score, AsymmetricHash)):
        return None
    rows = searcher.live_rows()
    k = min(11, len(rows))
    if k < 2:
        return None
    queries = searcher.read_rows(rows[:: max(1, len(rows) // QUERIES)])
    normalize = engine_metric(living.contents.metric)[1]
    search = config.search
    found, _ = searcher.search(
        queries,
        k,
        search.leaves or 0,
        search.candidates or 0,
        1,
        normalize,
        None,
        search.refined or 0,
        search.upper_leaves or 0,
        search.stop,
    )
    exact, _ = searcher.search_exactly(queries, k, 1, normalize)
    hits = sum(len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True))
    # The query itself is found by both.
    return float((hits - len(queries)) / (len(queries) * (k - 1)))
