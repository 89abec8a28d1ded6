"""The command: rounds of random calls until the time is over."""

import json
import time
from typing import Annotated

import typer
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from soak.places import OUT
from soak.scann_calls.machine import COUNTS, ScannCalls

__all__ = ["scann_calls"]


def scann_calls(
    minutes: Annotated[float, typer.Option(min=0.01, help="How long.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Makes the same calls again.")] = 1,
) -> None:
    """Drive leafscan.scann by random calls; none may crash, err without a sentence, or give a wrong id."""
    COUNTS.clear()
    begin, rounds = time.perf_counter(), 0
    while time.perf_counter() - begin < 60 * minutes:
        machine = seeded(seed + rounds)(type("Calls", (ScannCalls,), {}))
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=30,
                stateful_step_count=30,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
        rounds += 1
    results = {
        "subject": "scann",
        "workload": {"seed": seed, "rounds": rounds, "minutes": minutes},
        "seconds": round(time.perf_counter() - begin, 1),
        "calls": dict(sorted(COUNTS.items())),
    }
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "scann.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    typer.echo(json.dumps(results, indent=2))
