import os
import sys
from types import SimpleNamespace

import pytest

from leafscan.cli.demo import backend as module
from leafscan.cli.demo.backend import choose_backend
from leafscan.cli.demo.errors import DemoError


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A process in which Keras was never imported, and nothing is."""
    required: list[str] = []
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(module, "require", lambda name, **_: required.append(name))
    monkeypatch.setattr(module, "find_spec", lambda name: SimpleNamespace(name=name))
    return required


@pytest.mark.parametrize(
    ("backend", "device"),
    [
        ("jax", ("JAX_PLATFORMS", "cpu")),
        ("tensorflow", ("CUDA_VISIBLE_DEVICES", "-1")),
        ("torch", ("KERAS_TORCH_DEVICE", "cpu")),
    ],
)
def test_the_environment_is_set_before_keras_is_imported(
    fresh: list[str], backend: str, device: tuple[str, str]
):
    choose_backend(backend, threads=3)
    assert os.environ["KERAS_BACKEND"] == backend
    assert os.environ[device[0]] == device[1]
    assert [os.environ[name] for name in ("PJRT_NPROC", "TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")] == [
        "3",
        "3",
        "3",
    ]
    assert fresh[0] == "keras"


def test_a_backend_that_is_not_installed_gets_a_sentence(fresh: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(DemoError, match=r'needs torch, .* pip install "leafscan\[torch\]" has it'):
        choose_backend("torch", threads=1)
    assert fresh == []


def test_a_library_that_is_not_installed_gets_a_sentence(fresh: list[str], monkeypatch: pytest.MonkeyPatch):
    def missing(name: str, **_: str) -> None:
        raise ModuleNotFoundError("The demo needs the module keras.")

    monkeypatch.setattr(module, "require", missing)
    with pytest.raises(DemoError, match="The demo needs the module keras"):
        choose_backend("jax", threads=1)


def test_keras_keeps_its_backend(fresh: list[str], monkeypatch: pytest.MonkeyPatch):
    keras = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "torch"))
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(DemoError, match=r"--backend must be torch, .* received jax"):
        choose_backend("jax", threads=1)
    choose_backend("torch", threads=1)
