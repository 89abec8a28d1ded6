"""The plan of an index."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from leafscan.index.config.asymmetric_hash import AsymmetricHash
from leafscan.index.config.brute_force import BruteForce
from leafscan.index.config.part import Part
from leafscan.index.config.reorder import Reorder
from leafscan.index.config.row_dtype import RowDtype
from leafscan.index.config.search_params import SearchParams
from leafscan.index.config.tree import Tree

_SCORES: dict[str, type[AsymmetricHash] | type[BruteForce]] = {
    "asymmetric_hash": AsymmetricHash,
    "brute_force": BruteForce,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(Part):
    """The plan of an index. A part that is left out is not there: ``Config()`` is exact search.

    Parameters
    ----------
    tree
        How rows are partitioned into leaves; None scans them all.
    score
        How rows are scored: `BruteForce` (exactly) or `AsymmetricHash` (by codes).
    reorder
        Scores the best candidates of the codes again, exactly. None drops the rows after hashing, and
        results carry the codes' approximate scores.
    search
        The index's default `SearchParams`.

    Raises
    ------
    ValueError
        If a parameter is one that the plan cannot use.

    Examples
    --------
    >>> config = Config(
    ...     tree=Tree(num_leaves=1_000),
    ...     score=AsymmetricHash(anisotropic_quantization_threshold=0.2),
    ...     reorder=Reorder(),
    ...     search=SearchParams(leaves=30, candidates=150),
    ... )
    >>> Config.from_dict(config.to_dict()) == config
    True
    >>> Config(search=SearchParams(leaves=3))
    Traceback (most recent call last):
    ValueError: search.leaves is 3, but there is no tree to have leaves; leave it out, or give tree=Tree(...).
    """

    tree: Tree | None = None
    score: AsymmetricHash | BruteForce = field(default_factory=BruteForce)
    reorder: Reorder | None = None
    search: SearchParams = field(default_factory=SearchParams)

    def __post_init__(self) -> None:
        _check_type(self.tree, "tree", "a Tree or None", Tree, type(None))
        _check_type(self.score, "score", "an AsymmetricHash or a BruteForce", AsymmetricHash, BruteForce)
        _check_type(self.reorder, "reorder", "a Reorder or None", Reorder, type(None))
        _check_type(self.search, "search", "a SearchParams", SearchParams)
        if self.reorder is not None and isinstance(self.score, BruteForce):
            raise ValueError(
                "reorder has nothing to do where score is BruteForce(), which is exact; "
                "leave it out, or give score=AsymmetricHash(...)."
            )
        if self.tree is not None and self.tree.soar_lambda is not None and isinstance(self.score, BruteForce):
            raise ValueError(
                "tree's soar_lambda lists rows a second time by their codes, and BruteForce() has none; "
                "leave it out, or give score=AsymmetricHash(...)."
            )
        self.check_search(self.search, "search")

    @property
    def row_dtype(self) -> RowDtype | None:
        """What the rows are kept in; None where they are dropped after hashing."""
        if isinstance(self.score, BruteForce):
            return self.score.dtype
        return None if self.reorder is None else self.reorder.dtype

    def check_search(self, params: SearchParams, name: str) -> None:
        """Check that this plan can use what ``params`` asks for.

        Parameters
        ----------
        params
            What a search asks for.
        name
            What the caller calls it.

        Raises
        ------
        ValueError
            If there is no tree for ``leaves``, fewer leaves than that, no upper leaves for ``upper_leaves``,
            fewer than that, no tree or no codes for ``stop``, no reordering for ``candidates``, or no second
            stage of it for ``refined``.
        """
        if params.leaves is not None:
            if self.tree is None:
                raise ValueError(
                    f"{name}.leaves is {params.leaves}, but there is no tree to have leaves; "
                    "leave it out, or give tree=Tree(...)."
                )
            if params.leaves > self.tree.num_leaves:
                raise ValueError(
                    f"{name}.leaves must be between 1 and the tree's {self.tree.num_leaves} leaves; "
                    f"received {params.leaves}."
                )
        if params.upper_leaves is not None:
            upper = None if self.tree is None else self.tree.upper_leaves
            if upper is None:
                raise ValueError(
                    f"{name}.upper_leaves is {params.upper_leaves}, but the plan has no upper leaves; "
                    "leave it out, or give tree=Tree(..., upper_leaves=...)."
                )
            if params.upper_leaves > upper:
                raise ValueError(
                    f"{name}.upper_leaves must be between 1 and the tree's {upper} upper leaves; "
                    f"received {params.upper_leaves}."
                )
        if params.stop is not None and (self.tree is None or not isinstance(self.score, AsymmetricHash)):
            lacking = "tree to stop in" if self.tree is None else "codes to go by"
            remedy = "tree=Tree(...)" if self.tree is None else "score=AsymmetricHash(...)"
            raise ValueError(
                f"{name}.stop is {params.stop}, but the plan has no {lacking}; "
                f"leave it out, or give {remedy}."
            )
        if params.candidates is not None and self.reorder is None:
            remedy = (
                "score=BruteForce() is exact already; leave it out"
                if isinstance(self.score, BruteForce)
                else "leave it out, or give reorder=Reorder()"
            )
            raise ValueError(f"{name}.candidates is {params.candidates}, but nothing is reordered: {remedy}.")
        if params.refined is not None and (self.reorder is None or self.reorder.first_dtype is None):
            raise ValueError(
                f"{name}.refined is {params.refined}, but there is no second stage of reordering; "
                'leave it out, or give reorder=Reorder(first_dtype="int8").'
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as a dictionary that JSON can hold."""
        kind = next(name for name, kind in _SCORES.items() if type(self.score) is kind)
        return {
            "tree": None if self.tree is None else self.tree.to_dict(),
            "score": {kind: self.score.to_dict()},
            "reorder": None if self.reorder is None else self.reorder.to_dict(),
            "search": self.search.to_dict(),
        }

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make the plan from what `to_dict` returned; what is left out takes its default.

        Raises
        ------
        ValueError
            If a name is not known, or one that is needed is missing.
        """
        if not isinstance(parameters, Mapping):
            raise TypeError(f"Config.from_dict takes a mapping of parts; received {parameters!r:.80}.")
        parts = dict(parameters)
        if parts.get("tree") is not None:
            parts["tree"] = Tree.from_dict(parts["tree"])
        if "score" in parts:
            parts["score"] = _score(parts["score"])
        if parts.get("reorder") is not None:
            parts["reorder"] = Reorder.from_dict(parts["reorder"])
        if "search" in parts:
            parts["search"] = SearchParams.from_dict(parts["search"])
        # Named, since zero-argument super() does not see the class that slots=True makes anew.
        return super(Config, cls).from_dict(parts)


def _score(parameters: Any) -> AsymmetricHash | BruteForce:
    kinds = list(parameters) if isinstance(parameters, Mapping) else []
    if len(kinds) != 1 or kinds[0] not in _SCORES:
        raise ValueError(
            'Config\'s score must be {"asymmetric_hash": {...}} or {"brute_force": {}}; '
            f"received {parameters!r:.80}."
        )
    return _SCORES[kinds[0]].from_dict(parameters[kinds[0]])


def _check_type(value: object, name: str, wanted: str, *types: type) -> None:
    if not isinstance(value, types):
        raise TypeError(f"Config's {name} must be {wanted}; received {value!r:.80} ({type(value).__name__}).")
