from importlib import import_module

import pytest

from benchmarks.data import SETS
from benchmarks.data.packages import NotFetchedError


def test_what_training_needs_is_named_when_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("LEAFSCAN_BENCH_OUT", str(tmp_path))
    monkeypatch.setattr(import_module("benchmarks.data.tutorial"), "NEEDED", ("numpy", "no_such_module"))
    with pytest.raises(NotFetchedError, match=r"needs no_such_module; pip install .*recommend"):
        SETS["tutorial"]().whole()
