import pytest

from benchmarks import run
from benchmarks.data.packages import NotFetchedError
from benchmarks.environments import EnvironmentNotMadeError
from benchmarks.measure import Effort


@pytest.mark.parametrize("error", [NotFetchedError, EnvironmentNotMadeError])
def test_a_set_that_cannot_be_had_is_left_out_and_said(monkeypatch, error):
    def fail():
        raise error("no client")

    monkeypatch.setattr(run, "SETS", {"glove": fail})
    bench = run.Run(peers=[], effort=Effort(), queries=10)
    assert bench.fetch(["glove"]) == []
    assert bench.complaints == ["glove: DATA SET LEFT OUT: no client"]
