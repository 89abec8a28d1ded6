"""One peer in one process: ``python -m benchmarks.worker PEER``, driven through pipes.

It reads one JSON object a line and answers with one; arrays travel as ``.npy`` files. What the peer
itself prints goes to standard error, so that it cannot spoil an answer. Only NumPy and the peer's own
library are needed here: this is the part that runs inside the peer's environment.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import give_back_memory, peak_memory, start_peak_memory
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Matrix, Params, Shape

CHUNK = 50
WARM_UP = 50


class Worker:
    """The peer, the queries it was given, and one method for each request."""

    def __init__(self, name: str) -> None:
        self.peer = PEERS[name]()
        self.queries: Matrix = np.empty((0, 0), dtype=np.float32)

    def build(self, base: str, metric: str, params: Params, threads: int, save: str) -> dict[str, Any]:
        """Build from a file of rows, then write the index; time and peak memory are the build's alone."""
        vectors: Matrix = np.load(base)
        before = start_peak_memory()
        start = time.perf_counter()
        self.peer.build(vectors, metric, params, threads)
        seconds = time.perf_counter() - start
        peak = peak_memory()
        del vectors
        give_back_memory()
        self.peer.save(Path(save))
        return {
            "seconds": seconds,
            "peak_mb": peak,
            "before_mb": before,
            "disk_mb": size_on_disk(Path(save)) / 2**20,
        }

    def load(self, path: str, shape: dict[str, Any], params: Params) -> dict[str, Any]:
        """Read an index that an earlier run built."""
        self.peer.load(Path(path), Shape(**shape), params)
        return {}

    def take_queries(self, path: str, count: int) -> dict[str, Any]:
        """Keep the queries in memory for the calls that follow."""
        self.queries = np.ascontiguousarray(np.load(path)[:count])
        return {"queries": len(self.queries)}

    def one_by_one(self, k: int, params: Params, first: int, seconds: float, ids: str) -> dict[str, Any]:
        """Answer queries one a call, from number ``first`` on, until all are asked or time is up."""
        total = len(self.queries)
        wide = self.peer.query_rank == 2
        order = [(first + i) % total for i in range(total)]
        rows = [self.queries[i : i + 1] if wide else self.queries[i] for i in order]
        search = self.peer.single(k, params)
        for row in rows[-WARM_UP:]:
            search(row)
        answers: list[Any] = []
        with Clock() as clock:
            deadline = clock.wall + seconds
            for start in range(0, total, CHUNK):
                answers.extend([search(row) for row in rows[start : start + CHUNK]])
                if time.perf_counter() >= deadline:
                    break
        self._write(ids, [self.peer.ids(answer) for answer in answers], k)
        return {"queries": len(answers), "seconds": clock.wall, "cpu": clock.cpu}

    def all_at_once(self, k: int, params: Params, threads: int, count: int, ids: str) -> dict[str, Any]:
        """Answer the first ``count`` queries in one call."""
        queries = self.queries[:count]
        search = self.peer.batched(k, params, threads)
        search(self.queries[-WARM_UP:])
        with Clock() as clock:
            answer = search(queries)
        self._write(ids, [self.peer.ids(answer)], k)
        return {"queries": len(queries), "seconds": clock.wall, "cpu": clock.cpu}

    def again_and_again(
        self, k: int, params: Params, threads: int, rows: list[int], repeats: int
    ) -> dict[str, Any]:
        """Ask the same few queries in one call, many times; seconds of each call."""
        queries = np.ascontiguousarray(self.queries[rows])
        search = self.peer.batched(k, params, threads)
        for _ in range(20):
            search(queries)
        taken = []
        with Clock():
            for _ in range(repeats):
                start = time.perf_counter()
                search(queries)
                taken.append(time.perf_counter() - start)
        return {"seconds": taken}

    @staticmethod
    def _write(path: str, parts: list[NDArray[np.int64]], k: int) -> None:
        found = np.full((sum(len(part) for part in parts), k), -1, dtype=np.int64)
        at = 0
        for part in parts:
            found[at : at + len(part), : part.shape[1]] = part[:, :k]
            at += len(part)
        np.save(path, found)


class Clock:
    """Wall and processor seconds of a block, with the collector of garbage switched off."""

    def __enter__(self) -> "Clock":
        """Start."""
        gc.collect()
        gc.disable()
        self.cpu = time.process_time()
        self.wall = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu
        gc.enable()


def size_on_disk(path: Path) -> int:
    """Return the bytes of a file, or of every file of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def serve(name: str, answers: TextIO) -> None:
    """Answer requests until the harness closes the pipe."""
    worker = Worker(name)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.argv[1], pipe)
