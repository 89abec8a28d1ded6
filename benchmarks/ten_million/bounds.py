"""What was promised of ten million vectors on two cores, and whether it was kept."""

from dataclasses import dataclass

ROWS = 10_000_000
LEAST_DIMENSION, MOST_DIMENSION = 15.0, 25.0
MOST_GIB = 24.0
MOST_MINUTES = 20.0
LEAST_RECALL = 0.95
MOST_MS = 2.0


@dataclass(frozen=True)
class Outcome:
    """What a trial came to.

    Attributes
    ----------
    rows
        Of the base.
    dimensions
        Local intrinsic dimension by the number of neighbours that it was read at.
    peak_gib
        The most memory that the process ever held: vectors, truth, build and search.
    build_seconds, recall, median_ms
        Of the build, of the judged answers, and of one call.
    """

    rows: int
    dimensions: dict[int, float]
    peak_gib: float
    build_seconds: float
    recall: float
    median_ms: float

    def broken(self) -> list[str]:
        """Return a sentence for each bound that was not kept; the dimension counts at full size alone.

        Examples
        --------
        >>> Outcome(10_000_000, {20: 20.0}, 9.0, 1500.0, 0.951, 1.0).broken()
        ['The build took 25.0 minutes; at most 20 are allowed.']
        """
        sentences = []
        if self.rows >= ROWS:
            sentences += [
                f"The local intrinsic dimension at {k} neighbours is {value:.1f}; "
                f"it must lie between {LEAST_DIMENSION:.0f} and {MOST_DIMENSION:.0f}."
                for k, value in self.dimensions.items()
                if not LEAST_DIMENSION <= value <= MOST_DIMENSION
            ]
        if self.peak_gib > MOST_GIB:
            sentences.append(f"Memory peaked at {self.peak_gib:.1f} GiB; at most {MOST_GIB:.0f} are allowed.")
        if self.build_seconds > 60 * MOST_MINUTES:
            minutes = self.build_seconds / 60
            sentences.append(f"The build took {minutes:.1f} minutes; at most {MOST_MINUTES:.0f} are allowed.")
        if self.recall < LEAST_RECALL:
            sentences.append(f"Recall is {self.recall:.4f}; it must be at least {LEAST_RECALL}.")
        if self.median_ms >= MOST_MS:
            sentences.append(f"A query takes {self.median_ms:.2f} ms; it must take less than {MOST_MS:.0f}.")
        return sentences
