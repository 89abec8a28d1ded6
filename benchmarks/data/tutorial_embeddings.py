"""Run with a Keras backend set: ``python -m benchmarks.data.tutorial_embeddings OUT``.

Writes ``base.npy``, the trained candidates and 100 noisy copies of them, and ``queries.npy``, the users in
the order of their ids from 1.
"""

import sys
from pathlib import Path

import numpy as np

from leafscan.recommend import load_movielens, noisy_candidates, train, tutorial_preset


def main(out: Path) -> None:
    """Train the tutorial's model on MovieLens-100K."""
    data = load_movielens()
    preset = tutorial_preset(data)
    train(preset)
    users = np.arange(1, data.ratings["user_id"].astype(np.int32).max() + 1)
    np.save(out / "base.npy", noisy_candidates(preset.model.candidate_embeddings()))
    np.save(out / "queries.npy", preset.model.query_embeddings(users))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
