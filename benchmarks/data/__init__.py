"""The data sets by name, in the order of the tables."""

from collections.abc import Callable

from benchmarks.data.dataset import Source
from benchmarks.data.fashion_mnist import fashion_mnist
from benchmarks.data.glove import glove_50, glove_100
from benchmarks.data.sift import sift
from benchmarks.data.tutorial import tutorial

SETS: dict[str, Callable[[], Source]] = {
    "glove-100": glove_100,
    "glove-50": glove_50,
    "fashion-mnist": fashion_mnist,
    "tutorial": tutorial,
    "sift": sift,
}
