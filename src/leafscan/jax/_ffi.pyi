"""XLA's way into the engine."""

from typing import Any

def use(slots: Any) -> None:
    """Let the handlers ask these slots (`leafscan._engine.slots_capsule`)."""

def handlers() -> dict[str, Any]:
    """The handlers by the names of their targets."""
