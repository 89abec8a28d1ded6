"""Where a layer searches: by the engine, or on an accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import keras

import leafscan

if TYPE_CHECKING:
    from leafscan.keras.on_device import OnDevice

__all__ = ["Device", "check_device", "has_kernels", "on_device"]

Device: TypeAlias = Literal["auto", "host", "accelerator"]


def check_device(device: str) -> Device:
    """Return ``device`` if it is one of ours, or raise ValueError.

    Examples
    --------
    >>> check_device("gpu")
    Traceback (most recent call last):
    ValueError: `device` must be "auto", "host" or "accelerator". Received: 'gpu'.
    """
    for known in get_args(Device):
        if device == known:
            return known  # type: ignore[no-any-return]
    raise ValueError(f'`device` must be "auto", "host" or "accelerator". Received: {device!r:.80}.')


def on_device(device: Device, index: leafscan.Index) -> OnDevice | None:
    """Make the device's side of a layer whose first index is ``index``, or None: the engine searches.

    Raises
    ------
    ValueError
        If ``device`` is "accelerator" and Keras does not run on JAX, or the index keeps no rows.
    """
    on_jax = keras.backend.backend() == "jax"
    rows = index.config.row_dtype is not None
    if device == "accelerator":
        if not on_jax:
            raise ValueError(
                f'`device="accelerator"` needs Keras on JAX; this is {keras.backend.backend()}. "auto" takes '
                "the accelerator where it can be had."
            )
        if not rows:
            raise ValueError('`device="accelerator"` needs an index with rows; this plan keeps none.')
    elif device == "host" or not on_jax or not rows:
        return None
    from leafscan.keras.on_device import OnDevice, is_there

    return OnDevice() if device == "accelerator" or is_there(index) else None


def has_kernels() -> bool:
    """Tell whether Keras runs on JAX, and that on one GPU which leafscan has kernels for."""
    if keras.backend.backend() != "jax":
        return False
    from leafscan.accelerator.devices import is_hopper, platform_of

    return is_hopper(platform_of()) and keras.distribution.distribution() is None
