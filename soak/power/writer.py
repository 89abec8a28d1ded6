"""What is watched: ``python -m soak.power.writer FOLDER PLAN SEED DEEDS``.

It says what `soak.kills.writer` says.
"""

import os
import sys

import leafscan
from soak.kills.work import begin, draw

__all__ = ["main"]


def main(folder: str, plan: str, seed: int, deeds: int) -> None:
    """Begin a catalogue and work on it; halfway, close it and open it again."""
    index, model = begin(plan, seed)
    catalogue = leafscan.open(folder, index)
    _say("open")
    for number in range(1, deeds + 1):
        operation = draw(seed, number, sorted(model.rows))
        _say(f"+ {number}")
        if operation.kind == "checkpoint":
            catalogue.checkpoint()
        elif operation.vectors is None:
            catalogue.delete(operation.ids)
        else:
            catalogue.upsert(operation.ids, operation.vectors, operation.tags)
        model = model.apply(operation)
        _say(f"- {number}")
        if number == deeds // 2:
            catalogue.close()
            catalogue = leafscan.open(folder)
    catalogue.close()
    _say("closed")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
