"""Random calls, legal and illegal, for a moment; `python -m soak scann --minutes 10` goes on for longer."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The soaks are no part of the package: they are imported from the root of the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

pytest.importorskip("typer")

from soak.scann_calls.machine import ScannCalls

ScannCalls.TestCase.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.filterwarnings("ignore:score_ah's anisotropic:UserWarning")
class TestCalls(ScannCalls.TestCase):  # type: ignore[misc, name-defined]
    """Hypothesis' own test case of the machine."""
