"""The process that is killed: ``python -m soak.kills.writer FOLDER SEED FIRST``.

It says "begin" before it opens the catalogue, "open" after, and then of each deed "+ NUMBER" before it and
"- NUMBER" after.
"""

import os
import sys

import leafscan
from soak.kills.work import draw

__all__ = ["main"]


def main(folder: str, seed: int, first: int) -> None:
    """Work until killed."""
    _say("begin")
    catalogue = leafscan.open(folder)
    live = set(catalogue.ids.tolist())
    _say("open")
    number = first
    while True:
        operation = draw(seed, number, sorted(live))
        _say(f"+ {number}")
        if operation.kind == "checkpoint":
            catalogue.checkpoint()
        elif operation.vectors is None:
            catalogue.delete(operation.ids)
            live.difference_update(operation.ids.tolist())
        else:
            catalogue.upsert(operation.ids, operation.vectors, operation.tags)
            live.update(operation.ids.tolist())
        _say(f"- {number}")
        number += 1


def _say(line: str) -> None:
    # At once and whole, as a line that is shorter than a pipe's room is.
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
