"""Which device a call will run on, as far as that is known when it is traced."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

__all__ = ["Platform", "is_hopper", "platform_of"]


class Platform(NamedTuple):
    """A kind of device.

    Attributes
    ----------
    name
        As JAX names it: "cpu", "gpu", "tpu" and so on.
    compute_capability
        Of NVIDIA's GPUs, such as "9.0"; else empty.
    """

    name: str
    compute_capability: str


def platform_of(*arrays: Any) -> Platform:
    """Tell the platform of the first array that lies on a device, or else JAX's default.

    Parameters
    ----------
    *arrays
        Pytrees of arrays; traced ones lie nowhere yet.

    Examples
    --------
    >>> import jax
    >>> platform_of(jax.device_put(1.0, jax.devices("cpu")[0])).name
    'cpu'
    """
    for leaf in jax.tree.leaves(arrays):
        if isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer):
            return _platform(next(iter(leaf.devices())))
    default = getattr(jax.config, "jax_default_device", None)
    if default is None:
        return _platform(jax.devices()[0])
    return _platform(jax.devices(default)[0] if isinstance(default, str) else default)


def is_hopper(platform: Platform) -> bool:
    """Whether the kernels for Hopper run there: they need JAX 0.10.

    Examples
    --------
    >>> is_hopper(Platform("gpu", "9.0")), is_hopper(Platform("gpu", "8.0"))
    (True, False)
    """
    hopper = platform.name in ("gpu", "cuda") and platform.compute_capability == "9.0"
    return hopper and jax.__version_info__ >= (0, 10)


def _platform(device: Any) -> Platform:
    capability = getattr(device, "compute_capability", "")
    return Platform(device.platform, str(capability) if device.platform == "gpu" else "")
