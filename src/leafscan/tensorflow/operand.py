"""A slot's number as a variable: graphs read it when they run, and a SavedModel refuses it."""

from typing import Any, NoReturn

import tensorflow as tf
from tensorflow.python.ops.resource_variable_ops import ResourceVariable

from leafscan.index.slots import OPERANDS, Slot

__all__ = ["slot_variable"]

REFUSAL = (
    "a SavedModel cannot carry a leafscan index, since its search is a Python function of this process. "
    "Export the query tower alone, save the index beside it (index.save), and join them where they are "
    "loaded: leafscan.tensorflow.search(leafscan.load(path), tower(inputs))"
)

# Not the type of a variable made here: inside a function that is being traced, that would be another.
_Variable: Any = ResourceVariable


class _SlotVariable(_Variable):  # type: ignore[misc]
    """Says why it cannot be exported: to whoever tracks it, and by its name in TensorFlow's own refusal."""

    def _export_to_saved_model_graph(self, *_: Any, **__: Any) -> NoReturn:
        raise ValueError(f"{REFUSAL}.")

    def __repr__(self) -> str:
        return f"<the slot of a leafscan index: {REFUSAL}>"


def slot_variable(slot: Slot) -> Any:
    """Return a slot's number as a variable, int64 (): always the same one."""
    variable = slot.operands.get("tensorflow")
    if variable is None:
        variable = slot.operands["tensorflow"] = _operand(slot.number)
    return variable


def _operand(number: int) -> Any:
    with tf.init_scope(), tf.device("CPU:0"):
        return _SlotVariable(number, dtype=tf.int64, trainable=False, name="leafscan_slot")


OPERANDS["tensorflow"] = _operand
