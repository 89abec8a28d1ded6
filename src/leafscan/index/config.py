"""How an index is built and searched: small frozen parts that check themselves."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias, get_args

from leafscan.index.numbers import real_number, whole_number

__all__ = ["AsymmetricHash", "BruteForce", "Config", "Reorder", "RowDtype", "SearchParams", "Tree"]

RowDtype: TypeAlias = Literal["float32", "bfloat16", "int8"]


class _Part:
    """A dataclass that goes to JSON and back."""

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)  # type: ignore[call-overload,no-any-return]

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Make the part from what `to_dict` returned; what is left out takes its default.

        Raises
        ------
        ValueError
            If ``parameters`` holds a name that the part does not know, or lacks one that it needs.
        """
        if not isinstance(parameters, Mapping):
            raise TypeError(
                f"{cls.__name__}.from_dict takes a mapping of parameters; received {parameters!r:.80}."
            )
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        known = [part.name for part in fields]
        unknown = [name for name in parameters if name not in known]
        if unknown:
            raise ValueError(f"{cls.__name__} has no parameter {unknown[0]!r}; it has {', '.join(known)}.")
        missing = [
            part.name
            for part in fields
            if part.name not in parameters
            and part.default is dataclasses.MISSING
            and part.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise ValueError(f"{cls.__name__} needs the parameter {missing[0]!r}, which is missing.")
        return cls(**parameters)

    def _set(self, name: str, value: Any) -> None:
        # Plain Python numbers, whatever came in: they go to JSON and compare by value.
        object.__setattr__(self, name, value)

    def _whole(self, name: str, *, low: int = 1) -> None:
        self._set(name, whole_number(getattr(self, name), f"{type(self).__name__}'s {name}", low=low))


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree(_Part):
    """Partition the rows into leaves, of which a search visits the most promising.

    Parameters
    ----------
    num_leaves
        How many leaves, at least 1 and at most the number of rows.
    training_sample_size
        How many rows the centroids are trained on (all, where there are fewer); at least ``num_leaves``.
    training_iterations
        How many rounds of k-means, at least 1.
    soar_lambda
        List each row in a second leaf too, by SOAR (Sun et al., NeurIPS 2023), with this weight, at least 0,
        of what the first leaf gets wrong; 1 to 1.5 is usual. The codes take twice the space, and fewer leaves
        reach the same recall. None lists each row once. Needs two leaves and AsymmetricHash.

    Examples
    --------
    >>> Tree(num_leaves=100).to_dict()["training_sample_size"]
    1000000
    """

    num_leaves: int
    training_sample_size: int = 1_000_000
    training_iterations: int = 12
    soar_lambda: float | None = None

    def __post_init__(self) -> None:
        self._whole("num_leaves")
        self._whole("training_sample_size")
        self._whole("training_iterations")
        if self.training_sample_size < self.num_leaves:
            raise ValueError(
                f"Tree's training_sample_size must be at least num_leaves ({self.num_leaves}), so that each "
                f"centroid can begin at a row of its own; received {self.training_sample_size}."
            )
        if self.soar_lambda is not None:
            self._set("soar_lambda", real_number(self.soar_lambda, "Tree's soar_lambda", low=0))
            if self.num_leaves < 2:
                raise ValueError(f"Tree's soar_lambda needs at least 2 leaves; received {self.num_leaves}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class AsymmetricHash(_Part):
    """Score by 4-bit codes of the rows: a table of 16 codewords for every few dimensions.

    Parameters
    ----------
    dimensions_per_block
        How many dimensions one 4-bit code stands for, at least 1 and at most the number of dimensions.
    anisotropic_quantization_threshold
        ScaNN's threshold T of the anisotropic loss, in the scale of the rows: errors along a row x weigh
        ``(d - 1) * (T/|x|)**2 / (1 - (T/|x|)**2)`` times those across it. 0 asks for the plain squared error,
        which alone serves squared_l2. None leaves the choice to the plan.
    pca_dimensions
        How many principal components of the rows codes and routing see, at most the number of dimensions;
        None is all of them, unrotated. Few are enough where the components' variances fall steeply (images,
        long text embeddings): scans and routing get cheaper by the same factor, and a few more candidates
        make up for what is not seen.
    training_sample_size
        How many rows the codewords are trained on (all, where there are fewer), at least 16.
    training_iterations
        How many rounds of training, at least 1.

    Examples
    --------
    >>> AsymmetricHash(dimensions_per_block=0)
    Traceback (most recent call last):
    ValueError: AsymmetricHash's dimensions_per_block must be at least 1; received 0.
    """

    dimensions_per_block: int = 2
    anisotropic_quantization_threshold: float | None = None
    pca_dimensions: int | None = None
    training_sample_size: int = 25_000
    training_iterations: int = 10

    def __post_init__(self) -> None:
        self._whole("dimensions_per_block")
        if self.pca_dimensions is not None:
            self._whole("pca_dimensions")
        self._whole("training_sample_size", low=16)
        self._whole("training_iterations")
        if self.anisotropic_quantization_threshold is not None:
            threshold = real_number(
                self.anisotropic_quantization_threshold,
                "AsymmetricHash's anisotropic_quantization_threshold",
                low=0,
            )
            self._set("anisotropic_quantization_threshold", threshold)


@dataclass(frozen=True, kw_only=True, slots=True)
class BruteForce(_Part):
    """Score by the rows themselves, exactly.

    Parameters
    ----------
    dtype
        What the rows are kept in, and so what "exactly" means: "float32"; "bfloat16", half the bytes, each
        component within 1/256 of itself; or "int8", a quarter of the bytes, each component within 1/254 of
        the largest that its dimension has in any row. Scores are those of the rows as they are kept.

    Examples
    --------
    >>> BruteForce(dtype="int8").to_dict()
    {'dtype': 'int8'}
    """

    dtype: RowDtype = "float32"

    def __post_init__(self) -> None:
        _check_dtype(self.dtype, "BruteForce")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reorder(_Part):
    """Score the best candidates of the codes again, by the rows.

    Parameters
    ----------
    dtype
        What the rows are kept in: "float32"; "bfloat16", half the bytes, each component within 1/256 of
        itself; or "int8", a quarter of the bytes, each component within 1/254 of the largest that its
        dimension has in any row. Scores are those of the rows as they are kept, and fewer bytes are read
        sooner.
    anisotropic_quantization_threshold
        ScaNN's threshold T, in the scale of the rows, of the rounding to bfloat16 or int8 ("noise shaping"):
        errors along a row weigh more than those across it, as with `AsymmetricHash`, so that some components
        are rounded the other way and large dot products come out nearer to what they were. 0 rounds each
        component to the nearest, which alone serves squared_l2 and float32.

    Examples
    --------
    >>> Reorder(dtype="int8", anisotropic_quantization_threshold=0.2).dtype
    'int8'
    >>> Reorder(dtype="int4")
    Traceback (most recent call last):
    ValueError: Reorder's dtype must be "float32", "bfloat16" or "int8"; received 'int4'.
    """

    dtype: RowDtype = "float32"
    anisotropic_quantization_threshold: float = 0.0

    def __post_init__(self) -> None:
        _check_dtype(self.dtype, "Reorder")
        name = "Reorder's anisotropic_quantization_threshold"
        threshold = real_number(self.anisotropic_quantization_threshold, name, low=0)
        self._set("anisotropic_quantization_threshold", threshold)
        if threshold > 0 and self.dtype == "float32":
            raise ValueError(
                f"{name} is for the rounding to bfloat16 or int8, and float32 is not rounded; "
                f"leave it out, or give another dtype; received {threshold}."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchParams(_Part):
    """How thoroughly to search. None means the index's own default.

    Parameters
    ----------
    leaves
        How many leaves a query visits, at least 1 and at most the tree's. Only an index with a tree has it.
    candidates
        How many rows, the best by their codes, are scored again by the rows themselves, at least 1; a search
        for more than that many raises it to its k. Only an index with codes and reordering has it.

    Examples
    --------
    >>> SearchParams(leaves=30, candidates=150)
    SearchParams(leaves=30, candidates=150)
    """

    leaves: int | None = None
    candidates: int | None = None

    def __post_init__(self) -> None:
        for name in ("leaves", "candidates"):
            if getattr(self, name) is not None:
                self._whole(name)


_SCORES: dict[str, type[AsymmetricHash] | type[BruteForce]] = {
    "asymmetric_hash": AsymmetricHash,
    "brute_force": BruteForce,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(_Part):
    """The plan of an index. A part that is left out is not there: ``Config()`` is exact search.

    Parameters
    ----------
    tree
        How rows are partitioned into leaves; None scans them all.
    score
        How rows are scored: `BruteForce` (exactly) or `AsymmetricHash` (by 4-bit codes).
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
            If there is no tree for ``leaves``, fewer leaves than that, or no reordering for ``candidates``.
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
        if params.candidates is not None and self.reorder is None:
            remedy = (
                "score=BruteForce() is exact already; leave it out"
                if isinstance(self.score, BruteForce)
                else "leave it out, or give reorder=Reorder()"
            )
            raise ValueError(f"{name}.candidates is {params.candidates}, but nothing is reordered: {remedy}.")

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


def _check_dtype(value: object, part: str) -> None:
    if not isinstance(value, str) or value not in get_args(RowDtype):
        raise ValueError(f'{part}\'s dtype must be "float32", "bfloat16" or "int8"; received {value!r:.80}.')


def _check_type(value: object, name: str, wanted: str, *types: type) -> None:
    if not isinstance(value, types):
        raise TypeError(f"Config's {name} must be {wanted}; received {value!r:.80} ({type(value).__name__}).")
