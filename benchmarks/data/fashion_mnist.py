"""Images of clothes: Fashion-MNIST, 784 pixels, squared Euclidean distance."""

import gzip
from pathlib import Path

import numpy as np

from benchmarks.data.dataset import Matrix, Source
from benchmarks.data.packages import debian

HEADER = 16
PIXELS = 784


def fashion_mnist() -> Source:
    """60,000 training images, asked with the 10,000 test images; Debian's ``dataset-fashion-mnist``."""
    return Source("fashion-mnist", "squared_l2", _make)


def _make(scratch: Path) -> tuple[Matrix, Matrix]:
    place = debian("dataset-fashion-mnist", scratch) / "usr" / "share" / "datasets" / "fashion-mnist"
    return _images(place / "train-images-idx3-ubyte.gz"), _images(place / "t10k-images-idx3-ubyte.gz")


def _images(file: Path) -> Matrix:
    with gzip.open(file) as stream:
        pixels = np.frombuffer(stream.read(), dtype=np.uint8, offset=HEADER)
    return pixels.reshape(-1, PIXELS).astype(np.float32)
