"""What cannot be collected: examples in docstrings of frameworks that are not installed here."""

import importlib.util

_NEEDED = {
    "src/leafscan/accelerator": "jax",
    "src/leafscan/jax": "jax",
    "src/leafscan/keras": "keras_rs",
    "src/leafscan/tensorflow": "tensorflow",
    "src/leafscan/torch": "torch",
}

collect_ignore = [folder for folder, package in _NEEDED.items() if importlib.util.find_spec(package) is None]
