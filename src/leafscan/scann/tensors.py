"""Arrays of any framework to NumPy, and results back to where the queries came from.

No framework is imported but the one that an array belongs to, which is then there already.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.arrays import read_array

__all__ = ["Back", "on_host"]

#: Makes an array of the framework and the device that a query came from.
Back = Callable[[NDArray[Any]], Any]


def on_host(values: Any, name: str) -> tuple[NDArray[Any], Back]:
    """Read an array wherever it lies.

    Parameters
    ----------
    values
        A NumPy array, a tensor of JAX, PyTorch or TensorFlow on any device, or nested lists.
    name
        The argument, as the caller knows it.

    Returns
    -------
    (ndarray, callable)
        The values, and what turns a NumPy array into one of their kind.

    Raises
    ------
    TypeError, ValueError
        If it cannot be read.

    Examples
    --------
    >>> array, back = on_host([1.0, 2.0], "q")
    >>> back(array) is array
    True
    """
    framework = type(values).__module__.partition(".")[0]
    if framework in ("jax", "jaxlib"):
        return _from_jax(values, name)
    if framework == "torch":
        return _from_torch(values)
    if framework == "tensorflow":
        return _from_tensorflow(values, name)
    return read_array(values, name), lambda array: array


def _from_jax(values: Any, name: str) -> tuple[NDArray[Any], Back]:
    jax = importlib.import_module("jax")
    try:
        array = np.asarray(values)
    except jax.errors.TracerArrayConversionError:
        raise TypeError(
            f"{name} is being traced by jax.jit, and this searcher runs beside JAX: call it outside of jit, "
            "or by jax.pure_callback."
        ) from None
    devices = values.devices()
    device = next(iter(devices)) if len(devices) == 1 else None
    return array, lambda found: jax.device_put(found, device)


def _from_torch(values: Any) -> tuple[NDArray[Any], Back]:
    torch = importlib.import_module("torch")
    host = values.detach().cpu()
    if host.dtype in (torch.bfloat16, torch.float16):
        host = host.float()
    device = values.device
    return host.numpy(), lambda found: torch.from_numpy(np.ascontiguousarray(found)).to(device)


def _from_tensorflow(values: Any, name: str) -> tuple[NDArray[Any], Back]:
    tensorflow = importlib.import_module("tensorflow")
    if not hasattr(values, "numpy"):
        raise TypeError(
            f"{name} is part of a tf.function's graph, and this searcher runs beside TensorFlow: call it "
            "outside, or by tf.numpy_function."
        )
    return np.asarray(values.numpy()), tensorflow.convert_to_tensor
