import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import leafscan

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def modules_after(statement: str) -> list[str]:
    code = f"import sys\n{statement}\nimport json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded: list[str] = json.loads(done.stdout)
    return loaded


def test_import_needs_numpy_and_safetensors_only() -> None:
    def tops(statement: str) -> set[str]:
        return {name.partition(".")[0] for name in modules_after(statement)}

    # What site and editable installs load by themselves is there before, numpy's own modules after the first.
    extra = tops("import leafscan") - tops("import numpy, safetensors") - set(sys.stdlib_module_names)
    assert extra == {"leafscan"}


def test_import_loads_no_other_floor() -> None:
    ours = [name for name in modules_after("import leafscan") if name.startswith("leafscan.")]
    assert ours
    assert all(name.startswith(("leafscan.index", "leafscan._engine")) for name in ours)


def test_front_door_is_what_it_says() -> None:
    for name in leafscan.__all__:
        assert getattr(leafscan, name).__doc__, name
    with pytest.raises(AttributeError):
        leafscan.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def test_version_is_the_projects() -> None:
    with PYPROJECT.open("rb") as file:
        assert leafscan.__version__ == tomllib.load(file)["project"]["version"]
