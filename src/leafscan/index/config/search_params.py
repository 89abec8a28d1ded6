"""How thoroughly to search."""

from dataclasses import dataclass

from leafscan.index.config.part import Part


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

    Examples
    --------
    >>> SearchParams(leaves=30, candidates=150)
    SearchParams(leaves=30, candidates=150, refined=None, upper_leaves=None)
    """

    leaves: int | None = None
    candidates: int | None = None
    refined: int | None = None
    upper_leaves: int | None = None

    def __post_init__(self) -> None:
        for name in ("leaves", "candidates", "refined", "upper_leaves"):
            if getattr(self, name) is not None:
                self.check_whole(name)
