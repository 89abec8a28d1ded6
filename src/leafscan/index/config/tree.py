"""How rows are partitioned."""

from dataclasses import dataclass

from leafscan.index.config.part import Part
from leafscan.index.numbers import real_number


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree(Part):
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
    spherical
        Partition by direction: every round of k-means scales the centroids to length 1 and gives a row to the
        one it has the largest dot product with (Dhillon and Modha, 2001), and queries go to leaves by these
        centroids, times the mean length of a leaf's rows. None is True for cosine and False otherwise. For
        dot_product it is meant for rows of length 1 or nearly: where lengths differ, directions alone are a
        bad guide. squared_l2 refuses it. What codes store is the difference to the mean of a leaf's rows all
        the same, which is less than that to a centroid of length 1.
    avq_eta
        ScaNN's ``avq``: route by centroids refit so that they predict the products that matter, those of rows
        with queries that ask for them. An error along a row weighs this many times one across it, and a row
        of length ``|x|`` weighs ``|x|**(avq_eta - 1)``; at least 1, and 3 to 6 is usual. It gains for
        dot_product where the rows' lengths differ, and the more the more they do; where they don't, it
        loses. For cosine it changes next to nothing, and squared_l2 refuses it. None (or 1) routes by
        the means. Codes store differences to the means either way.

    upper_leaves
        Group the leaves into so many upper leaves, between 2 and ``num_leaves``; a query then scores the
        leaves of its best upper leaves alone. It pays from some 8,000 leaves on, below which scoring all of
        them is as quick; 2 to 4 times the square root of ``num_leaves`` is a good number. It serves cosine
        and squared_l2; the leaves of the largest dot products of rows of unlike lengths lie more scattered.
        None has no upper leaves.

    Examples
    --------
    >>> Tree(num_leaves=100).to_dict()["training_sample_size"]
    1000000
    """

    num_leaves: int
    training_sample_size: int = 1_000_000
    training_iterations: int = 12
    soar_lambda: float | None = None
    upper_leaves: int | None = None
    spherical: bool | None = None
    avq_eta: float | None = None

    def __post_init__(self) -> None:
        self.check_whole("num_leaves")
        self.check_whole("training_sample_size")
        self.check_whole("training_iterations")
        if self.training_sample_size < self.num_leaves:
            raise ValueError(
                f"Tree's training_sample_size must be at least num_leaves ({self.num_leaves}), so that each "
                f"centroid can begin at a row of its own; received {self.training_sample_size}."
            )
        if self.soar_lambda is not None:
            self.set_plain("soar_lambda", real_number(self.soar_lambda, "Tree's soar_lambda", low=0))
            if self.num_leaves < 2:
                raise ValueError(f"Tree's soar_lambda needs at least 2 leaves; received {self.num_leaves}.")
        if self.upper_leaves is not None:
            self.check_whole("upper_leaves", low=2)
            if self.upper_leaves > self.num_leaves:
                raise ValueError(
                    f"Tree's upper_leaves must be at most num_leaves ({self.num_leaves}), which they group; "
                    f"received {self.upper_leaves}."
                )
        if not isinstance(self.spherical, (bool, type(None))):
            kind = type(self.spherical).__name__
            raise TypeError(
                f"Tree's spherical must be True, False or None; received {self.spherical!r:.80} ({kind})."
            )
        if self.avq_eta is not None:
            self.set_plain("avq_eta", real_number(self.avq_eta, "Tree's avq_eta", low=1))
