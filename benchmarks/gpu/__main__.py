"""Measure exact retrieval on the GPU at hand: ``python -m benchmarks.gpu [--out PAGE] [--sets NAME ...]``."""

from __future__ import annotations

import argparse
import pathlib

import jax

from benchmarks.gpu.measure import draw, measure_ceilings, measure_peer, truth
from benchmarks.gpu.peers import leafscan_peers, other_peers
from benchmarks.gpu.report import page, table

#: By name: candidates, dimensions, clusters, batches, and how many queries are checked.
SETS: dict[str, tuple[int, int, int, tuple[int, ...], int]] = {
    "250k": (250_000, 128, 0, (1, 4_096), 256),
    "1m": (1_000_000, 128, 0, (1, 32, 1_024, 4_096, 16_384), 256),
    "clusters": (1_000_000, 128, 1_000, (1, 4_096), 256),
    "10m": (10_000_000, 96, 0, (1, 256, 4_096), 64),
}

#: How many scores the peers that write them may hold at once; above, their largest batch stands for the rest.
MOST_SCORES = 4.2e9


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("benchmarks/RESULTS-gpu.md"))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--peers", nargs="+", default=[""], help="parts of their names; all by default")
    chosen = parser.parse_args()
    if jax.default_backend() != "gpu":
        raise SystemExit("benchmarks.gpu needs a GPU that JAX sees; this machine has none.")
    ceilings = measure_ceilings()
    print(ceilings, flush=True)
    tables = []
    for name in chosen.sets:
        n, d, clusters, batches, checked = SETS[name]
        rows, queries = draw(n, d, max(batches), clusters=clusters)
        expected = truth(queries[:checked], rows)
        lines = []
        for peer in [*leafscan_peers(), *other_peers()]:
            if not any(part in peer.name for part in chosen.peers):
                continue
            ours = peer.name.startswith("leafscan")
            fitting = tuple(batch for batch in batches if ours or batch * n <= MOST_SCORES)
            line = measure_peer(peer, queries, rows, expected, fitting)
            print(name, line, flush=True)
            # A batch whose scores do not fit goes at the rate of the largest that does.
            for batch in batches:
                line.seconds.setdefault(batch, line.seconds[fitting[-1]] * batch / fitting[-1])
            lines.append(line)
        about = f" in {clusters:,} clusters" if clusters else ""
        tables.append(table(f"{n:,} x {d}{about}", lines, n=n, d=d, ceilings=ceilings))
        print(tables[-1], flush=True)
        chosen.out.write_text(page(tables, ceilings))


if __name__ == "__main__":
    main()
