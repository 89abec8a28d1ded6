"""Initial weights drawn by NumPy, so that a seed gives the same model on every Keras backend."""

from __future__ import annotations

from typing import Any

import keras  # type: ignore[import-untyped, import-not-found, unused-ignore]
import numpy as np

__all__ = ["SeededUniform"]


@keras.saving.register_keras_serializable(package="leafscan")
class SeededUniform(keras.initializers.Initializer):  # type: ignore[misc, unused-ignore]
    """Uniform weights from ``numpy.random.default_rng``.

    Keras' own initialisers draw with the backend's generator: one seed gives other weights on JAX than on
    PyTorch.

    Parameters
    ----------
    scale
        Weights are drawn from -scale to scale. Keras' embeddings start with 0.05.
    seed
        The seed. The same seed and shape give the same weights, in every call.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = SeededUniform(0.05, seed=1)((2, 3)), SeededUniform(0.05, seed=1)((2, 3))
    >>> bool((np.asarray(first) == np.asarray(second)).all())
    True
    """

    def __init__(self, scale: float = 0.05, seed: int = 0) -> None:
        self.scale = scale
        self.seed = seed

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Draw weights.

        Parameters
        ----------
        shape
            The shape of the weights.
        dtype
            A floating Keras dtype; by default ``keras.config.floatx()``.

        Returns
        -------
        tensor
            Of the shape and dtype.
        """
        drawn = np.random.default_rng(self.seed).uniform(-self.scale, self.scale, shape).astype(np.float32)
        return keras.ops.convert_to_tensor(drawn, dtype=dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Give the arguments that make the same initialiser."""
        return {"scale": self.scale, "seed": self.seed}
