import os
import subprocess
import sys
from pathlib import Path

import pytest

import leafscan.recommend
from leafscan.recommend.extras import require


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_the_data_part_imports_no_keras_and_no_framework():
    code = (
        "import sys, os; before = os.environ.get('KERAS_BACKEND')\n"
        "import leafscan.recommend as r\n"
        "d = r.synthetic_movielens(); s = r.leave_last_out(d); r.shuffle_split(d)\n"
        "r.top_items([[1.0]]); r.noisy_candidates([[1.0]]); r.next_items(s.train, length=3)\n"
        "r.evaluate(r.Popularity().scores(s.train), s.train, s.validation)\n"
        "heavy = {'keras', 'jax', 'torch', 'tensorflow', 'matplotlib', 'implicit'} & set(sys.modules)\n"
        "print(sorted(heavy), os.environ.get('KERAS_BACKEND') == before)"
    )
    done = python(code)
    assert (done.stdout.strip(), done.stderr) == ("[] True", "")


@pytest.mark.parametrize("name", ["RetrievalModel", "tutorial_preset", "train", "quality_report"])
def test_missing_keras_gets_a_sentence(name: str):
    done = python(f"import sys; sys.modules['keras'] = None\nfrom leafscan.recommend import {name}")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ")
    assert 'pip install "leafscan[recommend]" has it.' in last


def test_a_missing_backend_gets_a_sentence():
    done = python(
        "import sys; sys.modules['torch'] = None\nfrom leafscan.recommend import RetrievalModel",
        KERAS_BACKEND="torch",
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "(KERAS_BACKEND=torch) could not import torch" in last


def test_a_module_that_lacks_something_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "half_installed.py").write_text("import nowhere_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere_at_all'"):
        require("half_installed", purpose="This")


def test_every_public_name_can_be_had():
    assert set(leafscan.recommend.__all__) == set(leafscan.recommend._PLACE_OF)
    for name in leafscan.recommend.__all__:
        assert getattr(leafscan.recommend, name) is not None
    assert "train" in dir(leafscan.recommend)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = leafscan.recommend.nothing
