"""Options of the whole test suite; nothing here imports leafscan or a framework."""

import os

import pytest

# Keras would take TensorFlow, which need not be installed; it reads this when it is first imported.
os.environ.setdefault("KERAS_BACKEND", "jax")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-network", action="store_true", help="run the tests that fetch the real MovieLens files"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--run-network"):
        skip = pytest.mark.skip(reason="needs the network; --run-network runs it")
        for item in items:
            if item.get_closest_marker("network"):
                item.add_marker(skip)
