"""Check searches of arrays on a GPU, which go by way of the host; nothing is timed.

``python -m benchmarks.gpu.host_paths`` runs one process for each framework that is installed: its operation,
and Keras' layers on it. It says which device was used, and exits with 1 if a check fails, a framework that
was named is missing, or ``--device gpu`` found none. Without a GPU the same checks run on the CPU, where JAX
is kept from its custom call, so that the callback is what is checked.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from importlib.util import find_spec

#: What has an operation; the module of its checks is named after it.
FRAMEWORKS = ("jax", "torch", "tensorflow")


def main() -> None:
    """Run the checks of each framework in a process of its own, or, with ``--within``, of one here."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS)
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto")
    parser.add_argument("--within", choices=FRAMEWORKS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.within:
        checks = importlib.import_module(f"benchmarks.gpu.host_paths.{chosen.within}_checks")
        sys.exit(checks.main(chosen.device))
    failed = []
    for framework in chosen.frameworks or [each for each in FRAMEWORKS if find_spec(each)]:
        if find_spec(framework) is None:
            print(f"{framework}: not installed")
            failed.append(framework)
            continue
        command = [sys.executable, "-m", "benchmarks.gpu.host_paths"]
        done = subprocess.run(
            [*command, "--within", framework, "--device", chosen.device],
            env={**os.environ, "KERAS_BACKEND": framework, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
            check=False,
        )
        if done.returncode:
            failed.append(framework)
    print(f"FAILED: {', '.join(failed)}" if failed else "All host paths give what they should.")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
