"""How far scores by codes lie from exact ones."""

import numpy as np
from numpy.typing import NDArray

from leafscan import _engine
from leafscan.index.config import AsymmetricHash
from leafscan.index.evaluation.evaluation import ScoreErrors
from leafscan.index.evaluation.still import Still
from leafscan.index.evaluation.truth import Truth
from leafscan.index.metric import engine_metric

__all__ = ["measure_score_errors"]

#: So many queries tell the errors, and so many random rows the spread of scores.
QUERIES = 500
RANDOM_ROWS = 1_000

#: Without these the engine has codes alone, and returns the scores that they give.
_ROWS = frozenset({"rows", "row_scales", "first_rows", "first_row_scales"})


def measure_score_errors(held: Still, truth: Truth, *, threads: int) -> ScoreErrors | None:
    """Measure the errors of codes over the exact best of each query.

    Parameters
    ----------
    held
        What is searched.
    truth
        Queries, and their exact answers.
    threads
        How many to use.

    Returns
    -------
    ScoreErrors or None
        None where there are no codes, or no answers.
    """
    contents = held.contents
    if not isinstance(contents.config.score, AsymmetricHash):
        return None
    full = np.flatnonzero((truth.names >= 0).all(axis=1))[:QUERIES]
    if not len(full):
        return None
    queries, names, exact = truth.queries[full], truth.names[full], truth.scores[full]
    # The engine calls rows by their numbers here, so that whatever ids there are do not matter.
    codes = _engine.Searcher(
        {name: section for name, section in contents.sections.items() if name not in _ROWS},
        metric=engine_metric(contents.metric)[0],
        dim=contents.dim,
        ids=np.arange(len(held.names), dtype=np.int64),
    )
    tree = contents.config.tree
    rows = held.rows_of(names)
    found, scores = codes.search_among(
        queries,
        truth.k,
        tree.num_leaves if tree else 0,
        0,
        threads,
        held.normalize,
        allow=rows.astype(np.uint32),
    )
    by_row, found_order = np.argsort(rows, axis=1), np.argsort(found, axis=1)
    errors = np.take_along_axis(scores, found_order, axis=1).astype(np.float64)
    errors -= np.take_along_axis(exact, by_row, axis=1)
    return ScoreErrors(errors=errors.ravel(), spread=_spread(held, queries))


def _spread(held: Still, queries: NDArray[np.float32]) -> float:
    n = len(held.names)
    rows = held.searcher.read_rows(np.arange(0, n, max(1, n // RANDOM_ROWS)).astype(np.uint32)).astype(
        np.float64
    )
    asked = queries.astype(np.float64)
    if held.normalize:
        lengths = np.linalg.norm(asked, axis=1, keepdims=True)
        asked = np.divide(asked, lengths, out=np.zeros_like(asked), where=lengths > 0)
    products = asked @ rows.T
    if held.ascending:
        products = np.square(asked).sum(axis=1)[:, None] - 2 * products + np.square(rows).sum(axis=1)
    return float(products.std())
