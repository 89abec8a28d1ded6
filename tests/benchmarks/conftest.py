"""The harness is no part of the package: it is imported from the root of the repository."""

import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

NEEDED = ("matplotlib", "rich", "tqdm", "typer")
collect_ignore_glob = [] if all(map(find_spec, NEEDED)) else ["*.py"]
