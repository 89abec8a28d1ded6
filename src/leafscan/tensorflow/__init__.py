"""leafscan as a TensorFlow operation: eager, in graphs and ``tf.function``, with shapes and a gradient.

A search is a ``tf.numpy_function``, which runs on the host in this process: tensors on a GPU are copied
there and back. XLA has no kernel for it, so ``tf.function(jit_compile=True)`` raises when it compiles; leave
``jit_compile`` out around a search. A SavedModel cannot carry an index: exporting a function that searches
raises, and says what to export instead.
"""

import importlib.util as _util

if _util.find_spec("tensorflow") is None:
    raise ModuleNotFoundError(
        "leafscan.tensorflow needs tensorflow, which is not installed; "
        'pip install "leafscan[tensorflow]" has it.',
        name="tensorflow",
    )

from leafscan.tensorflow.operation import search

__all__ = ["search"]
