import platform
from pathlib import Path

import pytest

import leafscan
from leafscan.cli.demo.machine import describe_machine


def test_it_names_what_figures_depend_on():
    machine = describe_machine(backend="jax", threads=3)
    assert machine["threads"] == 3
    assert machine["cores"] >= 1
    assert machine["processor"]
    assert machine["versions"]["leafscan"] == leafscan.__version__
    assert machine["versions"]["numpy"]


def test_systems_without_proc(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "exists", lambda self: False)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert describe_machine(backend="no-such-package", threads=1)["processor"] == platform.machine()
    assert "no-such-package" not in describe_machine(backend="no-such-package", threads=1)["versions"]
