"""Scores by codes."""

from dataclasses import dataclass
from typing import Literal

from leafscan.index.config.part import Part
from leafscan.index.numbers import real_number


@dataclass(frozen=True, kw_only=True, slots=True)
class AsymmetricHash(Part):
    """Score by codes of the rows: 4 or 8 bits for every few dimensions, looked up in a query's own table.

    Parameters
    ----------
    dimensions_per_block
        How many dimensions one code stands for, at least 1 and at most the number of dimensions.
    lookup_bits
        The bits of a code, which looks up one of 2 ** lookup_bits codewords: 4 (ScaNN's "lut16") or 8
        (ScaNN's "lut256"). At equal blocks 8 bits take twice the bytes and are far more exact; at half the
        blocks, so the same bytes, they are still a little more exact, since 256 words for four dimensions fit
        the rows better than two times 16 for two. But a table of 16 fits a register: a lookup in 256 costs
        ten times as much, so that 4 bits with more candidates are nearly always the quicker way to a recall.
        8 bits are for codes that must be small and good, above all where the rows are dropped after hashing.
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
        How many rows the codewords are trained on (all, where there are fewer), at least as many as there are
        codewords.
    training_iterations
        How many rounds of training, at least 1.

    Examples
    --------
    >>> AsymmetricHash(dimensions_per_block=0)
    Traceback (most recent call last):
    ValueError: AsymmetricHash's dimensions_per_block must be at least 1; received 0.
    >>> AsymmetricHash(lookup_bits=16)
    Traceback (most recent call last):
    ValueError: AsymmetricHash's lookup_bits must be 4 (ScaNN's lut16) or 8 (lut256); received 16.
    """

    dimensions_per_block: int = 2
    lookup_bits: Literal[4, 8] = 4
    anisotropic_quantization_threshold: float | None = None
    pca_dimensions: int | None = None
    training_sample_size: int = 25_000
    training_iterations: int = 10

    def __post_init__(self) -> None:
        self.check_whole("dimensions_per_block")
        if self.pca_dimensions is not None:
            self.check_whole("pca_dimensions")
        self.check_whole("lookup_bits")
        if self.lookup_bits not in (4, 8):
            raise ValueError(
                "AsymmetricHash's lookup_bits must be 4 (ScaNN's lut16) or 8 (lut256); "
                f"received {self.lookup_bits}."
            )
        self.check_whole("training_sample_size", low=2**self.lookup_bits)
        self.check_whole("training_iterations")
        if self.anisotropic_quantization_threshold is not None:
            threshold = real_number(
                self.anisotropic_quantization_threshold,
                "AsymmetricHash's anisotropic_quantization_threshold",
                low=0,
            )
            self.set_plain("anisotropic_quantization_threshold", threshold)
