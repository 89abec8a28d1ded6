"""How thoroughly to search."""

from dataclasses import dataclass

from leafscan.index.config.part import Part
from leafscan.index.numbers import real_number


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchParams(Part):
    """How thoroughly to search. None means the index's own default.

    Parameters
    ----------
    leaves
        How many leaves a query visits, at least 1 and at most the tree's. Only an index with a tree has it.
    candidates
        How many rows, the best by their codes, are scored again by the rows themselves, at least 1; a search
        for more than that many raises it to its k. Only an index with codes and reordering has it.
    refined
        How many of the candidates, the best by the smaller rows, are scored once more by the larger ones, at
        least 1; a search for more than that many raises it to its k. None is 2 k, and k + 10 where that is
        more. Only an index that reorders in two stages (`Reorder` ``first_dtype``) has it.

    upper_leaves
        Of how many upper leaves a query scores the leaves, at least 1 and at most the tree's; of more where
        these hold fewer than ``leaves``. With a filter, leaves are scored whatever upper leaf they are in.
        Only an index whose tree has upper leaves has it.
    stop
        A bound at which a query stops before it has read all ``leaves``, which are then the most that it
        reads: after its first four leaves it knows its k-th best score t so far, and goes on to the first
        leaf, the r-th by its centroid, at which ``(t - c) / s + 0.7 ln(r)`` is no longer below ``stop``; c is
        what a row of that leaf scores on average, and s how far rows are from that. Queries differ tenfold in
        what they need: the same recall takes 1.2 to 1.5 times fewer points than with as many leaves for all.
        (For dot products 1.1 to 1.3 times where centroids are anisotropic, as ``Tree`` ``avq_eta`` says and
        `leafscan.plan` chooses; else it may lose.) Any finite number: the lower, the fewer leaves; from 0 to
        10 in practice, while 1e9 never stops. It has to be found by trial on the index at hand. Nobody stops
        before k rows are found, so that a filter makes queries read on. None is the index's own, and none at
        all where ``leaves`` is given: then all of them are read. Only an index with a tree and codes has it.

    Examples
    --------
    >>> SearchParams(leaves=30, candidates=150)
    SearchParams(leaves=30, candidates=150, refined=None, upper_leaves=None, stop=None)
    """

    leaves: int | None = None
    candidates: int | None = None
    refined: int | None = None
    upper_leaves: int | None = None
    stop: float | None = None

    def __post_init__(self) -> None:
        for name in ("leaves", "candidates", "refined", "upper_leaves"):
            if getattr(self, name) is not None:
                self.check_whole(name)
        if self.stop is not None:
            self.set_plain("stop", real_number(self.stop, "SearchParams's stop", low=None))
