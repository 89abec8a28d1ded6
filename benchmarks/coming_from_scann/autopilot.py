"""What autopilot picks: build by it, then search; needs NumPy and the library that it is told to call.

    python autopilot.py build scann DATA FOLDER
    python autopilot.py search scann DATA FOLDER

``DATA`` is a folder of a packaged data set as the benchmarks keep them, ``FOLDER`` where the searcher goes.
The second call prints recall@10 and queries a second of processor time, one query a call and in batches, each
on one thread: what else runs on the machine counts for less then.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

K, SECONDS, BATCH = 10, 0.9, 1_000


def main(action: str, module: str, data: str, folder: str) -> None:
    """Build, or search."""
    scann = importlib.import_module(module)
    metric = json.loads(Path(data, "description.json").read_text())["metric"]
    if action == "build":
        rows = vectors(Path(data, "base.npy"), metric)
        measure = "squared_l2" if metric == "squared_l2" else "dot_product"
        begin = time.perf_counter()
        searcher = scann.scann_ops_pybind.builder(rows, K, measure).autopilot().build()
        took = time.perf_counter() - begin
        Path(folder).mkdir(parents=True, exist_ok=True)
        searcher.serialize(folder)
        Path(folder, "took.json").write_text(json.dumps(took))
        return
    queries = vectors(Path(data, "queries.npy"), metric)
    truth = np.load(Path(data, "truth_ids.npy"))[:, :K]
    searcher = scann.scann_ops_pybind.load_searcher(folder)
    found = searcher.search_batched(queries)[0]
    recall = np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(found, truth, strict=True)])
    batches = [queries[i : i + BATCH] for i in range(0, len(queries), BATCH)]
    print(
        json.dumps(
            {
                "recall": float(recall),
                "single": rate(searcher.search, list(queries), 1),
                "batched": rate(searcher.search_batched, batches, len(batches[0])),
                "build": json.loads(Path(folder, "took.json").read_text()),
            }
        )
    )


def vectors(path: Path, metric: str) -> Any:
    """Read vectors; of length 1 where the metric is cosine."""
    read = np.load(path).astype(np.float32)
    if metric == "cosine":
        read /= np.maximum(np.linalg.norm(read, axis=1, keepdims=True), 1e-30)
    return read


def rate(search: Any, arguments: list[Any], each: int) -> float:
    """Return queries a second, each argument in its turn; the best of three turns of the clock."""
    best = 0.0
    for _ in range(3):
        done, begin = 0, time.process_time()
        while (took := time.process_time() - begin) < SECONDS / 3:
            search(arguments[done % len(arguments)])
            done += 1
        best = max(best, done * each / took)
    return best


if __name__ == "__main__":
    main(*sys.argv[1:])
