"""Scores by codes."""

from dataclasses import dataclass

from leafscan.index.config.part import Part
from leafscan.index.numbers import real_number


@dataclass(frozen=True, kw_only=True, slots=True)
class AsymmetricHash(Part):
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
        self.check_whole("dimensions_per_block")
        if self.pca_dimensions is not None:
            self.check_whole("pca_dimensions")
        self.check_whole("training_sample_size", low=16)
        self.check_whole("training_iterations")
        if self.anisotropic_quantization_threshold is not None:
            threshold = real_number(
                self.anisotropic_quantization_threshold,
                "AsymmetricHash's anisotropic_quantization_threshold",
                low=0,
            )
            self.set_plain("anisotropic_quantization_threshold", threshold)
