"""Vectors that look like embeddings, in any number: made up by a seed, block by block."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

#: Rows of one block, each with a generator of its own: the same rows come out whatever the threads.
BLOCK = 65_536

LATENT = 36
HIDDEN = 160
TOPICS = 200
CLUSTERS = 10_000

#: A cluster's share of the rows falls as rank ** -ZIPF: the largest has a thousand times the smallest's.
ZIPF = 0.75

#: Standard deviations of a latent coordinate among topics, among a topic's clusters, and within a cluster.
TOPIC_SPREAD, CLUSTER_SPREAD, POINT_SPREAD = 0.6, 0.7, 0.65

#: The i-th latent coordinate (from 0) is smaller by (1 + i / KNEE) ** -DECAY, in each topic's own rotation.
KNEE, DECAY = 12.0, 0.4

#: Standard deviation of the noise in each dimension, relative to the root mean square of the rest.
NOISE = 0.15


class Embeddings:
    """A distribution of unit vectors, as a trained encoder gives them.

    A row begins as a point of a latent space: a topic, one of its clusters (of Zipf's sizes, each as wide as
    it likes), and a step from the cluster's centre along axes that decay, in a rotation of the topic's own.
    A random network of one hidden layer bends that into the wider space, noise is added, and the row is
    scaled to length 1.

    Parameters
    ----------
    dimensions
        Of the rows.
    seed
        Everything follows from it.

    Examples
    --------
    >>> rows = Embeddings(96, seed=1).rows(0, 1000)
    >>> rows.shape, bool(np.allclose(np.linalg.norm(rows, axis=1), 1))
    ((1000, 96), True)
    """

    def __init__(self, dimensions: int, seed: int) -> None:
        generator = np.random.default_rng([seed, 0])
        self.dimensions, self.seed = dimensions, seed
        scales = (1 + np.arange(LATENT) / KNEE) ** -DECAY
        rotations = np.linalg.qr(generator.standard_normal((TOPICS, LATENT, LATENT)))[0]
        self._steps = (POINT_SPREAD * scales[:, None] * rotations).astype(np.float32)
        topics = TOPIC_SPREAD * generator.standard_normal((TOPICS, LATENT)) * scales
        # Clusters of a topic lie side by side, so that the rows of a block can be rotated topic by topic.
        self._topic = np.sort(generator.integers(TOPICS, size=CLUSTERS))
        offsets = generator.standard_normal((CLUSTERS, LATENT)) * scales
        for topic in range(TOPICS):
            mine = self._topic == topic
            offsets[mine] = offsets[mine] @ rotations[topic]
        self._centers = (topics[self._topic] + CLUSTER_SPREAD * offsets).astype(np.float32)
        self._widths = np.exp(0.3 * generator.standard_normal(CLUSTERS)).astype(np.float32)
        shares = generator.permutation((1.0 + np.arange(CLUSTERS)) ** -ZIPF)
        self._cumulative = np.cumsum(shares) / shares.sum()
        self._into = (generator.standard_normal((LATENT, HIDDEN)) / np.sqrt(LATENT) * 1.5).astype(np.float32)
        self._bias = (0.5 * generator.standard_normal(HIDDEN)).astype(np.float32)
        # Output directions of decaying strength: the spectrum of an embedding falls like that.
        strengths = (1 + np.arange(dimensions) / 16) ** -0.5
        out = generator.standard_normal((HIDDEN, dimensions)) * strengths
        turn = np.linalg.qr(generator.standard_normal((dimensions, dimensions)))[0]
        self._out = (out @ turn / np.sqrt(HIDDEN)).astype(np.float32)
        self._noise = np.float32(NOISE * np.sqrt(np.mean(self._bend(self._latent(generator, 4096)[0]) ** 2)))

    def rows(
        self, first: int, count: int, threads: int = 1, tell: Callable[[int], object] | None = None
    ) -> Matrix:
        """Return rows ``first`` to ``first + count`` of the endless sequence that the seed stands for.

        Parameters
        ----------
        first
            A multiple of ``BLOCK``.
        count
            How many, (count, dimensions) float32 in all; nothing else of that size is held.
        threads
            Blocks made at the same time; the rows do not depend on it.
        tell
            Told how many rows have come, block after block, on this thread.
        """
        if first % BLOCK:
            raise ValueError(f"first must be a multiple of {BLOCK}; received {first}.")
        made = np.empty((count, self.dimensions), dtype=np.float32)
        starts = range(0, count, BLOCK)
        with ThreadPoolExecutor(threads) as pool:
            parts = (made[start : start + BLOCK] for start in starts)
            for size in pool.map(self._fill, parts, (first + start for start in starts)):
                if tell is not None:
                    tell(size)
        return made

    def _fill(self, place: Matrix, first: int) -> int:
        generator = np.random.default_rng([self.seed, 1, first // BLOCK])
        latent, order = self._latent(generator, BLOCK)
        rows = self._bend(latent)
        rows += self._noise * generator.standard_normal(rows.shape, dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        place[:] = rows[order[: len(place)]]
        return len(place)

    def _latent(self, generator: np.random.Generator, count: int) -> tuple[Matrix, NDArray[np.int64]]:
        """Return latent points sorted by topic, and the order that mixes them again."""
        cluster = np.sort(np.searchsorted(self._cumulative, generator.random(count)).clip(max=CLUSTERS - 1))
        steps = generator.standard_normal((count, LATENT), dtype=np.float32)
        steps *= self._widths[cluster, None]
        ends = np.searchsorted(self._topic[cluster], np.arange(TOPICS + 1))
        points = self._centers[cluster]
        for topic in range(TOPICS):
            mine = slice(ends[topic], ends[topic + 1])
            points[mine] += steps[mine] @ self._steps[topic]
        return points, generator.permutation(count)

    def _bend(self, latent: Matrix) -> Matrix:
        hidden = latent @ self._into
        hidden += self._bias
        np.tanh(hidden, out=hidden)
        return np.asarray(hidden @ self._out)
