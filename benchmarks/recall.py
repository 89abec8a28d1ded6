"""Recall: what share of the exact neighbours an answer holds."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.ground_truth import exact_scores

TIE = 1e-6


class Judge:
    """Marks answers against exact neighbours.

    A returned row counts when it is one of the ``k`` exact neighbours, or when its exact score equals
    the ``k``-th one's within 1e-6 relative: copies of a row are each as good as the other. An id that
    an answer repeats counts once.

    Parameters
    ----------
    base, queries, metric
        The data set.
    ids, scores
        Its exact neighbours, as ``exact_neighbours`` gives them.
    """

    def __init__(
        self,
        base: NDArray[np.float32],
        queries: NDArray[np.float32],
        metric: str,
        ids: NDArray[np.int64],
        scores: NDArray[np.float64],
    ) -> None:
        self.base, self.queries, self.metric = base, queries, metric
        self.ids, self.scores = ids, scores

    def hits(self, found: NDArray[np.int64], first: int = 0) -> NDArray[np.int64]:
        """Return how many good rows each answer holds.

        Parameters
        ----------
        found
            ``(answers, k)`` ids, -1 where there was none.
        first
            The query of the first answer; later ones follow it, round the end if need be.
        """
        asked = (first + np.arange(len(found))) % len(self.queries)
        k = found.shape[1]
        right = (found[:, :, None] == self.ids[asked, None, :k]).any(axis=2)
        counts = np.empty(len(found), dtype=np.int64)
        for i, query in enumerate(asked):
            good = set(found[i, right[i]].tolist())
            missed = sorted({x for x in found[i, ~right[i]].tolist() if 0 <= x < len(self.base)})
            if missed:
                worst = self.scores[query, k - 1]
                exact = exact_scores(self.base[missed], self.queries[query], self.metric)
                reached = exact >= worst - TIE * max(abs(worst), 1e-30)
                good.update(np.asarray(missed)[reached].tolist())
            counts[i] = min(k, len(good))
        return counts

    def recall(self, found: NDArray[np.int64], first: int = 0) -> float:
        """Return the mean share of good rows."""
        return float(self.hits(found, first).mean() / found.shape[1])
