import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("module", "needs"),
    [
        ("benchmarks.data.embeddings", "numpy"),
        ("benchmarks.data.local_dimension", "numpy"),
        ("benchmarks.frontier", "numpy"),
        ("benchmarks.rungs", "numpy"),
        ("benchmarks.report.table", "rich"),
        ("benchmarks.ten_million.bounds", "numpy"),
    ],
)
def test_examples_in_docstrings(module, needs):
    pytest.importorskip(needs)
    outcome = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert outcome.attempted > 0
    assert outcome.failed == 0
