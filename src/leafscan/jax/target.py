"""XLA's custom call, registered once; where it cannot be had, the host path serves the CPU too."""

import functools

import jax

from leafscan import _engine

__all__ = ["IDS", "POSITIONS", "has_custom_call", "only_cpu"]

IDS = "leafscan_search_ids"
POSITIONS = "leafscan_search_positions"


@functools.cache
def has_custom_call() -> bool:
    """Tell whether searches on the CPU are XLA custom calls.

    They are, unless this leafscan was built without its module for XLA; then `jax.pure_callback` serves the
    CPU too, with the same results.

    Examples
    --------
    >>> has_custom_call()
    True
    """
    try:
        from leafscan.jax import _ffi
    except ModuleNotFoundError as error:
        if error.name != "leafscan.jax._ffi":
            raise
        return False
    _ffi.use(_engine.slots_capsule())
    for name, handler in _ffi.handlers().items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")
    return True


@functools.cache
def only_cpu() -> bool:
    """Tell whether JAX has no device but the CPU, so that a program needs no way for others.

    Examples
    --------
    >>> only_cpu() and jax.default_backend() != "cpu"
    False
    """
    if jax.default_backend() != "cpu":
        return False
    try:
        return not jax.devices("gpu")
    except RuntimeError:
        return True
