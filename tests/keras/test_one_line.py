"""A program that knows KerasRS alone, run as it is and with one line changed, each in its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

PROGRAM = Path(__file__).with_name("two_towers.py").read_text(encoding="utf-8")
LINE = "from keras_rs.layers import BruteForceRetrieval\n"


def printed(line: str, folder: Path) -> dict[str, Any]:
    assert PROGRAM.count(LINE) == 1
    (folder / "program.py").write_text(PROGRAM.replace(LINE, line), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(folder / "program.py"), str(folder / "model.keras")],
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return printed(LINE, tmp_path_factory.mktemp("theirs"))


@pytest.mark.parametrize("kind", ["ScannRetrieval", "BruteForceRetrieval", "Streaming"])
def test_one_line_of_a_kerasrs_program_is_swapped(kind: str, theirs: dict[str, Any], tmp_path: Path):
    ours = printed(f"from leafscan.keras import {kind} as BruteForceRetrieval\n", tmp_path)
    # Theirs are int64 on PyTorch where they are indices: what its top_k gives.
    dtypes = ours["dtypes"]
    assert dtypes.pop("scores") == theirs["dtypes"]["scores"] == "float32"
    assert dtypes["ids"] == theirs["dtypes"]["ids"]
    assert set(dtypes.values()) == {"int32"}
    for name in ("trained", "loaded", "ids", "updated"):
        assert ours[name] == theirs[name], name
    np.testing.assert_allclose(ours["scores"], theirs["scores"], rtol=1e-5, atol=1e-6)
